package app_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/client"
)

// loaded is a backend that tells how deep its queue is.
func loaded(t *testing.T, depth int) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/metrics" {
			_, _ = fmt.Fprintf(w, "# TYPE shop_queue_depth gauge\nshop_queue_depth %d\n# TYPE sold_total counter\nsold_total %d\n", depth, time.Now().Unix()*int64(depth))
			return
		}
		time.Sleep(time.Millisecond)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// send lets so many users ask until told to stop.
func send(t *testing.T, url string, users int) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	transport := &http.Transport{}
	go func() {
		defer close(done)
		c := &http.Client{Transport: transport}
		for i := 0; ctx.Err() == nil; i++ {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
			if err != nil {
				return
			}
			r.Header.Set("X-User", fmt.Sprint("user-", i%users))
			if answer, err := c.Do(r); err == nil {
				_ = answer.Body.Close()
			}
		}
	}()
	return func() {
		cancel()
		<-done
		transport.CloseIdleConnections()
	}
}

// TestRolloutTellsHowItGoes has the whole way from requests and the service's own
// metrics to what a client reads, over a restart.
func TestRolloutTellsHowItGoes(t *testing.T) {
	c := server(t, filepath.Join(t.TempDir(), "stagger.db"), map[string]string{"v1": loaded(t, 3), "v2": loaded(t, 12)})
	shop := &c.Services[0]
	shop.Metrics = stagger.Metrics{Path: "/metrics", Every: time.Second, Timeout: time.Second}
	shop.Concurrency = stagger.Concurrency{Adaptive: true, Min: 10, Max: 100}
	w := start(t, c)
	command := trial("v2")
	plan := &command.Start.Plan
	plan.Stages[0].Rules, plan.Stages[0].Weight = nil, 50*stagger.WeightPercent
	for signal, metric := range map[stagger.Signal]string{stagger.SignalGauge: "shop_queue_depth", stagger.SignalCount: "sold_total"} {
		plan.Guardrails = append(plan.Guardrails, stagger.Guardrail{
			Signal: signal, Metric: metric, Tolerance: map[stagger.Signal]float64{stagger.SignalGauge: 0.9, stagger.SignalCount: 20}[signal], Floor: 100, Alpha: 0.01, Action: stagger.ActionAlert,
		})
	}
	r := w.do(t, command)
	const users = 60
	stop := send(t, w.ProxyURL("web"), users)
	defer func() { stop() }()
	p := eventually(t, w.Client, r.ID, func(p stagger.Progress) bool {
		return p.Candidate.Backlog != nil && p.Baseline.Backlog != nil && len(p.Candidate.Readings) == 2 &&
			p.Candidate.Saturation != nil && p.Exposure.Users > users/4 && p.Exposure.Requests > 300
	})
	if *p.Candidate.Backlog != 12 || *p.Baseline.Backlog != 3 {
		t.Errorf("backlogs %g and %g", *p.Baseline.Backlog, *p.Candidate.Backlog)
	}
	if s := *p.Candidate.Saturation; s < 0 || s > 1 {
		t.Errorf("saturation %g", s)
	}
	if e := p.Exposure; e.Users > users || e.All < e.Requests*3/2 || e.Failed > 0 {
		t.Errorf("of %d users: %+v", users, e)
	}
	kept := eventuallyCourse(t, w.Client, r.ID, func(c stagger.Course) bool { return len(c.At) > 3 && c.Candidate.Backlog.Known() })
	if d, err := w.Client.Distribution(t.Context(), r.ID); err != nil || d.Stage.Candidate.Total == 0 || d.Stage.Candidate.P50 < 0.001 || d.Stage.Candidate.P50 > 1 {
		t.Errorf("%+v, %v", d.Stage.Candidate, err)
	}
	stop()
	must(t, w.Stop(t.Context()))

	w = start(t, c)
	stop = send(t, w.ProxyURL("web"), users)
	eventuallyCourse(t, w.Client, r.ID, func(c stagger.Course) bool {
		return c.Since.Equal(kept.Since) && c.At[len(c.At)-1].After(kept.At[len(kept.At)-1].Add(time.Second))
	})
	after := eventually(t, w.Client, r.ID, func(now stagger.Progress) bool { return now.Exposure.Requests > p.Exposure.Requests })
	if e := after.Exposure; e.Users < p.Exposure.Users || e.Users > users {
		t.Errorf("before the restart %+v, after it %+v", p.Exposure, e)
	}
}

func eventually(t *testing.T, c *client.Client, id string, ok func(stagger.Progress) bool) stagger.Progress {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		p, err := c.Progress(t.Context(), id)
		if err == nil && ok(p) {
			return p
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v, %v", p, err)
		}
	}
}

func eventuallyCourse(t *testing.T, c *client.Client, id string, ok func(stagger.Course) bool) stagger.Course {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		course, err := c.Course(t.Context(), id)
		must(t, err)
		if ok(course) {
			return course
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", course)
		}
	}
}
