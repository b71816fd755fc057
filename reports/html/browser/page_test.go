package browser

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"assay/reports/internal/sample"
	"assay/reports/results"
)

func TestPage(t *testing.T) {
	browser := browse(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, context.Context)
	}{
		{"large page", testLargePage},
		{"queries", testQueries},
		{"permalinks and evidence", testPermalinksAndEvidence},
		{"syscall table", testSyscallTable},
		{"keyboard", testKeyboard},
		{"dark mode", testDarkMode},
		{"narrow", testNarrow},
		{"print", testPrint},
		{"hostile texts do nothing", testHostileTextsDoNothing},
		{"screenshot", testScreenshot},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, browser) })
	}
}

func testQueries(t *testing.T, browser context.Context) {
	run := sample.Matrix()
	b := open(t, browser)
	b.do(chromedp.Navigate(write(t, run, t.TempDir())))
	failures, must := map[string]bool{}, 0
	for _, cell := range run.Cells {
		if cell.Verdict == results.Fail {
			failures[cell.Check] = true
		}
	}
	for _, check := range run.Checks {
		if check.Level == results.LevelMust {
			must++
		}
	}
	all, differing := len(run.Checks), len(run.Differing())
	for _, test := range []struct {
		query string
		want  int
	}{
		{"", all},
		{"differs", differing},
		{"-differs", all - differing},
		{"same", all - differing},
		{"verdict:fail", len(failures)},
		{"-verdict:fail", all - len(failures)},
		{"verdict:fail,error", len(failures) + 1},
		{"level:must", must},
		{"level:must differs verdict:fail", 1},
		{"area:seccomp", 4},
		{"cri-o:fail", len(failures)},
		{"CRIO:fail", len(failures)},
		{"containerd:fail", 0},
		{"containerd:fail,pass level:should", 1},
		{"denied:capability", 2},
		{"supplementalGroupsPolicy", 1},
		{`"raw socket"`, 1},
		{"nothing-like-this", 0},
	} {
		if got := b.filter(test.query); got != test.want {
			t.Errorf("%q shows %d checks, want %d", test.query, got, test.want)
		}
	}
	b.filter("verdict:wrong")
	if text := eval[string](b, `document.getElementById('shown').textContent`); !strings.Contains(text, "wrong") {
		t.Errorf("a verdict that there is not is answered with %q", text)
	}
	b.do(chromedp.SendKeys(filterBox, kb.Escape))
	if got := b.rows(); got != all {
		t.Errorf("after Esc %d checks are shown, want %d", got, all)
	}
	b.do(chromedp.Click(chromedp.CSS("#differences")))
	if got := b.rows(); got != differing {
		t.Errorf("one click shows %d checks, want the %d that differ", got, differing)
	}
}

func testPermalinksAndEvidence(t *testing.T, browser context.Context) {
	address := real(t)
	b := open(t, browser)
	b.do(chromedp.Navigate(address))
	b.screenshot("light")
	b.do(chromedp.Click(chromedp.CSS("details.fold:nth-of-type(1) > summary")), chromedp.Click(chromedp.CSS("details.fold:nth-of-type(2) > summary")))
	b.screenshot("facts")

	b.visit(address + "#caps/default-set@cri-o")
	b.until(`document.getElementById('evidence').open`)
	text := eval[string](b, `document.getElementById('evidence').innerText`)
	for _, want := range []string{"caps/default-set", "NET_RAW", "no securityContext", "drop ALL", "wanted", "observed", "Run just this again", "--column cri-o"} {
		if !strings.Contains(text, want) {
			t.Errorf("the evidence does not say %q", want)
		}
	}
	b.screenshot("evidence")
	// Pod and raw document are a click away.
	b.run(`for (const box of document.querySelectorAll('#evidence details')) box.open = true`)
	b.until(`document.querySelectorAll('#evidence details pre').length > 1`)
	pods := eval[string](b, `[...document.querySelectorAll('#evidence details')].map((box) => box.textContent).join('\n')`)
	for _, want := range []string{"kind: Pod", "ASSAY_REQUEST", "exitCode", "capabilities", "bounding set"} {
		if !strings.Contains(pods, want) {
			t.Errorf("the documents do not hold %q", want)
		}
	}
	b.screenshot("documents")
	if source := eval[string](b, `document.querySelector('#evidence header a[href^="https://"]').href`); source == "" {
		t.Error("there is no link to the source")
	}

	// The other column is an arrow key away, and the address follows.
	b.do(chromedp.KeyEvent(kb.ArrowLeft))
	b.until(`location.hash === '#caps/default-set@containerd' && document.querySelector('#evidence [aria-current]').textContent === 'containerd'`)
	b.do(chromedp.KeyEvent(kb.Escape))
	b.until(`!document.getElementById('evidence').open`)
	if hash := eval[string](b, `location.hash`); hash != "#caps/default-set" {
		t.Errorf("closed, the address is %s", hash)
	}
	if focused := eval[string](b, `document.activeElement.getAttribute('href')`); focused != "#caps/default-set@containerd" {
		t.Errorf("closed, %s has the focus", focused)
	}

	// Of a row far down too, and closed the row is to be seen.
	last := eval[string](b, `[...document.querySelectorAll('tbody.check th[id]')].at(-1).id`)
	b.visit(address + "#" + last + "@cri-o")
	b.until(`document.getElementById('evidence').open`)
	b.screenshot("last")
	b.do(chromedp.KeyEvent(kb.Escape))
	b.until(`!document.getElementById('evidence').open`)
	b.screenshot("last-closed")
	if top := eval[float64](b, fmt.Sprintf(`document.getElementById(%q).getBoundingClientRect().top`, last)); top < 80 || top > 860 {
		t.Errorf("the row of the permalink is at %v", top)
	}

	// A permalink shows a row that the filter hides, and a query has an address too.
	hidden := eval[string](b, `document.querySelector('tbody.check.same th').id`)
	b.visit(address + "#" + hidden)
	b.until(fmt.Sprintf(`document.getElementById(%q).offsetHeight > 0`, hidden))
	b.visit(address + "#?area:caps%20differs")
	b.until(`document.getElementById('filter').value === 'area:caps differs'`)
	if got := b.rows(); got != 3 && *from == "testdata/run" {
		t.Errorf("the query of the address shows %d checks", got)
	}
}

