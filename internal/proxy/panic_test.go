package proxy

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/meter"
)

// TestAPanicEndsOneRequestOnly breaks a service from inside, as only a
// mistake in this package could.
func TestAPanicEndsOneRequestOnly(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	defer upstream.Close()
	var log strings.Builder
	m := meter.New(meter.Options{})
	p, err := New(Config{
		NetHTTP:   true,
		Listeners: []Listener{{Name: "web", Address: "127.0.0.1:0"}},
		Services: []stagger.Service{{
			Name: "shop", Baseline: "v1", Listener: "web", Routes: []stagger.Route{{Name: "all", Path: "/"}},
			Versions: []stagger.Version{{Name: "v1", Upstreams: []string{upstream.URL}}, {Name: "v2", Upstreams: []string{upstream.URL}}},
		}},
	}, m, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Stop(context.Background()) }()

	call := func() error {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.Addr("web").String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{DisableKeepAlives: true}
		response, err := transport.RoundTrip(r)
		if err != nil {
			return err
		}
		return response.Body.Close()
	}
	split := stagger.Split{Service: "shop", Baseline: "v1", Candidate: "v2", Weight: stagger.WeightFull}
	if err := p.Apply(t.Context(), split); err != nil {
		t.Fatal(err)
	}
	kept := p.table.Load()
	broken := *kept.services[0]
	broken.service = nil
	p.table.Store(kept.with(0, &broken))
	if call() == nil {
		t.Error("an answer by way of nothing")
	}
	p.table.Store(kept)
	split.Weight = 0
	if err := p.Apply(t.Context(), split); err != nil {
		t.Fatal(err)
	}
	if err := call(); err != nil {
		t.Errorf("the next request failed as well: %v", err)
	}
	_ = p.Stop(t.Context())
	m.Seal(time.Now().Add(time.Minute))
	met := broken.version("v2").pool.Endpoints()[0]
	if n := m.InFlight("shop", "v2"); n != 0 || met.InFlight() != 0 {
		t.Errorf("%d requests of the sample, %d of the endpoint are in flight for ever", n, met.InFlight())
	}
	if !strings.Contains(log.String(), "a request panicked") {
		t.Errorf("the log says %q", log.String())
	}
}
