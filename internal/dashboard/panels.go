package dashboard

import (
	"bytes"
	"context"
	"embed"
	"html/template"
	"net/url"
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
)

// A panel is a part of a rollout's page that is read, shown and tested by
// itself: panel_NAME.go says what it shows, panel_NAME.html how, and
// panel_NAME_test.go that it does. A new one takes those and a line here.
type panel struct {
	name string // of its files; its element has the id panel-NAME
	pace pace
	// look returns what the template shows as .Data; nil for nothing.
	look func(*scene) any
}

// pace is how a panel follows the rollout: what makes the browser fetch it by
// itself. Those without one are the live part of the page, fetched together with
// each thing that changes.
type pace string

const (
	// eventful panels show nothing but what happened.
	eventful pace = "happened from:body throttle:250ms"
	// slow panels are large.
	slow pace = "happened from:body throttle:10s, news from:body throttle:10s"
)

// panels in the order of the page.
var panels = []panel{
	{name: "actions", look: (*scene).actions},
	{name: "stages", look: (*scene).stages},
	{name: "traffic", look: (*scene).traffic},
	{name: "evidence", look: (*scene).evidence},
	{name: "evolution", look: (*scene).evolution, pace: slow},
	{name: "course", look: (*scene).course, pace: slow},
	{name: "distribution", look: (*scene).distribution, pace: slow},
	{name: "shadow", look: (*scene).shadow, pace: slow},
	{name: "ledger", look: (*scene).ledger, pace: slow},
	{name: "history", look: (*scene).history, pace: eventful},
}

// lively is how many panels are the live part: those before the first with a pace.
var lively = slices.IndexFunc(panels, func(p panel) bool { return p.pace != "" })

// scene is what every panel of a page may look at.
type scene struct {
	Rollout  stagger.Rollout
	Progress *stagger.Progress // nil while nothing is known
	Verdict  *stagger.Verdict  // the newest; nil while there is none
	Events   []stagger.Event   // newest first
	Cut      bool              // older events are left out
	Now      time.Time

	ctx       context.Context //nolint:containedctx // a scene lives as long as its request
	dashboard *dashboard
}

//go:embed panel_*.html
var panelFiles embed.FS

// shownPanel is a panel on its page.
type shownPanel struct {
	Name    string
	Pace    pace
	Address string // where it is fetched alone
	Content template.HTML
}

// show renders one panel; its content is empty when there is nothing to say.
func (s *scene) show(p panel) (shownPanel, error) {
	shown := shownPanel{Name: p.name, Pace: p.pace, Address: rolloutURL(s.Rollout.ID) + "?part=" + p.name}
	data := p.look(s)
	if data == nil {
		return shown, nil
	}
	var b bytes.Buffer
	err := templates.ExecuteTemplate(&b, "panel_"+p.name+".html", struct {
		*scene

		Data any
	}{s, data})
	shown.Content = template.HTML(b.String()) //nolint:gosec // our own template wrote and escaped it
	return shown, err
}

// shows renders some panels.
func (s *scene) shows(some []panel) ([]shownPanel, error) {
	all := make([]shownPanel, len(some))
	for i, p := range some {
		var err error
		if all[i], err = s.show(p); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// panelNamed finds the panel that a part of the page names.
func panelNamed(name string) (panel, bool) {
	for _, p := range panels {
		if p.name == name {
			return p, true
		}
	}
	return panel{}, false
}

func rolloutURL(id string) string { return "/rollouts/" + url.PathEscape(id) }
