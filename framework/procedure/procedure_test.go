package procedure

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"assay/framework/check"
	"assay/framework/probe"
	"assay/framework/target"
	"assay/suites"
)

func TestChecksNameKnownProcedures(t *testing.T) {
	for _, c := range suites.Catalogue() {
		for _, trial := range c.Trials {
			if p := trial.Procedure; !p.IsZero() && !Known(p.Name) {
				t.Errorf("%s, trial %q: there is no procedure %q", c.ID, trial.Name, p.Name)
			}
		}
	}
	if _, err := Do(t.Context(), check.Procedure{Name: "dance"}, Subject{}); err == nil {
		t.Error("an unknown procedure is carried out")
	}
}

// Without streams nothing can be said of the runtime.
func TestStreamsAreMissing(t *testing.T) {
	subject := Subject{Target: target.Target{Client: fake.NewClientset()}, Pod: &corev1.Pod{}}
	for _, name := range []string{
		check.ProcedureExec, check.ProcedureExecThrough, check.ProcedureAttach, check.ProcedureForward, check.ProcedureForwardEcho,
		check.ProcedureRestartRuntime,
	} {
		if result, err := Do(t.Context(), check.Procedure{Name: name}, subject); err == nil {
			t.Errorf("%s: %+v without streams", name, result)
		}
	}
}

func TestFollowSignals(t *testing.T) {
	const log = "hook\nsignal SIGTERM\nalive 100\nalive 3900\nalive 4\x00\nsaid\nalive 40"
	lines, alive, err := followSignals(bufio.NewReader(strings.NewReader(log)))
	if err != nil || !slices.Equal(lines, []string{"hook", "signal SIGTERM", "said"}) || alive != 40*time.Millisecond {
		t.Errorf("got %q, %s, %v", lines, alive, err)
	}
	if err := untilReady(bufio.NewReader(strings.NewReader("warning\n"))); err == nil {
		t.Error("a log without ready is ready")
	}
}

func TestEndOf(t *testing.T) {
	const grace = 4 * time.Second
	for alive, want := range map[time.Duration]string{
		0: "at once", time.Second: "after 1000 ms", 2900 * time.Millisecond: "after 2900 ms",
		3900 * time.Millisecond: "after the grace period", 7 * time.Second: "after the grace period", 30 * time.Second: "after 30000 ms",
	} {
		if got := endOf(alive, grace); got != want {
			t.Errorf("alive for %s: %q, want %q", alive, got, want)
		}
	}
}

func TestResolved(t *testing.T) {
	for message, want := range map[string]string{
		`short-name "thing:latest" did not resolve`:                                               "none",
		`failed to pull "example.com/library/thing:latest": not there`:                            "example.com/library/thing",
		`"b.example/thing" and a.example/x/thing, asked https://a.example/v2/x/thing/manifests/1`: "a.example/x/thing b.example/thing",
		`example.com/library/things`:                                                              "none",
	} {
		if got := resolved(message, "thing"); got != want {
			t.Errorf("%s: %q, want %q", message, got, want)
		}
	}
}

func TestCompareLines(t *testing.T) {
	logged := func(stream, text string) probe.LoggedLine {
		digest := sha256.Sum256([]byte(text))
		return probe.LoggedLine{Stream: stream, Bytes: len(text), Digest: hex.EncodeToString(digest[:])}
	}
	wanted := []probe.LogLine{{Stream: "stdout", Text: "a"}, {Stream: "stderr", Text: "b"}}
	whole := []probe.LoggedLine{logged("stdout", "a"), logged("stderr", "b")}
	swapped := []probe.LoggedLine{whole[1], whole[0]}
	for name, lines := range map[string][]probe.LoggedLine{"the whole log": whole, "streams that overtook each other": swapped} {
		if got := compareLines(wanted, lines); got != "complete" {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := asLogged(wanted, swapped); !slices.Equal(got, []probe.LogLine{wanted[1], wanted[0]}) {
		t.Errorf("in the order of the log it is %v", got)
	}
	if got := asLogged(wanted, whole[1:]); !slices.Equal(got, []probe.LogLine{wanted[1], wanted[0]}) {
		t.Errorf("with what the log lacks it is %v", got)
	}
	for name, lines := range map[string][]probe.LoggedLine{
		"none": nil, "one": whole[:1], "one more": append(slices.Clone(whole), whole[0]),
		"swapped in a stream": {logged("stderr", "b"), logged("stderr", "a")}, "another stream": {logged("stderr", "a"), whole[1]}, "another text": {logged("stdout", "x"), whole[1]},
	} {
		if got := compareLines(wanted, lines); got == "complete" {
			t.Errorf("%s: it is complete", name)
		}
	}
}

func TestCompareLives(t *testing.T) {
	before := life{id: "a", restarts: 2, runs: true}
	for after, want := range map[life]string{
		before: "the same container", {id: "b", restarts: 3}: "1 restarts", {id: "b", restarts: 2}: "another container",
		{id: "a", restarts: 2}: "ended",
	} {
		if got := compareLives(before, after); got != want {
			t.Errorf("%+v: %q, want %q", after, got, want)
		}
	}
}

func TestSibling(t *testing.T) {
	subject := Subject{Container: "c1", Pod: &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "pod"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c1"}, {Name: "c2", Env: []corev1.EnvVar{{Name: "READER"}}}}},
	}}
	if name, err := subject.sibling("READER"); err != nil || name != "c2" {
		t.Errorf("got %q, %v", name, err)
	}
	if name, err := subject.sibling("WRITER"); err == nil {
		t.Errorf("got %q for a container that is not there", name)
	}
}

func TestPayload(t *testing.T) {
	if got := len(payload()); got != probe.DigestBytes {
		t.Errorf("%d bytes", got)
	}
	if same([]byte("ab"), []byte("ab")) != "same" || same([]byte("ab"), []byte("a")) == "same" {
		t.Error("what came back is not compared")
	}
}

// TestNeverStarted: only a command that cannot have run is asked for again.
func TestNeverStarted(t *testing.T) {
	late := errors.New("failed to load task: context deadline exceeded")
	said := &execution{}
	said.stdout.WriteString("a word")
	for name, test := range map[string]struct {
		execution *execution
		err       error
		want      bool
	}{
		"the runtime had no time":      {&execution{}, late, true},
		"it ran":                       {&execution{}, nil, false},
		"it was refused":               {&execution{}, errors.New("container not running"), false},
		"it said something":            {said, late, false},
		"its input may have been read": {&execution{stdin: strings.NewReader("input")}, late, false},
	} {
		if got := test.execution.neverStarted(test.err); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
