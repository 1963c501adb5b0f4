package e2e_test

import (
	"fmt"
	"net/http"
	"path/filepath"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/stagger-dev/stagger"
)

// acts pauses with a key, resumes with a click and promotes with a reason, and
// finds each in the history with who did it.
func (v *visitor) acts() {
	id := v.long()
	v.opens("/rollouts/" + id)
	v.sees("#connection", "live")
	v.sees(`[aria-current="step"]`, "10%")
	v.confirms("p", "lunch")
	v.sees(".phase", "paused")

	v.does(chromedp.Click(`//a[starts-with(normalize-space(), "Resume")]`))
	v.fills("lunch is over")
	v.until("it is not paused any more", `!document.querySelector(".phase").textContent.includes("paused")`)

	v.confirms("n", "tried elsewhere")
	v.sees(`[aria-current="step"]`, "50%")
	v.sees("#panel-history", "tried elsewhere")
	v.stayed()
	events := v.shop.history(id)
	v.said(events, stagger.EventPaused, "ada", "ada paused: lunch")
	v.said(events, stagger.EventResumed, "ada", "ada resumed: lunch is over")
	v.said(events, stagger.EventStageEntered, "ada", "stage 50% begins at 50%: ada promoted: tried elsewhere")
	v.shop.must(exitOK, "", "abort", id, "--reason", "seen enough")
	v.sees(".phase", "aborted")
}

// said holds who did what, and why, against the history.
func (v *visitor) said(events []stagger.Event, kind stagger.EventKind, actor, reason string) {
	v.t.Helper()
	if e := last(v.t, events, kind); e.Actor != actor || e.Reason != reason {
		v.t.Errorf("%s by %s: %s", kind, e.Actor, e.Reason)
	}
}

// confirms does something by keyboard alone: a key asks for it, and a reason is
// given.
func (v *visitor) confirms(key, reason string) {
	v.t.Helper()
	v.presses(key)
	v.fills(reason)
}

// fills fills in the open dialog and sends it.
func (v *visitor) fills(reason string) {
	v.t.Helper()
	v.until("the dialog asks for a reason", `document.querySelector("#dialog[open]") && document.activeElement.id === "act-reason"`)
	v.presses(reason, kb.Tab)
	if asks[bool](v, `document.activeElement.id === "act-who" && !document.activeElement.value`) {
		v.presses("ada")
	}
	v.until("focus is on the button that does it", `(() => { if (document.activeElement.id === "act-who") document.querySelector("#dialog button").focus(); return document.activeElement.matches("#dialog button"); })()`)
	v.presses(kb.Enter)
	v.until("the dialog is gone", `!document.querySelector("#dialog[open]")`)
}

// signsIn comes to a server that wants to know who one is, as a viewer and as
// an operator.
func (v *visitor) signsIn() {
	v.meant = []string{"403 (Forbidden)", "401 (Unauthorized)"}
	usual := v.shop
	defer func() { v.shop = usual }()
	v.shop = guarded(usual)
	id := v.shop.begin("--token-file", "ops")

	v.opens("/rollouts/" + id)
	v.sees("h1", "Sign in")
	v.types("#token", "wrong")
	v.presses(kb.Enter)
	v.sees("[role=alert]", "Not signed in")
	v.types("#token", "a-token-for-the-wall")
	v.presses(kb.Enter)
	v.sees("#connection", "live")
	v.sees(".who", "wall")
	if at := asks[string](v, "location.pathname"); at != "/rollouts/"+id {
		v.t.Errorf("after signing in one is at %s", at)
	}
	v.mayNot(id)

	v.does(chromedp.Click(`//button[.="Sign out"]`))
	v.sees("[role=status]", "signed out")
	v.opens("/rollouts/" + id)
	v.sees("h1", "Sign in")

	v.types("#token", "a-token-for-operators")
	v.presses(kb.Enter)
	v.sees("#connection", "live")
	v.confirms("p", "the wall said so")
	v.sees(".phase", "paused")
	v.said(v.history(id), stagger.EventPaused, "ops", "ops paused: the wall said so")
	v.does(chromedp.Click(`//button[.="Sign out"]`))
	v.sees("[role=status]", "signed out")
}

// mayNot tries what a viewer may not do.
func (v *visitor) mayNot(id string) {
	v.t.Helper()
	if n := asks[int](v, `document.querySelectorAll(".actions a, .actions button:not([disabled])").length`); n != 0 {
		v.t.Errorf("a viewer is offered %d actions", n)
	}
	asks[bool](v, `(document.querySelector(".actions .off").focus(), true)`)
	v.sees(".actions .why", "operator")
	v.presses("p")
	act := "/rollouts/" + id + "/act/pause"
	for path, body := range map[string]string{act: "key=k&reason=x", "/api/v1/rollouts/" + id + "/pause": "{}"} {
		kind := map[bool]string{true: "application/x-www-form-urlencoded", false: "application/json"}[path == act]
		status := asks[int](v, fmt.Sprintf(`fetch(%q, { method: "POST", headers: { "Content-Type": %q }, body: %q }).then((r) => r.status)`, path, kind, body))
		if status != http.StatusForbidden {
			v.t.Errorf("POST %s: %d", path, status)
		}
	}
	if asks[bool](v, `!!document.querySelector("dialog[open]")`) {
		v.t.Error("a key opened a dialog for a viewer")
	}
	for _, e := range v.history(id) {
		if e.Kind == stagger.EventPaused {
			v.t.Error("a viewer paused it")
		}
	}
}

// history asks as the operator.
func (v *visitor) history(id string) []stagger.Event {
	v.t.Helper()
	return document[struct{ Events []stagger.Event }](v.shop, "--token-file", "ops", "history", id).Events
}

// guarded is a server in front of the same versions that asks who comes.
func guarded(of *shop) *shop {
	s := bareShop(of.t)
	s.versions = of.versions
	write(s.t, filepath.Join(s.dir, "ops"), "a-token-for-operators\n")
	write(s.t, filepath.Join(s.dir, "wall"), "a-token-for-the-wall\n")
	write(s.t, filepath.Join(s.dir, "stagger.yaml"), fmt.Sprintf(`
listeners: [{name: web, address: "127.0.0.1:%d"}]
admin:
  address: "127.0.0.1:%d"
  tokens: [{name: ops, role: operator, file: ops}, {name: wall, role: viewer, file: wall}]
services:
  - name: shop
    baseline: v1
    versions:
      v1: {upstreams: ["http://127.0.0.1:%d"]}
      v2: {upstreams: ["http://127.0.0.1:%d"]}
`, s.webPort, s.adminPort, s.versions["v1"].port, s.versions["v2"].port))
	s.rollout(plan{candidate: "v2", minTime: "50s", bake: "3s"})
	s.serve()
	return s
}

// types writes into a field.
func (v *visitor) types(field, text string) {
	v.t.Helper()
	v.sees("label", "")
	v.until("one can write into "+field, `(() => { const f = document.querySelector("`+field+`"); f?.focus(); return document.activeElement === f; })()`)
	v.presses(text)
}
