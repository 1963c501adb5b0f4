package e2e_test

import (
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// previews writes a plan, is told where it is wrong, and sees what it could see.
func (v *visitor) previews() {
	v.opens("/plan?service=shop&pick=preset:fast")
	v.sees("#plan-state", "v3")
	v.types("#plan-rps", "400")
	v.sees("#preview", "At 400 requests per second")
	v.types("#plan-file", "oops: 1\n")
	v.sees("#preview [role=alert]", "line 1")
	v.sees("#preview .source .bad", "oops")
	v.presses(kb.ArrowUp)
	for range "oops: 1\n" {
		v.presses(kb.Delete)
	}
	v.sees("#plan-state", "v3")
	v.sees("#plan-power", "Detection")
	v.sees(".power tbody", "%")
	v.stayed()
	if at := asks[string](v, "location.search"); at != "?preset=fast&rps=400&service=shop" {
		v.t.Errorf("the address of what is seen is %s", at)
	}
}

// looksSmall holds a telephone in the dark.
func (v *visitor) looksSmall() {
	id := v.shop.newest().ID
	dark := func(scheme string) {
		_, err := chromedp.Call(v.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		v.must(err)
	}
	dark("dark")
	v.does(chromedp.EmulateViewport(400, 800))
	defer func() {
		dark("")
		v.does(chromedp.EmulateViewport(1200, 1000))
	}()
	for _, path := range []string{"/", "/?q=v3", "/rollouts/" + id, "/rollouts/" + id + "/act/pause", "/rollouts/" + id + "/history", "/rollouts/" + id + "/report", "/compare?a=" + id, "/outcomes", "/plan", "/none"} {
		v.meant = []string{"404 (Not Found)"}
		v.opens(path)
		v.sees("h1", "")
		if wide := asks[int](v, `document.documentElement.scrollWidth`); wide > 400 {
			v.t.Errorf("%s is %d wide", path, wide)
		}
		if light := asks[int](v, `Math.max(...getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).map(Number))`); light > 60 {
			v.t.Errorf("%s is as light as %d in the dark", path, light)
		}
	}
}

// tabs goes through a page by keyboard: everything is reached, focus is seen, and
// a dialog keeps it and gives it back.
func (v *visitor) tabs() {
	id := v.long()
	v.shop.must(exitOK, "", "pause", id, "--reason", "to stand still")
	for _, path := range []string{"/", "/rollouts/" + id, "/rollouts/" + id + "/history", "/plan"} {
		v.reachesAll(path)
	}
	v.opens("/rollouts/" + id)
	v.sees("#connection", "live")
	const button = `[...document.querySelectorAll(".actions a")].find((a) => a.textContent.includes("Resume"))`
	v.until("the button can be focused", `(() => { const b = `+button+`; b?.focus(); return !!b && document.activeElement === b; })()`)
	v.presses(kb.Enter)
	v.until("the dialog has the focus", `document.activeElement.id === "act-reason"`)
	for range 8 {
		v.presses(kb.Tab)
		if at := asks[string](v, `document.activeElement.closest("dialog, body").nodeName + " " + document.activeElement.nodeName`); at != "DIALOG TEXTAREA" && at != "DIALOG INPUT" && at != "DIALOG BUTTON" && at != "DIALOG A" && at != "BODY BODY" && at != "DIALOG DIALOG" {
			v.t.Errorf("focus left the dialog: %s", at)
		}
	}
	v.presses(kb.Escape)
	v.until("focus is back where it was", `!document.querySelector("dialog[open]") && document.activeElement === `+button)
	v.shop.must(exitOK, "", "abort", id, "--reason", "seen enough")
}

// reachesAll tabs through a page once.
func (v *visitor) reachesAll(path string) {
	v.t.Helper()
	v.opens(path)
	v.sees("h1", "")
	n := asks[int](v, `(() => {
  window.reached = new Set(); window.unseen = [];
  document.addEventListener("focusin", (event) => {
    reached.add(event.target);
    const { outlineStyle, outlineWidth } = getComputedStyle(event.target);
    if (outlineStyle === "none" || parseFloat(outlineWidth) < 2) unseen.push(event.target.outerHTML.slice(0, 100));
  });
  window.all = () => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")].filter((e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest("details:not([open]) > :not(summary)"));
  return all().length;
})()`)
	for range n + 3 {
		v.presses(kb.Tab)
	}
	for _, missed := range asks[[]string](v, `all().filter((e) => !reached.has(e)).map((e) => e.outerHTML.slice(0, 100))`) {
		v.t.Errorf("%s: not reached by keyboard: %s", path, missed)
	}
	for _, unseen := range asks[[]string](v, `unseen`) {
		v.t.Errorf("%s: focus is not seen on %s", path, unseen)
	}
}
