package browser

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"

	"assay/reports/internal/sample"
)

// The limits at 300 checks x 12 columns x 500 system calls.
const (
	mostToPaint     = time.Second
	mostToKeystroke = 100 * time.Millisecond
)

func testLargePage(t *testing.T, browser context.Context) {
	address := write(t, sample.Large(), t.TempDir())
	b := open(t, browser)
	// What the machine does besides only makes the first paint later: the earliest of some is the page's own.
	const tries = 5
	paint := time.Hour
	for range tries {
		b.visit(address)
		b.until(`performance.getEntriesByName('first-contentful-paint').length > 0`)
		paint = min(paint, milliseconds(eval[float64](b, `performance.getEntriesByName('first-contentful-paint')[0].startTime`)))
		if paint <= mostToPaint {
			break
		}
	}
	loaded := milliseconds(eval[float64](b, `performance.getEntriesByType('navigation')[0].loadEventEnd`))
	t.Logf("%d checks x %d columns x %d calls: first paint after %s, loaded after %s", sample.LargeChecks, sample.LargeColumns, sample.LargeCalls, paint, loaded)
	if paint > mostToPaint {
		t.Errorf("the first paint took %s", paint)
	}
	b.screenshot("large")

	// What the page does for a key is the time of its main thread: the time by the clock, from the key event to
	// the frame that shows its effect, is longer where the machine does other things besides.
	b.run(`window.took = []; addEventListener('keydown', (event) => {
		const pressed = event.timeStamp;
		requestAnimationFrame(() => {
			const after = new MessageChannel();
			after.port1.onmessage = () => took.push(performance.now() - pressed);
			after.port2.postMessage(null);
		});
	}, true); document.getElementById('filter').focus()`)
	b.do(call(performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks}))
	const query = "number-12 differs"
	var busy, clock time.Duration
	for _, key := range query {
		pressed, before := eval[int](b, `took.length`), mainThread(b)
		b.do(press(string(key)))
		b.until(`took.length > ` + strconv.Itoa(pressed))
		busy = max(busy, mainThread(b)-before)
		clock = max(clock, milliseconds(eval[float64](b, `took.at(-1)`)))
	}
	t.Logf("the slowest of %d keystrokes in the filter took %s of the main thread, %s by the clock; %d checks are left", len(query), busy, clock, b.rows())
	if busy > mostToKeystroke {
		t.Errorf("a keystroke took %s", busy)
	}

	// The first evidence has to be unpacked.
	opened := milliseconds(eval[float64](b, `(async () => {
		const start = performance.now();
		location.hash = document.querySelector('#matrix td > a.go').getAttribute('href');
		while (!document.getElementById('evidence').open) await new Promise(requestAnimationFrame);
		return performance.now() - start;
	})()`))
	t.Logf("the first evidence was open after %s", opened)
	b.run(`document.getElementById('evidence').close()`)
	table := milliseconds(eval[float64](b, `(async () => {
		const start = performance.now();
		document.querySelector('tr.more button').click();
		while (document.querySelectorAll('tr.all').length < 500) await new Promise(requestAnimationFrame);
		await new Promise(requestAnimationFrame);
		return performance.now() - start;
	})()`))
	t.Logf("the table of %d system calls was open after %s", sample.LargeCalls, table)
}

// mainThread is the time that the page's main thread was at work.
func mainThread(b *tab) time.Duration {
	b.Helper()
	var seconds float64
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		all, err := cdp.Call(ctx, target, performance.GetMetrics, cdp.Empty{})
		for _, metric := range all.Metrics {
			if metric.Name == "TaskDuration" {
				seconds = metric.Value
			}
		}
		return err
	}))
	return milliseconds(1000 * seconds)
}

func milliseconds(number float64) time.Duration {
	return time.Duration(number * float64(time.Millisecond)).Round(time.Millisecond)
}
