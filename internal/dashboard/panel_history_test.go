package dashboard_test

import (
	"net/http"
	"testing"

	"golang.org/x/net/html"

	"github.com/stagger-dev/stagger"
)

func TestHistoryTellsWhyAndLeadsToTheEvidence(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	p, _ := w.get(t, rolloutPath+"?part=history", http.StatusOK)
	p.wants(t, "stage tenth begins at 10%: stage staff is healthy", "ada started it: release 12")
	for _, row := range p.all(func(n *html.Node) bool { return n.Data == "tr" && attribute(n, "id") != "" }) {
		if links := (page{row, ""}).tags("a"); len(links) != 1 {
			t.Errorf("%s: %d ways to the moment", text(row), len(links))
		}
	}
}

// TestALongHistoryIsToldOnItsOwnPage keeps the page of a rollout light however
// much happened.
func TestALongHistoryIsToldOnItsOwnPage(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	r, err := w.Store.Rollout(t.Context(), "shop-20261123-120000-4f2a")
	must(t, err)
	for range 60 {
		enter(t, w, &r, stagger.EventHeld, "once more")
	}
	p, _ := w.get(t, rolloutPath, http.StatusOK)
	p.wants(t, "Older events are left out here.")
	if rows := p.all(func(n *html.Node) bool { return n.Data == "tr" && attribute(n, "id") != "" }); len(rows) != 40 || attribute(rows[0], "id") != "event-64" {
		t.Errorf("%d events, the first is %v", len(rows), rows[0].Attr)
	}
}
