package cluster

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"sigs.k8s.io/kind/pkg/log"
)

// kindLogger writes what kind says, all levels of it, to a file, and tells of the steps that kind begins.
type kindLogger struct {
	mutex sync.Mutex
	out   io.Writer
	// step is called with the name of each step when it begins.
	step func(name string)
}

var (
	_ log.Logger     = (*kindLogger)(nil)
	_ log.InfoLogger = (*kindLogger)(nil)
)

func (l *kindLogger) Warn(message string)                { l.write("warning: " + message) }
func (l *kindLogger) Warnf(format string, values ...any) { l.Warn(fmt.Sprintf(format, values...)) }
func (l *kindLogger) Error(message string)               { l.write("error: " + message) }
func (l *kindLogger) Errorf(format string, values ...any) {
	l.Error(fmt.Sprintf(format, values...))
}
func (l *kindLogger) V(log.Level) log.InfoLogger { return l }
func (l *kindLogger) Enabled() bool              { return true }
func (l *kindLogger) Infof(format string, values ...any) {
	l.Info(fmt.Sprintf(format, values...))
}

// Info is where kind tells of its steps: " • Starting control-plane 🕹️  ..." when one begins.
func (l *kindLogger) Info(message string) {
	l.write(message)
	if name, begins := strings.CutPrefix(message, " • "); begins && l.step != nil {
		if name, begins = strings.CutSuffix(strings.TrimSpace(name), "..."); begins {
			l.step(stepName(name))
		}
	}
}

func (l *kindLogger) write(message string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	// A log that cannot be written must not end the work.
	_, _ = fmt.Fprintln(l.out, strings.TrimRight(message, "\n"))
}

// stepName is kind's name of a step without its pictures and image names.
func stepName(text string) string {
	if i := strings.IndexByte(text, '('); i > 0 {
		text = text[:i]
	}
	text = strings.Map(func(r rune) rune {
		if r > 127 {
			return -1
		}
		return r
	}, text)
	return strings.ToLower(strings.TrimSpace(text))
}
