// Package progress tells the user what a long run is doing: plain lines with the time since the start,
// and a sign of life from steps that take long. It keeps how long each step took.
package progress

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// quiet is how long a step may run before it says that it is still running.
const quiet = 30 * time.Second

// Phase is a step that ended.
type Phase struct {
	// Column is empty for steps of the whole run.
	Column string
	Name   string
	Took   time.Duration
}

// Log writes lines of progress. It is safe for concurrent use; the zero value is not usable.
type Log struct {
	shared *shared
	column string
}

type shared struct {
	mutex   sync.Mutex
	out     io.Writer
	started time.Time
	phases  []Phase
}

// New starts a log, and its clock.
func New(out io.Writer) *Log {
	return &Log{shared: &shared{out: out, started: time.Now()}}
}

// Column is the same log with lines and phases marked as a column's.
func (l *Log) Column(name string) *Log { return &Log{shared: l.shared, column: name} }

// Line writes one line.
func (l *Log) Line(format string, arguments ...any) {
	l.shared.mutex.Lock()
	defer l.shared.mutex.Unlock()
	elapsed := time.Since(l.shared.started)
	prefix := ""
	if l.column != "" {
		prefix = l.column + ": "
	}
	// A progress line that cannot be written must not end the run.
	_, _ = fmt.Fprintf(l.shared.out, "%3d:%02d  %s%s\n", int(elapsed.Minutes()), int(elapsed.Seconds())%60,
		prefix, fmt.Sprintf(format, arguments...))
}

// Step says that a step starts. The function it returns says that the step ended, and keeps how long
// it took; it is called once, with the step's error.
func (l *Log) Step(name string) func(error) {
	return l.Counted(name, func() string { return "" })
}

// Counted is Step for one that knows how far it is: its signs of life say it ("12 of 40 checks").
func (l *Log) Counted(name string, far func() string) func(error) {
	l.Line("%s ...", name)
	started := time.Now()
	ended := make(chan struct{})
	go func() {
		ticker := time.NewTicker(quiet)
		defer ticker.Stop()
		for {
			select {
			case <-ended:
				return
			case <-ticker.C:
				life := fmt.Sprintf("%s: still at it after %s", name, time.Since(started).Round(time.Second))
				if how := far(); how != "" {
					life += ", " + how
				}
				l.Line("%s", life)
			}
		}
	}()
	var once sync.Once
	return func(err error) {
		once.Do(func() {
			close(ended)
			took := time.Since(started)
			l.shared.mutex.Lock()
			l.shared.phases = append(l.shared.phases, Phase{Column: l.column, Name: name, Took: took})
			l.shared.mutex.Unlock()
			if err != nil {
				l.Line("%s FAILED after %s", name, took.Round(100*time.Millisecond))
				return
			}
			l.Line("%s: %s", name, took.Round(100*time.Millisecond))
		})
	}
}

// Phases lists the steps that ended, in the order of their ends.
func (l *Log) Phases() []Phase {
	l.shared.mutex.Lock()
	defer l.shared.mutex.Unlock()
	return append([]Phase(nil), l.shared.phases...)
}

// Writer makes lines of progress of the lines that are written to it.
func (l *Log) Writer() io.Writer { return writer{l} }

type writer struct{ log *Log }

func (w writer) Write(text []byte) (int, error) {
	for line := range strings.SplitSeq(strings.TrimRight(string(text), "\n"), "\n") {
		w.log.Line("%s", line)
	}
	return len(text), nil
}
