package dashboard_test

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api/apitest"
)

// TestSearchFollowsWhatIsTyped types, sees the page and its address follow, and
// then lets something happen: what is followed is what was searched for.
func TestSearchFollowsWhatIsTyped(t *testing.T) {
	w := newWorld(t)
	over(t, w, "desk-old", "desk", apitest.Epoch.Add(-time.Hour), 0)
	trial(t, w)
	ctx := browser(t)
	must(t, chromedp.Do(ctx,
		chromedp.Navigate(w.url+"/"),
		live,
		chromedp.WaitVisible("#rollout-desk-old"),
		chromedp.SendKeys("#q", "basket"),
		chromedp.WaitVisible(`//p[@id="found"][contains(., "“basket”")]`),
		chromedp.WaitNotPresent("#rollout-desk-old"),
		chromedp.SendKeys("#q", " totals"),
		chromedp.WaitVisible(`//p[@id="found"][contains(., "“basket totals”")]`),
	))
	address := run(ctx, t, chromedp.Evaluate[string]("location.search"))
	typed := run(ctx, t, chromedp.Evaluate[string](`document.activeElement.id + " " + document.activeElement.value`))
	if address != "?q=basket+totals&phase=&kind=" || typed != "q basket totals" {
		t.Errorf("the address is %q, typed into %q", address, typed)
	}
	r, err := w.Store.Rollout(ctx, "shop-20261123-120000-4f2a")
	must(t, err)
	r.Phase, r.Hold = stagger.PhaseProgressing, ""
	enter(t, w, &r, stagger.EventReleased, "nothing holds it any more")
	must(t, chromedp.Do(ctx, chromedp.WaitVisible(`//li[@id="service-shop"][contains(., "progressing")]`)))
	left := run(ctx, t, chromedp.Evaluate[string](`document.querySelectorAll("[id^=rollout-]").length + " " + document.querySelector("#q").value`))
	if left != "1 basket totals" {
		t.Errorf("after something happened: %q", left)
	}
}
