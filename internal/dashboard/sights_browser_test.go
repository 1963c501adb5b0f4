package dashboard_test

import (
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api/apitest"
	"github.com/stagger-dev/stagger/internal/auth"
	"github.com/stagger-dev/stagger/internal/dashboard"
)

// sight is a page in a state that people meet it in.
type sight struct {
	name, url string
	then      []chromedp.Action[chromedp.Void] // what people do there first
}

// sights are all that there is to see.
func sights(t *testing.T) []sight {
	t.Helper()
	empty, busy, settled := newWorld(t), newWorld(t), newWorld(t)
	trial(t, busy)
	lived(t, busy)
	over(t, busy, "shop-old", "desk", apitest.Epoch.Add(-time.Hour), 3)
	trial(t, settled)
	lived(t, settled)
	ended(t, settled)
	months(t, settled)
	long := newLong(t)
	all := []sight{
		{name: "first", url: empty.url + "/"},
		{name: "services", url: busy.url + "/"},
		{name: "town", url: newTown(t).url + "/"},
		{name: "long-home", url: long.url + "/"},
		{name: "long", url: long.url + longPath},
		{name: "long-compare", url: long.url + "/compare?a=" + longPath[len("/rollouts/"):]},
		{name: "search", url: busy.url + "/?q=basket&phase=waiting&kind=code"},
		{name: "nothing", url: busy.url + "/?q=zebra"},
		{name: "rollout", url: busy.url + rolloutPath},
		{name: "tables", url: busy.url + rolloutPath, then: []chromedp.Action[chromedp.Void]{opened()}},
		{name: "settled", url: settled.url + rolloutPath},
		{name: "act", url: busy.url + rolloutPath + "/act/weight"},
		{name: "dialog", url: busy.url + rolloutPath, then: []chromedp.Action[chromedp.Void]{chromedp.Click(`[data-key="b"]`), chromedp.WaitVisible("#dialog[open] form")}},
		{name: "keys", url: busy.url + rolloutPath, then: []chromedp.Action[chromedp.Void]{chromedp.KeyEvent("?"), chromedp.WaitVisible("#shortcuts[open]")}},
		{name: "history", url: busy.url + "/rollouts/shop-old/history?at=4"},
		{name: "compare", url: busy.url + "/compare?a=shop-old&b=shop-20261123-120000-4f2a"},
		{name: "outcomes", url: settled.url + "/outcomes"},
		{name: "report", url: settled.url + rolloutPath + "/report"},
		{name: "plan", url: busy.url + "/plan?rps=400&users=24000"},
		{name: "plan-tables", url: busy.url + "/plan?rps=400&users=24000", then: []chromedp.Action[chromedp.Void]{opened()}},
		{name: "plan-problem", url: busy.url + "/plan?plan=" + url.QueryEscape("service: shop\ncandidate: v2\nplan:\n  stages:\n    - {weight: 200%}\n")},
		{name: "problem", url: busy.url + "/none"},
	}
	return append(all, doors(t, busy)...)
}

// doors are where people sign in, and what viewers see.
func doors(t *testing.T, w world) []sight {
	t.Helper()
	guard := auth.New(auth.Options{Rules: aViewer(), Page: dashboard.Refused})
	t.Cleanup(guard.Close)
	mux := http.NewServeMux()
	mux.Handle("/api/", apitest.Handler(w.Store))
	mux.Handle("/", dashboard.New(dashboard.Config{
		Store: w.Store, Services: apitest.Services, Guard: guard, Now: func() time.Time { return apitest.Epoch.Add(42 * time.Second) },
		Ask: func(_ context.Context, c stagger.Command) (stagger.Command, error) { return c, nil },
	}))
	server := httptest.NewServer(guard.Handler(mux))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	enter := func(secret string) []chromedp.Action[chromedp.Void] {
		return []chromedp.Action[chromedp.Void]{chromedp.SendKeys("#token", secret), chromedp.Click("form button")}
	}
	return []sight{
		{name: "login", url: server.URL + "/login"},
		{name: "left", url: server.URL + "/login?left"},
		{name: "not-signed-in", url: server.URL + "/login", then: append(enter("wrong"), chromedp.WaitVisible(".refusal"))},
		{name: "viewer", url: server.URL + "/login?to=" + rolloutPath, then: append(enter(viewerSecret), chromedp.WaitVisible(".actions"))},
		{name: "refused", url: server.URL + rolloutPath + "/act/pause"},
	}
}

// opened unfolds the first table of each section: the others are as it is.
func opened() chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`(() => { for (const s of document.querySelectorAll("section")) s.querySelector("details")?.setAttribute("open", ""); return true; })()`))
		return err
	})
}

// ended rolls the trial back.
func ended(t *testing.T, w world) {
	t.Helper()
	r, err := w.Store.Rollout(t.Context(), "shop-20261123-120000-4f2a")
	must(t, err)
	r.Phase, r.Hold, r.Weight, r.EndedAt = stagger.PhaseRolledBack, "", 0, apitest.Epoch.Add(time.Minute)
	enter(t, w, &r, stagger.EventRolledBack, "the evidence is beyond doubt: p99 is 24% slower")
	r.Converged = apitest.Epoch.Add(62 * time.Second)
	enter(t, w, &r, stagger.EventConverged, "no request met v2")
}

