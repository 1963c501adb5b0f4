package dashboard_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestTrafficIsWishedObservedAndMeasured(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	p, _ := w.get(t, rolloutPath+"?part=traffic", http.StatusOK)
	p.wants(t, "wanted 10% · observed 9.7% on v2", "v1 baseline 1,082", "39.1ms")
	if strings.Contains(text(p.root), "Backlog") {
		t.Error("a backlog is shown that nobody knows")
	}
}

func TestSaturationAndBacklogAreShownWhereTheyAreKnown(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	r, err := w.Store.Rollout(t.Context(), "shop-20261123-120000-4f2a")
	must(t, err)
	known, saturation, backlog := progress(r), 0.4, 17.0
	known.Candidate.Saturation, known.Candidate.Backlog = &saturation, &backlog
	known.Exposure.All, known.Exposure.Requests, known.Exposure.Failed, known.Exposure.Users = 10204, 57, 3, 41
	must(t, w.Store.SaveProgress(t.Context(), known))
	p, _ := w.get(t, rolloutPath+"?part=traffic", http.StatusOK)
	p.wants(t, "Saturation Backlog", "2 40.0% 17", "57 of 10,204 requests met v2, from about 41 users; 3 of them failed")
}
