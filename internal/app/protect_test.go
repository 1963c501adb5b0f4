package app_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/config"
)

// failing is a backend that answers everything with 500.
func failing(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }))
	t.Cleanup(s.Close)
	return s.URL
}

// crowd sends requests as many users until it is told to stop, and counts the
// answers that are not what the baseline says.
func crowd(t *testing.T, url string, stop *atomic.Bool) (served, harmed *atomic.Int64, end func()) {
	t.Helper()
	served, harmed = new(atomic.Int64), new(atomic.Int64)
	var all sync.WaitGroup
	for k := range 4 {
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		c := &http.Client{Transport: transport, Timeout: 30 * time.Second}
		all.Go(func() {
			for i := 0; !stop.Load(); i++ {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
				if err != nil {
					return
				}
				r.Header.Set("X-User", strconv.Itoa(k)+"-"+strconv.Itoa(i%500))
				answer, err := c.Do(r)
				if err != nil {
					harmed.Add(1)
					continue
				}
				body, _ := io.ReadAll(answer.Body)
				_ = answer.Body.Close()
				served.Add(1)
				if answer.StatusCode != http.StatusOK || string(body) != "v1" {
					harmed.Add(1)
				}
				time.Sleep(2 * time.Millisecond)
			}
		})
	}
	return served, harmed, all.Wait
}

// TestUsersSeeNothingOfACandidateThatFailsAndTheJudgeSeesAllOfIt is the whole
// of it, with real servers: fallback hides the candidate's failures from users,
// and the failures, all of which count, cut its traffic and roll it back: by the
// evidence, or sooner by its circuit.
func TestUsersSeeNothingOfACandidateThatFailsAndTheJudgeSeesAllOfIt(t *testing.T) {
	for _, row := range []struct{ rule, circuit, shed string }{
		{"by the evidence", "", "v2 fails 100% of requests against 0% for v1"},
		{"by its circuit", "circuit: {consecutive: 5, open: 200ms}", "its circuit opened after 5 failures in a row"},
	} {
		t.Run(row.rule, func(t *testing.T) { hidesFailures(t, row.circuit, row.shed) })
	}
}

