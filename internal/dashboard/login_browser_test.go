package dashboard_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/stagger-dev/stagger/internal/auth"
)

// TestAnOpenPageAsksAgainWhenItsSessionEnds signs in with a browser and takes the
// token away while the page is open: the stream ends, and the page does not stay
// as if all were well.
func TestAnOpenPageAsksAgainWhenItsSessionEnds(t *testing.T) {
	p := newPerson(t, aViewer())
	ctx := browser(t, "401 (Unauthorized)")
	must(t, chromedp.Do(ctx,
		chromedp.Navigate(p.url+"/"),
		chromedp.WaitVisible("#token"),
		chromedp.SendKeys("#token", viewerSecret),
		chromedp.Submit("#token"),
		chromedp.WaitVisible(`//p[@id="connection"][contains(., "live")]`),
	))
	if who := run(ctx, t, chromedp.Text(".who")); !strings.Contains(who, "wall") || !strings.Contains(who, "Sign out") {
		t.Errorf("the corner says %q", who)
	}
	p.guard.Use(auth.Rules{Tokens: []auth.Token{{Name: "wall", Role: auth.Viewer, Secret: viewerSecret + "-anew"}}})
	must(t, chromedp.Do(ctx, chromedp.WaitVisible("#token")))
}
