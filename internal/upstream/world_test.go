package upstream

import (
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stagger-dev/stagger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// door is an endpoint that takes connections and says nothing.
type door struct {
	net.Listener
	open sync.WaitGroup
}

// opened returns a door at an address; port 0 is any.
func opened(t testing.TB, address string) *door {
	t.Helper()
	var listen net.ListenConfig
	l, err := listen.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	d := &door{Listener: l}
	d.open.Go(func() {
		var held []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			held = append(held, c)
		}
		for _, c := range held {
			_ = c.Close()
		}
	})
	t.Cleanup(d.shut)
	return d
}

func (d *door) shut() {
	_ = d.Close()
	d.open.Wait()
}

func (d *door) url() string { return "http://" + d.Addr().String() }

// doors are so many.
func doors(t testing.TB, n int) []string {
	t.Helper()
	var urls []string
	for range n {
		urls = append(urls, opened(t, "127.0.0.1:0").url())
	}
	return urls
}

// shop is a service of which tests change what they are about.
func shop(set ...func(*stagger.Service)) stagger.Service {
	s := stagger.Service{
		Name:     "shop",
		Health:   stagger.Health{Interval: time.Second, Timeout: time.Second, Healthy: 1, Unhealthy: 1},
		Timeouts: stagger.Timeouts{Connect: time.Second, Response: time.Second, Idle: time.Second},
	}
	for _, f := range set {
		f(&s)
	}
	return s
}

func withOutliers(s *stagger.Service) {
	s.Outlier = stagger.Outlier{
		Consecutive: 5, Failures: stagger.ServerErrors, Excess: 0.1, Interval: 10 * time.Second,
		Ejection: 30 * time.Second, MaxEjection: 5 * time.Minute, MaxShare: 0.5,
	}
}

// fresh returns a pool that was made and not probed.
func fresh(t testing.TB, s stagger.Service, old *Pool, r Resolver, upstreams ...string) *Pool {
	t.Helper()
	p, err := New(SpecOf(s, stagger.Version{Name: "v1", Upstreams: upstreams}, 8), old, r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// watched returns a pool that was probed and is watched until the test ends.
func watched(t testing.TB, s stagger.Service, r Resolver, upstreams ...string) *Pool {
	t.Helper()
	p := fresh(t, s, nil, r, upstreams...)
	p.Probe(t.Context())
	p.Watch(slog.New(slog.DiscardHandler))
	t.Cleanup(p.Close)
	return p
}

// shares picks many times, one after the other, and says how often each address
// was met.
func shares(p *Pool) map[string]float64 {
	const n = 4000
	met := map[string]float64{}
	for i := range n {
		if e, _ := p.Pick(uint64(i) * 0x9e3779b97f4a7c15); e != nil {
			met[e.Address()] += 1.0 / n
			e.Release()
		}
	}
	return met
}

// states are those of all endpoints.
func states(p *Pool) map[string]stagger.EndpointState {
	out := map[string]stagger.EndpointState{}
	for _, s := range p.Status(time.Now()) {
		out[s.Address] = s.State
	}
	return out
}

func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// seldomProbed keeps a bubble's long time cheap.
func seldomProbed(s *stagger.Service) { s.Health.Interval = time.Hour }
