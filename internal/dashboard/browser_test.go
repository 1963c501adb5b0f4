package dashboard_test

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api/apitest"
	"github.com/stagger-dev/stagger/internal/dashboard/browsing"
)

// browser starts a browser, which may complain of what is meant to happen.
// Without one the test is skipped, but not in CI.
func browser(t *testing.T, meant ...string) context.Context {
	t.Helper()
	return browserFor(t, 3*time.Minute, meant...)
}

// browserFor is browser for no longer than limit.
func browserFor(t *testing.T, limit time.Duration, meant ...string) context.Context {
	t.Helper()
	ctx := browsing.Start(t, func(event any) {
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			elsewhere(t, e.Request.URL)
		case *runtime.EventExceptionThrown:
			t.Errorf("the script failed: %s", e.ExceptionDetails.Text)
		case *cdplog.EventEntryAdded:
			expected := func(part string) bool { return strings.Contains(e.Entry.Text, part) }
			if e.Entry.Level == cdplog.EntryLevelError && !slices.ContainsFunc(meant, expected) {
				t.Errorf("the browser complains: %s", e.Entry.Text)
			}
		}
	})
	ctx, cancel := context.WithTimeout(ctx, limit)
	t.Cleanup(cancel)
	return ctx
}

// elsewhere fails the test when a page asks anybody but this machine.
func elsewhere(t *testing.T, address string) {
	t.Helper()
	at, err := url.Parse(address)
	if err != nil || at.Scheme != "data" && at.Scheme != "blob" && at.Scheme != "about" && at.Hostname() != "127.0.0.1" {
		t.Errorf("a page asked for %s", address)
	}
}

// run runs an action and returns its value.
func run[T any](ctx context.Context, t *testing.T, action chromedp.Action[T]) T {
	t.Helper()
	value, err := chromedp.Run(ctx, action)
	must(t, err)
	return value
}

const rolloutPath = "/rollouts/shop-20261123-120000-4f2a"

// live waits until the page follows what happens.
var live = chromedp.WaitVisible(`//p[@id="connection"][contains(., "live")]`)

// watched is a world with a trial in it, of which a page is open and live.
func watched(t *testing.T, path string) (world, stagger.Rollout, context.Context) {
	t.Helper()
	w := newWorld(t)
	trial(t, w)
	r, err := w.Store.Rollout(t.Context(), "shop-20261123-120000-4f2a")
	must(t, err)
	ctx := browser(t)
	must(t, chromedp.Do(ctx, chromedp.Navigate(w.url+path), live))
	return w, r, ctx
}

// TestPageFollowsWhatHappens looks at a page, lets something happen and sees it
// appear where it belongs, focus kept and said aloud.
func TestPageFollowsWhatHappens(t *testing.T) {
	t.Parallel() // it waits for the most part
	w, r, ctx := watched(t, rolloutPath)
	must(t, chromedp.Do(ctx,
		chromedp.Focus(`div[aria-labelledby="history"]`),
	))
	before := run(ctx, t, chromedp.Text(".phase"))
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

// TestTheHistoryFollowsWhatHappens has the page with the evidence open and lets
// something happen; what was opened stays so.
func TestTheHistoryFollowsWhatHappens(t *testing.T) {
	t.Parallel() // it waits for the most part
	w, r, ctx := watched(t, rolloutPath+"/history")
	must(t, chromedp.Do(ctx,
		chromedp.Click("#event-3 summary"),
		chromedp.WaitVisible("#event-3 .hash"),
	))
	enter(t, w, &r, stagger.EventReleased, "nothing holds it any more")
	must(t, chromedp.Do(ctx, chromedp.WaitVisible("#event-5")))
	first := run(ctx, t, chromedp.Evaluate[string](`document.querySelector(".chain").firstElementChild.id`))
	open := run(ctx, t, chromedp.Evaluate[int](`document.querySelectorAll("#event-3 details[open]").length`))
	if first != "event-5" || open != 1 {
		t.Errorf("the newest is %s, %d of event 3 stayed open", first, open)
	}
}

// TestATabInTheBackgroundTellsInItsTitle hides a page, which lets go of its
// stream, and lets something happen.
func TestATabInTheBackgroundTellsInItsTitle(t *testing.T) {
	t.Parallel() // it waits for the most part
	w, r, ctx := watched(t, rolloutPath)
	before := run(ctx, t, chromedp.Evaluate[string](`(() => {
		Object.defineProperty(document, "hidden", { get: () => true });
		document.dispatchEvent(new Event("visibilitychange"));
		return document.title;
	})()`))
	must(t, chromedp.Do(ctx, chromedp.WaitVisible(`//p[@id="connection"][contains(., "paused")]`)))
	r.Phase, r.Hold, r.Weight, r.EndedAt = stagger.PhaseRolledBack, "", 0, apitest.Epoch.Add(time.Minute)
	enter(t, w, &r, stagger.EventRolledBack, "the evidence is beyond doubt: p99 is 24% slower")
	after := before
	for range 300 {
		if after = run(ctx, t, chromedp.Title()); after != before {
			break
		}
		must(t, chromedp.Do(ctx, chromedp.Sleep(100*time.Millisecond)))
	}
	if before != "◆ waiting: shop v1 → v2 · Stagger" || after != "✘ rolled back: shop v1 → v2 · Stagger" {
		t.Errorf("the title was %q and became %q", before, after)
	}
}

// TestPlotsStayWhileThePageFollows opens the numbers behind a plot and lets
// things happen: the plots, which most answers lack, stay, and follow later.
func TestPlotsStayWhileThePageFollows(t *testing.T) {
	t.Parallel() // it waits for the most part
	w, r, ctx := watched(t, rolloutPath)
	must(t, chromedp.Do(ctx,
		chromedp.Click("figure summary"),
		chromedp.WaitVisible("figure details[open] table"),
	))
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

// keep keeps a picture where STAGGER_SCREENSHOTS is, if that is set.
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
