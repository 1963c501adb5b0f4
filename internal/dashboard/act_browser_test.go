package dashboard_test

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestAKeyOpensTheDialogAndNothingMore acts by keyboard alone: a key asks, the
// form says why, and the page follows.
func TestAKeyOpensTheDialogAndNothingMore(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	ctx := browser(t)
	must(t, chromedp.Do(ctx,
		chromedp.Navigate(w.url+rolloutPath),
		live,
		chromedp.KeyEvent("p"),
		chromedp.WaitVisible("#dialog[open] #act-reason"),
	))
	picture := run(ctx, t, chromedp.FullScreenshot(100))
	keep(t, "dialog-light", 1200, picture)
	pending, err := w.Store.Pending(ctx)
	must(t, err)
	focused := run(ctx, t, chromedp.Evaluate[string](`document.activeElement.id`))
	if len(pending) != 0 || focused != "act-reason" {
		t.Errorf("%d commands before anything was confirmed; focus on %q", len(pending), focused)
	}
	must(t, chromedp.Do(ctx,
		chromedp.KeyEvent("lunch"),
		chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent("ada"), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter),
		chromedp.WaitVisible(`//p[contains(@class, "phase")][contains(., "paused")]`),
		chromedp.WaitNotPresent("#dialog[open]"),
	))
	w.said(t, "ada", "lunch")
	must(t, chromedp.Do(ctx, chromedp.KeyEvent("?"), chromedp.WaitVisible("#shortcuts[open]")))
	keep(t, "keys-light", 1200, run(ctx, t, chromedp.FullScreenshot(100)))
}

// said checks the newest event of the rollout.
func (w world) said(t *testing.T, actor, reason string) {
	t.Helper()
	events, err := w.Store.History(t.Context(), "shop-20261123-120000-4f2a", 0, 100)
	must(t, err)
	if last := events[len(events)-1]; last.Actor != actor || last.Reason != reason {
		t.Errorf("the history says %s: %s", last.Actor, last.Reason)
	}
}