func testSyscallTable(t *testing.T, browser context.Context) {
	b := open(t, browser)
	b.do(chromedp.Navigate(real(t) + "#seccomp/syscall-table"))
	const body = `document.getElementById('seccomp/syscall-table').closest('tbody')`
	b.run(body + `.querySelector('.more button').click()`)
	b.until(body + `.querySelectorAll('tr.all').length > 300`)
	const visible = `[...` + body + `.querySelectorAll('tr.all')].filter((row) => !row.hidden)`
	// The calls that differ are shown first: none of the visible ones has the same text in both columns.
	if same := eval[int](b, visible+`.filter((row) => row.cells[1].textContent === row.cells[2].textContent).length`); same != 0 {
		t.Errorf("%d calls are shown that do not differ", same)
	}
	if keyctl := eval[int](b, visible+`.length`); keyctl < 10 {
		t.Errorf("%d calls differ", keyctl)
	}
	b.run(body + `.scrollIntoView()`)
	b.screenshot("syscalls")
	b.do(chromedp.SendKeys(chromedp.CSS(`tr.more input[type="search"]`), "chroot"))
	if chroot := eval[int](b, visible+`.length`); chroot != 1 {
		t.Errorf("the filter of the values shows %d for chroot", chroot)
	}
}

func testKeyboard(t *testing.T, browser context.Context) {
	b := open(t, browser)
	b.do(chromedp.Navigate(write(t, sample.Matrix(), t.TempDir())))
	b.do(press("/"))
	b.until(`document.activeElement.id === 'filter' && document.activeElement.value === ''`)
	b.do(chromedp.KeyEvent(kb.ArrowDown))
	focused := func() string { return eval[string](b, `document.activeElement.getAttribute('href') || ''`) }
	first := focused()
	if first != "#caps/default-set" {
		t.Fatalf("from the filter the focus goes to %q", first)
	}
	for _, step := range []struct{ key, want string }{
		{kb.ArrowRight, "#caps/default-set@containerd"},
		{kb.ArrowDown, "#caps/inheritable-empty@containerd"},
		{kb.ArrowRight, "#caps/inheritable-empty@cri-o"},
		{kb.ArrowRight, "#caps/inheritable-empty@cri-o"},
		{kb.Home, "#caps/inheritable-empty"},
		{kb.End, "#caps/inheritable-empty@cri-o"},
		{kb.ArrowUp, "#caps/default-set@cri-o"},
		{kb.ArrowUp, "#caps/default-set@cri-o"},
	} {
		b.do(chromedp.KeyEvent(step.key))
		if got := focused(); got != step.want {
			t.Errorf("after %q %s has the focus, want %s", step.key, got, step.want)
		}
	}
	b.do(chromedp.KeyEvent(kb.Enter))
	b.until(`document.getElementById('evidence').open`)
	b.do(chromedp.KeyEvent(kb.Escape))
	b.until(`!document.getElementById('evidence').open`)
	if got := focused(); got != "#caps/default-set@cri-o" {
		t.Errorf("closed, %s has the focus", got)
	}
	before := b.rows()
	b.do(press("d"))
	if after := b.rows(); after >= before {
		t.Errorf("d shows %d checks after %d", after, before)
	}
	// One link of the grid is in the tab order, and everything that can be operated has a name.
	if n := eval[int](b, `document.querySelectorAll('#matrix a.go[tabindex="0"]').length`); n != 1 {
		t.Errorf("%d links of the grid are in the tab order", n)
	}
	nameless := eval[string](b, `[...document.querySelectorAll('button, input, svg[role], dialog, table, [role=region]')]
		.filter((one) => !(one.getAttribute('aria-label') || one.getAttribute('aria-labelledby') || one.textContent.trim())).map((one) => one.outerHTML).join(' ')`)
	if nameless != "" {
		t.Errorf("without a name: %s", nameless)
	}
}

