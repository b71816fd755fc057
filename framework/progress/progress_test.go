package progress

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestSignsOfLife has a step that takes long say so, how far it is, and how it ended; and be kept with its time.
func TestSignsOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		log := New(&out).Column("containerd")
		var judged atomic.Int32
		done := log.Counted("evidence", func() string { return strings.Repeat("|", int(judged.Load())) })
		time.Sleep(quiet + time.Second)
		judged.Store(3)
		time.Sleep(quiet)
		done(errors.New("lost"))
		done(nil)
		synctest.Wait()
		want := "  0:00  containerd: evidence ...\n" +
			"  0:30  containerd: evidence: still at it after 30s\n" +
			"  1:00  containerd: evidence: still at it after 1m0s, |||\n" +
			"  1:01  containerd: evidence FAILED after 1m1s\n"
		if out.String() != want {
			t.Errorf("lines:\n%swant:\n%s", out.String(), want)
		}
		if phases := log.Phases(); len(phases) != 1 || phases[0] != (Phase{Column: "containerd", Name: "evidence", Took: 61 * time.Second}) {
			t.Errorf("phases %v", phases)
		}
	})
}
