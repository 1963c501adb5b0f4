package dashboard_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stagger-dev/stagger/internal/api/apitest"
	"github.com/stagger-dev/stagger/internal/dashboard"
)

func TestRolloutTellsWhereAnswersDiffer(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	p, _ := w.get(t, rolloutPath, http.StatusOK)
	p.wants(t,
		"Mirrored requests", "1,250 copies went to v2, 0.24% failed, p50 4.10ms, p99 92.0ms",
		"25.0% differ from v1's", "Not mirrored: 12 busy, 1 large request.",
		"✘ differs $.order.lines[].price changed", "20 → 21 GET /orders/17", "… unclear status missing", "≈ noise $.served_at changed",
	)
}

func TestWithoutMirroredRequestsNothingIsSaidOfThem(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	h := dashboard.New(dashboard.Config{Store: w.Store, Services: apitest.Services})
	if body := answered(h, rolloutPath); len(body) == 0 || strings.Contains(body, "Mirrored requests") {
		t.Error("a page tells of mirrored requests that were not")
	}
}

func answered(h http.Handler, path string) string {
	r, w := httptest.NewRequest(http.MethodGet, path, nil), httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Body.String()
}
