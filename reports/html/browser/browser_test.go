// Package browser tests the matrix page in headless Chromium, and takes the screenshot of the README.
package browser

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"assay/reports/html"
	"assay/reports/results"
)

var (
	from        = flag.String("results", "testdata/run", "directory of a run: its results.json and evidence")
	screenshots = flag.String("screenshots", "", "directory that takes screenshots of everything")
	readme      = flag.String("readme", "", "file that takes the README's screenshot")
)

// pageTimeout is the most time for one test.
const pageTimeout = 5 * time.Minute

// write renders results into a file of the test and returns its address.
func write(t *testing.T, run *results.Results, directory string) string {
	t.Helper()
	var b bytes.Buffer
	if err := html.Write(&b, run, html.Options{Evidence: os.DirFS(directory)}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "index.html")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Logf("the page has %d KiB", b.Len()>>10)
	return "file://" + path
}

// real is the page of a real run.
func real(t *testing.T) string {
	t.Helper()
	run, err := results.Load(filepath.Join(*from, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	return write(t, run, *from)
}

// tab is an open page.
type tab struct {
	*testing.T
	ctx context.Context
}

// browse starts the browser, which is one for all tests.
func browse(t *testing.T) context.Context {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Fatal("there is no Chromium: make browser-test installs it")
	}
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(program), chromedp.WindowSize(1280, 900)}
	if os.Geteuid() == 0 {
		// Chromium refuses to run as root with its sandbox.
		options = append(options, chromedp.NoSandbox)
	}
	ctx, cancel := chromedp.NewContext(t.Context(), chromedp.WithAllocatorOptions(options...))
	t.Cleanup(cancel)
	// The context of the first action is the browser's: it has no deadline.
	if err := chromedp.Do(ctx, call(network.Enable, network.EnableParams{})); err != nil {
		t.Fatalf("start %s: %v", program, err)
	}
	return ctx
}

// open opens a tab in a profile of its own; what its page does wrong fails the test.
func open(t *testing.T, browser context.Context) *tab {
	t.Helper()
	var lock sync.Mutex
	var wrong []string
	note := func(format string, arguments ...any) {
		lock.Lock()
		defer lock.Unlock()
		wrong = append(wrong, fmt.Sprintf(format, arguments...))
	}
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(func(event any) {
		switch event := event.(type) {
		case *runtime.EventExceptionThrown:
			note("exception: %s", event.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			note("console %s", event.Type)
		case *log.EventEntryAdded:
			note("message: %s", event.Entry.Text)
		case *page.EventJavascriptDialogOpening:
			note("dialog: %s", event.Message)
		case *network.EventRequestWillBeSent:
			if !strings.HasPrefix(event.Request.URL, "file://") {
				note("request to %s", event.Request.URL)
			}
		}
	}))
	t.Cleanup(cancel)
	t.Cleanup(func() {
		lock.Lock()
		defer lock.Unlock()
		for _, what := range wrong {
			t.Errorf("the page caused a %s", what)
		}
	})
	b := &tab{T: t, ctx: ctx}
	b.do(call(network.Enable, network.EnableParams{}), scheme("light"))
	b.ctx, cancel = context.WithTimeout(ctx, pageTimeout)
	t.Cleanup(cancel)
	return b
}

// call is a command of the protocol as an action.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, command, params)
		return err
	})
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.Fatal(err)
	}
}

// result is what an action returns; name stands for it when it fails.
func result[T any](b *tab, name string, action chromedp.Action[T]) T {
	b.Helper()
	value, err := chromedp.Run(b.ctx, action)
	if err != nil {
		b.Fatalf("%s: %v", name, err)
	}
	return value
}

// eval is the value of an expression, or what it promises.
func eval[T any](b *tab, expression string) T {
	b.Helper()
	return result(b, expression, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// run executes statements.
func (b *tab) run(statements string) {
	b.Helper()
	eval[bool](b, "(() => { "+statements+"; return true; })()")
}

// until waits until an expression holds.
func (b *tab) until(expression string) {
	b.Helper()
	for {
		_, err := chromedp.Run(b.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(20*time.Second)))
		if err == nil {
			return
		}
		// A page that has only just replaced another is polled again.
		if !strings.Contains(err.Error(), "Cannot find context") || b.ctx.Err() != nil {
			b.Fatalf("%s: %v", expression, err)
		}
	}
}

// visit opens an address anew, even where only the fragment is another one.
func (b *tab) visit(address string) {
	b.Helper()
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate(address))
}

// rows is the number of checks that are on the page to be seen.
func (b *tab) rows() int {
	b.Helper()
	return eval[int](b, `[...document.querySelectorAll('tbody.check')].filter((body) => body.offsetHeight > 0).length`)
}

// filter types a query and returns the number of rows.
func (b *tab) filter(query string) int {
	b.Helper()
	b.run(`const filter = document.getElementById('filter'); filter.value = ''; filter.dispatchEvent(new Event('input'))`)
	b.do(chromedp.SendKeys(filterBox, query))
	return b.rows()
}

// screenshot keeps what is to be seen, where screenshots are wanted.
func (b *tab) screenshot(name string) {
	b.Helper()
	if *screenshots == "" {
		return
	}
	b.capture(filepath.Join(*screenshots, name+".png"))
}

func (b *tab) capture(path string) int {
	b.Helper()
	image := result(b, path, chromedp.CaptureScreenshot())
	if _, err := png.DecodeConfig(bytes.NewReader(image)); err != nil {
		b.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(path, image, 0o644); err != nil {
		b.Fatal(err)
	}
	return len(image)
}

// press presses a key as a keyboard does: a page that handles the key keeps its character from being typed.
func press(key string) chromedp.Action[chromedp.Void] {
	return call(input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: key, Text: key})
}

// phone is the screen of a phone.
func phone() chromedp.Action[chromedp.Void] {
	return chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile)
}

// scheme is what the system prefers: light or dark.
func scheme(name string) chromedp.Action[chromedp.Void] {
	return call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		// Nothing moves, so that screenshots are those of what has come to rest.
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
}

const filterBox = chromedp.CSS("#filter")