func testDarkMode(t *testing.T, browser context.Context) {
	b := open(t, browser)
	b.do(scheme("dark"), chromedp.Navigate(real(t)))
	const dark = `(() => { const rgb = getComputedStyle(document.documentElement).backgroundColor.match(/\d+/g).map(Number); return rgb[0] + rgb[1] + rgb[2] < 200; })()`
	if !eval[bool](b, dark) {
		t.Error("the page is light where the system is dark")
	}
	b.screenshot("dark")
	b.do(chromedp.Click(chromedp.CSS("#theme")))
	if eval[bool](b, dark) {
		t.Error("the button does not make the page light")
	}
	b.do(chromedp.Reload())
	if eval[bool](b, dark) {
		t.Error("the theme is forgotten")
	}
	b.do(chromedp.Click(chromedp.CSS("#theme")), scheme("light"))
	if !eval[bool](b, dark) {
		t.Error("the button does not make the page dark")
	}
	b.do(chromedp.Navigate("about:blank"))
}

func testNarrow(t *testing.T, browser context.Context) {
	b := open(t, browser)
	address := real(t)
	b.do(phone(), chromedp.Navigate(address))
	b.screenshot("narrow")
	if width := eval[int](b, `document.documentElement.scrollWidth`); width > 390 {
		t.Errorf("two columns take %d pixels", width)
	}
	b.visit(address + "#caps/default-set@cri-o")
	b.until(`document.getElementById('evidence').open`)
	b.screenshot("narrow-evidence")
	if wide := eval[bool](b, `document.getElementById('evidence').scrollWidth > 390`); wide {
		t.Error("the evidence is wider than the screen")
	}

	// Twelve columns scroll sideways, the checks and the filter stay.
	b.visit(write(t, sample.Large(), t.TempDir()))
	b.run(`scrollTo(600, 1500)`)
	if x := eval[float64](b, `scrollX`); x < 500 {
		t.Errorf("the matrix can be scrolled to %v", x)
	}
	b.screenshot("narrow-large")
	for _, part := range []string{"#filter", "#matrix thead th", "tbody.check th"} {
		if left := eval[float64](b, fmt.Sprintf(`document.querySelector(%q).getBoundingClientRect().left`, part)); left < 0 || left > 40 {
			t.Errorf("%s is at %v when the matrix is scrolled", part, left)
		}
	}
}

func testPrint(t *testing.T, browser context.Context) {
	b := open(t, browser)
	b.do(chromedp.Navigate(real(t)))
	printed := result(b, "print", chromedp.PrintToPDF())
	if !bytes.HasPrefix(printed, []byte("%PDF")) {
		t.Fatalf("printing gave %d bytes that are no PDF", len(printed))
	}
	if *screenshots != "" {
		if err := os.WriteFile(filepath.Join(*screenshots, "print.pdf"), printed, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// mostBytes is the largest that the README's screenshot may be.
const mostBytes = 400 << 10

func testScreenshot(t *testing.T, browser context.Context) {
	if *readme == "" {
		t.Skip("no file is named with -readme")
	}
	b := open(t, browser)
	b.do(chromedp.EmulateViewport(1280, 1120), scheme("light"), chromedp.Navigate(real(t)))
	if size := b.capture(*readme); size > mostBytes {
		t.Errorf("the screenshot has %d bytes", size)
	}
}

func testHostileTextsDoNothing(t *testing.T, browser context.Context) {
	run := sample.Hostile()
	b := open(t, browser)
	b.do(chromedp.Navigate(write(t, run, t.TempDir())))
	before := eval[int](b, `document.querySelectorAll('*').length`)
	// All evidence is built, and every table unfolded.
	count := eval[int](b, `(async () => {
		let opened = 0;
		for (const link of document.querySelectorAll('#matrix td > a.go')) {
			location.hash = link.getAttribute('href');
			await new Promise((done) => setTimeout(done, 30));
			for (const box of document.querySelectorAll('#evidence details')) box.open = true;
			opened++;
		}
		document.getElementById('evidence').close();
		for (const button of document.querySelectorAll('tr.more button')) button.click();
		await new Promise((done) => setTimeout(done, 300));
		return opened;
	})()`)
	if count != len(run.Cells) || before == 0 {
		t.Errorf("%d of %d cells were opened", count, len(run.Cells))
	}
	if bad := eval[int](b, `document.querySelectorAll('img, iframe, object, embed, base, form, [onerror], [onload], a[href^="javascript:"]').length + document.scripts.length - 2`); bad != 0 {
		t.Errorf("%d elements came out of texts", bad)
	}
	b.screenshot("hostile")
}
