package run

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"assay/reports/results"
)

// Interruptible is a context that the first SIGINT or SIGTERM ends with ErrInterrupted as its cause.
// From the second one on they are sent to the channel. The function that it returns ends all that.
func Interruptible(parent context.Context) (context.Context, <-chan os.Signal, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals, again := make(chan os.Signal, 2), make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
			cancel(ErrInterrupted)
		case <-ctx.Done():
		}
		for received := range signals {
			again <- received
		}
		close(again)
	}()
	return ctx, again, func() {
		signal.Stop(signals)
		cancel(nil)
		close(signals)
	}
}

// LeaveOn ends the process at once when the channel says so, and says what is left behind. It returns
// when the channel is closed.
func (r *Run) LeaveOn(again <-chan os.Signal, out io.Writer) {
	if _, interrupted := <-again; !interrupted {
		return
	}
	_, _ = fmt.Fprintln(out, "interrupted again, leaving at once")
	for _, name := range r.Remaining() {
		_, _ = fmt.Fprintf(out, "left behind: cluster %s; `assay clean` deletes it\n", name)
	}
	for i, c := range r.options.Existing {
		_, _ = fmt.Fprintf(out, "left behind, perhaps: namespaces and RuntimeClasses assay-%s and assay-%s-... in the cluster of context %s\n",
			columnID(r.id, i), columnID(r.id, i), c.Context)
	}
	os.Exit(results.ExitInterrupted)
}