func hidesFailures(t *testing.T, circuit, reason string) {
	t.Helper()
	c, err := config.ParseServer("stagger.yaml", fmt.Appendf(nil, `
listeners: [{name: web, address: "127.0.0.1:0"}]
admin: {address: "127.0.0.1:0"}
store: {path: %q}
services:
  - name: shop
    baseline: v1
    versions:
      v1: {upstreams: [%q]}
      v2: {upstreams: [%q]}
    fallback: true
    %s
`, filepath.Join(t.TempDir(), "stagger.db"), backend(t, "v1"), failing(t), circuit))
	must(t, err)
	w := start(t, c)
	var stop atomic.Bool
	served, harmed, end := crowd(t, w.ProxyURL("web"), &stop)
	defer func() {
		stop.Store(true)
		end()
	}()
	time.Sleep(time.Second) // what is usual
	command := trial("v2")
	command.Start.Plan.Stages = []stagger.Stage{{
		Name: "half", Weight: stagger.Percent(50), MinTime: time.Minute, AtTimebox: stagger.TimeboxHold, MinSamples: 100,
	}}
	command.Start.Plan.Shed.Patience = 3 * time.Second
	r := w.do(t, command)
	r = w.wait(t, r.ID, func(r stagger.Rollout) bool { return r.Phase == stagger.PhaseRolledBack })
	stop.Store(true)
	end()
	if harmed.Load() > 0 || served.Load() < 100 {
		t.Errorf("%d of %d answers were not those of the baseline", harmed.Load(), served.Load())
	}
	history, err := w.Client.History(t.Context(), r.ID)
	must(t, err)
	shed := false
	for _, e := range history {
		shed = shed || e.Kind == stagger.EventShed && strings.Contains(e.Reason, reason)
	}
	if !shed {
		t.Errorf("the history does not say %q: %+v", reason, history)
	}
	_, metrics := get(t, w.AdminURL()+"/metrics")
	for _, want := range []string{
		`stagger_requests_total{outcome="2xx",route="all",service="shop",version="v2"} 0`,
		`stagger_delivered_total{outcome="5xx",route="all",service="shop",version="v2"} 0`,
		`stagger_attempts_total{kind="fallback",outcome="5xx",route="all",service="shop",version="v1"} 0`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
}

// TestPeopleAreToldOfWhatIsDegraded looks at every place that tells them.
func TestPeopleAreToldOfWhatIsDegraded(t *testing.T) {
	c, err := config.ParseServer("stagger.yaml", fmt.Appendf(nil, `
listeners: [{name: web, address: "127.0.0.1:0"}]
admin: {address: "127.0.0.1:0"}
store: {path: %q}
services:
  - name: shop
    baseline: v1
    versions: {v1: {upstreams: [%q]}}
    routes: [{name: search, degrade: {static: {status: 200, body: "[]", content_type: application/json}}}]
    circuit: {consecutive: 3, open: 1m}
    concurrency: {}
`, filepath.Join(t.TempDir(), "stagger.db"), failing(t)))
	must(t, err)
	w := start(t, c)
	for range 5 {
		if code, body := get(t, w.ProxyURL("web")); code != http.StatusOK || body != "[]" {
			t.Fatalf("%d %q", code, body)
		}
	}
	services, err := w.Client.Services(t.Context())
	must(t, err)
	s := services[0]
	if len(s.Degraded) != 1 || s.Degraded[0].Route != "search" || s.Degraded[0].Mode != "static" || s.Degraded[0].Count != 5 {
		t.Errorf("the API tells %+v", s.Degraded)
	}
	if len(s.Strain) != 1 || s.Strain[0].Circuit != "open" || s.Strain[0].Why != "3 failures in a row" || s.Strain[0].Limit == 0 {
		t.Errorf("the API tells %+v", s.Strain)
	}
	_, page := get(t, w.AdminURL()+"/")
	for _, want := range []string{"search is degraded: static", "circuit open: 3 failures in a row", "requests it bears at once"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	w.measures(t, // a request ends a moment after its answer arrived
		`stagger_degraded_answers_total{mode="static",route="search",service="shop"} 5`,
		`stagger_delivered_total{outcome="2xx",route="search",service="shop",version="v1"} 5`,
		`stagger_circuit_closed{service="shop",version="v1"} 0`,
		`stagger_circuit_opened_total{service="shop",version="v1"} 1`,
		`stagger_refused_requests_total{reason="circuit",service="shop",version="v1"} 2`,
		`stagger_saturation_ratio{service="shop",version="v1"} `,
		`stagger_concurrency_limit{service="shop",version="v1"} 20`,
	)
}

// TestRequestsWaitWhileTheirServiceIsPaused goes the way that people go.
func TestRequestsWaitWhileTheirServiceIsPaused(t *testing.T) {
	w := open(t)
	must(t, w.Client.PauseTraffic(t.Context(), "shop", 20*time.Second))
	answered := make(chan int, 1)
	go func() {
		code, _ := get(t, w.ProxyURL("web"))
		answered <- code
	}()
	select {
	case code := <-answered:
		t.Fatalf("%d during a pause", code)
	case <-time.After(200 * time.Millisecond):
	}
	must(t, w.Client.ResumeTraffic(t.Context(), "shop"))
	if code := <-answered; code != http.StatusOK {
		t.Errorf("%d after it", code)
	}
	for _, row := range []struct {
		service string
		most    time.Duration
		want    stagger.Code
	}{{"cart", time.Second, stagger.CodeNotFound}, {"shop", time.Hour, stagger.CodeInvalid}, {"shop", 0, stagger.CodeInvalid}} {
		if err := w.Client.PauseTraffic(t.Context(), row.service, row.most); stagger.CodeOf(err) != row.want {
			t.Errorf("%s for %s: %v", row.service, row.most, err)
		}
	}
	if err := w.Client.ResumeTraffic(t.Context(), "cart"); stagger.CodeOf(err) != stagger.CodeNotFound {
		t.Errorf("resume what is not there: %v", err)
	}
}
