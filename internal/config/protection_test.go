package config_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/config"
)

// protected reads a service that declares text.
func protected(t *testing.T, text string) stagger.Service {
	t.Helper()
	s, err := config.ParseServer("s", []byte(`
services:
  - name: shop
    baseline: v1
    versions: {v1: {upstreams: ["http://a:1"]}}
`+text))
	if err != nil {
		t.Fatal(err)
	}
	return s.Services[0]
}

func TestWhatProtectsHasDefaults(t *testing.T) {
	got := protected(t, `
    retries: {}
    circuit: {}
    concurrency: {max: 2}
    deadline: {}
`)
	want := protected(t, "")
	want.Retries = stagger.Retries{Attempts: 2, Budget: 0.2, Least: 3, On: []stagger.RetryOn{"connect", "broken", "502", "503", "504"}}
	want.Circuit = stagger.Circuit{Consecutive: 5, Rate: 0.5, Window: 10 * time.Second, Least: 20, Open: 5 * time.Second, Probes: 3}
	want.Concurrency = stagger.Concurrency{Adaptive: true, Min: 2, Max: 2}
	want.Deadline = stagger.Deadline{Header: "X-Request-Timeout"}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Error(diff)
	}
}

func TestWhatProtectsIsReadAsWritten(t *testing.T) {
	got := protected(t, `
    retries: {attempts: 3, on: [connect, 503], methods: [POST], budget: 10%, least: 0.5}
    circuit: {consecutive: 0, rate: 25%, window: 1m, least: 50, open: 500ms, probes: 1}
    concurrency: {min: 8, max: 64, priority_header: X-Priority, trusted: [10.0.0.0/8, "::1"]}
    fallback: true
    deadline: {header: X-Envoy-Expected-Rq-Timeout-Ms}
    status_page: {path: /status, host: status.example.org, title: "The shop"}
    routes:
      - {name: a, path: /a, priority: critical, title: "What a is"}
      - {name: b, path: /b, priority: low, degrade: {drop: true}}
      - {name: c, path: /c, degrade: {static: {status: 503, body: "soon"}}}
      - {name: d, path: /d, degrade: {cached: {for: 1h}}}
      - {name: e, path: /e, degrade: {accept: {hook: "http://queue:9000/x"}}}
`)
	want := protected(t, "")
	want.Retries = stagger.Retries{Attempts: 3, Budget: 0.1, Least: 0.5, On: []stagger.RetryOn{"connect", "503"}, Methods: []string{"POST"}}
	want.Circuit = stagger.Circuit{Rate: 0.25, Window: time.Minute, Least: 50, Open: 500 * time.Millisecond, Probes: 1}
	want.Concurrency = stagger.Concurrency{Adaptive: true, Min: 8, Max: 64, PriorityHeader: "X-Priority", Trusted: []string{"10.0.0.0/8", "::1/128"}}
	want.Fallback = true
	want.StatusPage = stagger.StatusPage{Path: "/status", Host: "status.example.org", Title: "The shop"}
	want.Deadline = stagger.Deadline{Header: "X-Envoy-Expected-Rq-Timeout-Ms"}
	want.Routes = []stagger.Route{
		{Name: "a", Path: "/a", Title: "What a is", Priority: stagger.PriorityCritical},
		{Name: "b", Path: "/b", Priority: stagger.PriorityLow, Degrade: stagger.Degrade{Drop: true}},
		{Name: "c", Path: "/c", Degrade: stagger.Degrade{Static: &stagger.StaticAnswer{Status: 503, Body: "soon", ContentType: "text/plain; charset=utf-8"}}},
		{Name: "d", Path: "/d", Degrade: stagger.Degrade{Cached: &stagger.CachedAnswer{For: time.Hour, MaxBytes: 8 << 20}}},
		{Name: "e", Path: "/e", Degrade: stagger.Degrade{Accept: &stagger.AcceptAnswer{Hook: "http://queue:9000/x"}}},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Error(diff)
	}
}
