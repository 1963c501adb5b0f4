package dashboard_test

import (
	"net/http"
	"testing"
)

func TestEvidenceIsSaidWithIntervalAndLimit(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	p, _ := w.get(t, rolloutPath+"?part=evidence", http.StatusOK)
	p.wants(t, "! suspect latency p99", "×1.11 ×1.06 to ×1.30 limit ×1.05", "no estimate yet", "p99 looks 24% slower on v2")
}