// months records what became of rollouts over half a year.
func months(t *testing.T, w world) {
	t.Helper()
	for n := range 60 {
		over(t, w, "past-"+string(rune('a'+n/26))+string(rune('a'+n%26)), []string{"shop", "desk"}[n%2], apitest.Epoch.AddDate(0, 0, -3*n-1), n)
	}
}

//go:embed testdata/axe/axe.min.js
var axe string

// TestEverySightIsFitForEverybody looks at every page in every state, in light
// and dark, wide and narrow: axe-core finds nothing to say against it by WCAG 2.2
// AA, nothing sticks out, every plot has words and a table behind it, nothing
// moves for those who want it still, and nobody else is asked for anything. With
// STAGGER_SCREENSHOTS set the pictures are kept there.
func TestEverySightIsFitForEverybody(t *testing.T) {
	ctx := browser(t, "404 (Not Found)", "403 (Forbidden)", "401 (Unauthorized)", "422 (Unprocessable")
	for _, s := range sights(t) {
		if only := os.Getenv("STAGGER_SIGHT"); only != "" && only != s.name {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			for _, scheme := range []string{"light", "dark"} {
				looks(ctx, t, scheme)
				s.arrive(ctx, t)
				for _, width := range []int64{400, 1200} {
					must(t, chromedp.Do(ctx, chromedp.EmulateViewport(width, 900)))
					for _, wrong := range run(ctx, t, chromedp.Evaluate[[]string](unfit, chromedp.EvalAwaitPromise)) {
						t.Errorf("%s, %d wide: %s", scheme, width, wrong)
					}
					if os.Getenv("STAGGER_SCREENSHOTS") != "" {
						keep(t, s.name+"-"+scheme, width, run(ctx, t, chromedp.FullScreenshot(100)))
					}
				}
				rules := map[string]string{"light": everyRule, "dark": ruleOfColours}[scheme]
				for _, wrong := range run(ctx, t, chromedp.Evaluate[[]string](axe+fmt.Sprintf(against, rules), chromedp.EvalAwaitPromise)) {
					t.Errorf("%s: %s", scheme, wrong)
				}
			}
		})
	}
}

// looks is how somebody likes pages to be.
func looks(ctx context.Context, t *testing.T, scheme string) {
	t.Helper()
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	must(t, err)
}

func (s sight) arrive(ctx context.Context, t *testing.T) {
	t.Helper()
	must(t, chromedp.Do(ctx, chromedp.EmulateViewport(1200, 900), chromedp.Navigate(s.url), chromedp.WaitVisible("h1")))
	if signedIn := run(ctx, t, chromedp.Evaluate[bool](`!document.querySelector("#token") && location.pathname !== "/login"`)); signedIn && strings.Contains(s.url, "/login?to=") {
		return // as in the other theme
	}
	must(t, chromedp.Do(ctx, s.then...))
}

// unfit tells what is wrong with a page that people look at.
const unfit = `(() => {
  const wrong = [];
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth) {
    const out = [...document.querySelectorAll("main *, header *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, pre, .plot, .unseen, textarea"));
    wrong.push("the page is " + root.scrollWidth + " wide: " + out.slice(0, 3).map((e) => e.outerHTML.slice(0, 120)).join(" | "));
  }
  for (const table of innerWidth < 1000 ? [] : document.querySelectorAll(".scroll")) {
    if (table.scrollWidth > table.clientWidth + 1) wrong.push("a table is cut off at its side: " + table.innerText.slice(0, 120));
  }
  for (const plot of document.querySelectorAll("[data-chart]")) {
    if (!plot.querySelector("canvas")) wrong.push("a plot is not drawn: " + plot.id);
    if (plot.getAttribute("role") !== "img" || !plot.getAttribute("aria-label")) wrong.push("a plot has no words: " + plot.id);
    if (!(plot.closest("figure")?.querySelector("table") ?? plot.closest("section").querySelector("details table"))) wrong.push("a plot has no table: " + plot.id);
  }
  const moving = [...document.querySelectorAll("*")].filter((e) => getComputedStyle(e).transitionDuration.split(", ").some((d) => d !== "0s") || getComputedStyle(e).animationName !== "none");
  if (moving.length) wrong.push("something moves: " + moving[0].outerHTML.slice(0, 120));
  return wrong;
})()`

// What axe-core is asked for. In the dark only colours are others.
const (
	everyRule     = `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]`
	ruleOfColours = `{ type: "rule", values: ["color-contrast"] }`
)

// against has axe-core, which stands before it, say what it finds.
const against = `
;axe.run(document, { runOnly: %s, resultTypes: ["violations"] }).then((r) =>
  r.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.html.slice(0, 200) + " " + n.failureSummary.replaceAll(/\s+/g, " "))))`
