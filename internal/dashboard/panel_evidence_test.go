package dashboard_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestEvidenceIsSaidWithIntervalAndLimit(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	p, _ := w.get(t, rolloutPath+"?part=evidence", http.StatusOK)
	beside := 0
	for _, n := range p.tags("td") {
		if strings.Contains(text(n), "slower") || strings.Contains(text(n), "v2 takes") {
			beside++
		}
	}
	if beside != 1 {
		t.Errorf("%d sentences stand beside their findings, want that of the suspicion", beside)
	}
	p.wants(t, "The findings in words", "p50 may be up to 5% slower", "! suspect latency p99", "×1.11 ×1.06 to ×1.30 limit ×1.05", "no estimate yet", "p99 looks 24% slower on v2")
}
