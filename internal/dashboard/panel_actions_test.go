package dashboard_test

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestWhatCannotBeDoneIsOfferedWithTheReason(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	p, _ := w.get(t, rolloutPath, http.StatusOK)
	p.wants(t, "Pause", "Roll back", "Next stage the evidence speaks against it")
	off := p.all(func(n *html.Node) bool { return attribute(n, "aria-disabled") == "true" })
	links := p.all(func(n *html.Node) bool { return strings.Contains(attribute(n, "href"), "/act/") })
	if len(off) != 2 || len(links) != 4 { // to the next stage and to everybody; pause, weight, back and abort
		t.Errorf("%d are off, %d on", len(off), len(links))
	}
}
