package proxy

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/meter"
)

// benchmarkProxy returns a proxy that shows v2 to every twentieth user.
func benchmarkProxy(b *testing.B, upstream string) *Proxy {
	b.Helper()
	p, err := New(Config{
		Listeners: []Listener{{Name: "web", Address: "127.0.0.1:0"}},
		Services: []stagger.Service{{
			Name: "shop", Baseline: "v1", Listener: "web",
			Routes:   []stagger.Route{{Name: "api", Path: "/api"}, {Name: "all", Path: "/"}},
			Versions: []stagger.Version{{Name: "v1", Upstreams: []string{upstream}}, {Name: "v2", Upstreams: []string{upstream}}},
		}},
	}, meter.New(meter.Options{}), nil)
	if err != nil {
		b.Fatal(err)
	}
	if err := p.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = p.Stop(b.Context()) })
	if err := p.Apply(b.Context(), stagger.Split{
		Service: "shop", Baseline: "v1", Candidate: "v2", Weight: stagger.Percent(5),
		Key: stagger.Key{Header: "X-User"}, Seed: "seed",
	}); err != nil {
		b.Fatal(err)
	}
	return p
}

// BenchmarkDecision is everything the proxy adds to carrying a request:
// routing, cohort, endpoint and metering.
func BenchmarkDecision(b *testing.B) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	p := benchmarkProxy(b, server.URL)
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/api/users", nil)
	r.Header.Set("X-User", "user-4711")
	a := &attributes{request: r}
	now := time.Now()
	later := now.Add(3 * time.Millisecond)
	for _, row := range []struct {
		name  string
		clock func() (time.Time, time.Time)
	}{
		{"alone", func() (time.Time, time.Time) { return now, later }},
		{"with the clock", func() (time.Time, time.Time) { return time.Now(), time.Now() }},
	} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				begin, end := row.clock()
				traffic, route := p.table.Load().find(0, "shop.example.org", r.URL.Path)
				x := traffic.admit(route, a, begin)
				x.sample.End(end, meter.OK)
				x.release(meter.OK)
			}
		})
	}
}

// BenchmarkRequest is one request of 1 KB through the proxy over loopback,
// client and upstream included.
func BenchmarkRequest(b *testing.B) {
	body := make([]byte, 1024)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
	defer server.Close()
	p := benchmarkProxy(b, server.URL)
	for _, row := range []struct{ name, url string }{
		{"direct", server.URL},
		{"proxied", "http://" + p.Addr("web").String()},
	} {
		b.Run(row.name, func(b *testing.B) {
			transport := &http.Transport{MaxIdleConnsPerHost: 64}
			defer transport.CloseIdleConnections()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, row.url+"/api", nil)
					if err != nil {
						b.Error(err)
						return
					}
					response, err := transport.RoundTrip(r)
					if err != nil {
						b.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, response.Body)
					_ = response.Body.Close()
				}
			})
		})
	}
}
