package dashboard_test

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
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
		live,
	))
	if who := run(ctx, t, chromedp.Text(".who")); !strings.Contains(who, "wall") || !strings.Contains(who, "Sign out") {
		t.Errorf("the corner says %q", who)
	}
	p.guard.Use(auth.Rules{Tokens: []auth.Token{{Name: "wall", Role: auth.Viewer, Secret: viewerSecret + "-anew"}}})
	must(t, chromedp.Do(ctx, chromedp.WaitVisible("#token")))
}

// TestTheDoorFits shows that the pages of signing in, and the corner that says
// who is signed in, fit wide and narrow windows. See TestScreenshots.
func TestTheDoorFits(t *testing.T) {
	rules := aViewer()
	rules.Tokens[0].Name = "somebody-with-a-rather-long-name@example.org"
	rules.OIDC = &auth.OIDC{Issuer: "http://127.0.0.1:1/", ClientID: "stagger", DefaultRole: auth.Viewer}
	p := newPerson(t, rules)
	ctx := browser(t, "503 (Service Unavailable)")
	look := func(name, path string) {
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{1200, 400} {
				_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
					Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
				})
				must(t, err)
				must(t, chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(p.url+path), chromedp.WaitVisible("h1")))
				if run(ctx, t, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > innerWidth`)) {
					t.Errorf("%s at %d: the page is wider than the window", name, width)
				}
				keep(t, name+"-"+scheme, width, run(ctx, t, chromedp.FullScreenshot(100)))
			}
		}
	}
	look("login", "/login?left")
	look("login-refused", "/login/oidc")
	must(t, chromedp.Do(ctx,
		chromedp.Navigate(p.url+"/login"), chromedp.WaitVisible("#token"),
		chromedp.SendKeys("#token", viewerSecret), chromedp.Submit("#token"), chromedp.WaitVisible(".who"),
	))
	look("signed-in", "/")
}
