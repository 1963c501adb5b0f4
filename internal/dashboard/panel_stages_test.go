package dashboard_test

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestTheStageUnderWayIsMarkedAndWhatComesNextSaid(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	p, _ := w.get(t, rolloutPath+"?part=stages", http.StatusOK)
	p.wants(t, "staff 1 rule , passed", "21s · min 10s · max 1m", "Next rolls back when the suspicion is proved")
	current := p.all(func(n *html.Node) bool { return attribute(n, "aria-current") == "step" })
	if len(current) != 1 || !strings.Contains(text(current[0]), "tenth") {
		t.Errorf("active stage: %v", current)
	}
}
