package dashboard_test

import (
	"net/http"
	"testing"
)

func TestLedgerTellsWhatAnswersMayCost(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	p, _ := w.get(t, rolloutPath, http.StatusOK)
	p.wants(t, "What each answer may cost", "roll back 1% per rollout taking back a candidate that is no worse than tolerated errors 0.5% · latency p50 0.1% · latency p99 0.4% 60%",
		"hold 5% per rollout", "healthy 5% per stage", "past once per 30 days")
}
