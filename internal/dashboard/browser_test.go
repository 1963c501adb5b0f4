package dashboard_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api/apitest"
)

// browser starts a browser, which may complain of what is meant to happen.
// Without one the test is skipped, but not in CI.
func browser(t *testing.T, meant ...string) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no chromium in CI")
		}
		t.Skip("no chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.WindowSize(1200, 1000),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithListener(func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			t.Errorf("the script failed: %s", e.ExceptionDetails.Text)
		case *cdplog.EventEntryAdded:
			expected := func(part string) bool { return strings.Contains(e.Entry.Text, part) }
			if e.Entry.Level == cdplog.EntryLevelError && !slices.ContainsFunc(meant, expected) {
				t.Errorf("the browser complains: %s", e.Entry.Text)
			}
		}
	}))
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// run runs an action and returns its value.
func run[T any](ctx context.Context, t *testing.T, action chromedp.Action[T]) T {
	t.Helper()
	value, err := chromedp.Run(ctx, action)
	must(t, err)
	return value
}

const rolloutPath = "/rollouts/shop-20261123-120000-4f2a"

// TestPageFollowsWhatHappens looks at a page, lets something happen and sees it
// appear where it belongs, focus kept and said aloud.
func TestPageFollowsWhatHappens(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	ctx := browser(t)
	must(t, chromedp.Do(ctx,
		chromedp.Navigate(w.url+rolloutPath),
		chromedp.WaitVisible(`//p[@id="connection"][contains(., "live")]`),
		chromedp.Focus(`div[aria-labelledby="history"]`),
	))
	before := run(ctx, t, chromedp.Text(".phase"))
	r, err := w.Store.Rollout(ctx, "shop-20261123-120000-4f2a")
	must(t, err)
	r.Phase, r.Hold, r.Weight, r.EndedAt = stagger.PhaseRolledBack, "", 0, apitest.Epoch.Add(time.Minute)
	enter(t, w, &r, stagger.EventRolledBack, "the evidence is beyond doubt: p99 is 24% slower")
	must(t, chromedp.Do(ctx,
		chromedp.WaitVisible(`//p[contains(@class, "phase")][contains(., "rolled back")]`),
		chromedp.WaitVisible(`#event-5`),
	))
	focused := run(ctx, t, chromedp.Evaluate[string](`document.activeElement.getAttribute("aria-labelledby") ?? ""`))
	said := run(ctx, t, chromedp.TextContent("#announcement"))
	if before != "◆ waiting" || focused != "history" || said != "shop v2: rolled back" {
		t.Errorf("before %q, focus %q, said %q", before, focused, said)
	}
}

// TestPlotsStayWhileThePageFollows opens the numbers behind a plot and lets
// things happen: the plots, which most answers lack, stay, and follow later.
func TestPlotsStayWhileThePageFollows(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	ctx := browser(t)
	must(t, chromedp.Do(ctx,
		chromedp.Navigate(w.url+rolloutPath),
		chromedp.WaitVisible(`//p[@id="connection"][contains(., "live")]`),
		chromedp.Click("figure summary"),
		chromedp.WaitVisible("figure details[open] table"),
	))
	r, err := w.Store.Rollout(ctx, "shop-20261123-120000-4f2a")
	must(t, err)
	trail := grown(progress(r).Verdict)
	newest := progress(r).Verdict
	newest.At = apitest.Epoch.Add(53 * time.Second)
	trail.Add(newest)
	state, err := trail.State()
	must(t, err)
	must(t, w.Store.SavePath(ctx, r.ID, state))
	r.Phase, r.Hold = stagger.PhaseProgressing, ""
	enter(t, w, &r, stagger.EventReleased, "nothing holds it any more")
	must(t, chromedp.Do(ctx, chromedp.WaitVisible("#event-5")))
	const stands = `document.querySelectorAll("#panel-evolution details[open]").length + " " + document.querySelectorAll("#panel-evolution figure canvas").length`
	soon := run(ctx, t, chromedp.Evaluate[string](stands))
	now, followed := progress(r), false
	for !followed { // progress comes all the time, as from the controller
		now.At = time.Now()
		must(t, w.Store.SaveProgress(ctx, now))
		must(t, chromedp.Do(ctx, chromedp.Sleep(250*time.Millisecond)))
		followed = run(ctx, t, chromedp.Evaluate[bool](`document.querySelector("#panel-evolution").textContent.includes("12:00:53")`))
	}
	later := run(ctx, t, chromedp.Evaluate[string](stands))
	if soon != "1 10" || later != "1 10" {
		t.Errorf("open tables and plots after an event %q, after the path has grown %q", soon, later)
	}
}

// TestScreenshots shows that every page renders in light and dark, wide and
// narrow, and without anything that sticks out. With STAGGER_SCREENSHOTS set the
// pictures are kept there.
func TestScreenshots(t *testing.T) {
	empty, busy := newWorld(t), newWorld(t)
	trial(t, busy)
	lived(t, busy)
	ctx := browser(t)
	over(t, busy, "shop-old", "desk", apitest.Epoch.Add(-time.Hour), 3)
	for name, address := range map[string]string{
		"first": empty.url + "/", "services": busy.url + "/", "rollout": busy.url + rolloutPath, "history": busy.url + "/rollouts/shop-old/history?at=4",
		"compare": busy.url + "/compare?a=shop-old&b=shop-20261123-120000-4f2a", "outcomes": busy.url + "/outcomes", "plan": busy.url + "/plan?rps=400&users=24000", "report": busy.url + rolloutPath + "/report",
	} {
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{1200, 400} {
				_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
					Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
				})
				must(t, err)
				must(t, chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(address), chromedp.WaitVisible(chromedp.CSS("h1"))))
				wide := run(ctx, t, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > innerWidth`))
				picture := run(ctx, t, chromedp.FullScreenshot(100))
				if wide {
					t.Errorf("%s at %d: the page is wider than the window", name, width)
				}
				keep(t, name+"-"+scheme, width, picture)
			}
		}
	}
}

func keep(t *testing.T, name string, width int64, picture []byte) {
	t.Helper()
	folder := os.Getenv("STAGGER_SCREENSHOTS")
	if folder == "" {
		return
	}
	if width < 1000 {
		name += "-narrow"
	}
	must(t, os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644))
}
