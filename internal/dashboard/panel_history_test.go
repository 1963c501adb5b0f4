package dashboard_test

import (
	"net/http"
	"testing"

	"golang.org/x/net/html"
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
