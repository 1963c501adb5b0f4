package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stagger-dev/stagger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a version that runs at one address.
type server struct {
	url    *url.URL
	client *http.Transport
}

func serve(t *testing.T, h http.HandlerFunc) *server {
	t.Helper()
	s := httptest.NewServer(h)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		s.Close()
	})
	return &server{url: u, client: transport}
}

func (s *server) Send(r *http.Request) (*http.Response, error) {
	r.URL.Host = s.url.Host
	return s.client.RoundTrip(r)
}

func split(shadow stagger.Weight) stagger.Split {
	return stagger.Split{
		Service: "shop", Baseline: "v1", Candidate: "v2", Rollout: "r1", Shadow: shadow,
		ShadowRules: &stagger.Shadow{Repeat: stagger.WeightFull},
	}
}

func begun(t *testing.T, o Options) (*Mirror, *Trial) {
	t.Helper()
	m := New(o)
	m.Start()
	t.Cleanup(func() { _ = m.Stop(context.Background()) })
	return m, m.Trial(split(stagger.WeightFull))
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 10_000 {
		if done() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("waited in vain for %s", what)
}

func requestTo(to, again Version) Request {
	return Request{Method: "GET", URL: url.URL{Path: "/"}, Host: "shop", Header: http.Header{}, To: to, Again: again}
}

// TestMemoryIsBounded has many requests with answers of all lengths copied at
// once, and looks at what is held all the time.
func TestMemoryIsBounded(t *testing.T) {
	const most = 1 << 20
	seen := rand.New(rand.NewPCG(1, 1)).Perm(200)
	version := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var n int
		_, _ = fmt.Sscan(r.URL.Query().Get("n"), &n)
		_, _ = io.WriteString(w, strings.Repeat("x", n))
	})
	m, trial := begun(t, Options{Bytes: most, Body: 32 << 10, Whole: 1 << 20, Queue: 1000})
	watching, watched := make(chan struct{}), make(chan int64)
	go func() {
		highest := int64(0)
		for {
			highest = max(highest, m.held.Load())
			select {
			case <-watching:
				watched <- highest
				return
			default:
			}
		}
	}()
	var users sync.WaitGroup
	for user := range 8 {
		users.Go(func() {
			for i := user; i < len(seen); i += 8 {
				n := seen[i] * 8000 // up to 1.6 MB
				r := requestTo(version, version)
				r.URL.RawQuery = fmt.Sprintf("n=%d", n)
				c := trial.Begin(r)
				if c == nil {
					continue
				}
				c.Answered(200, http.Header{}, -1)
				for left := n; left > 0; left -= 4096 {
					c.Write(make([]byte, min(left, 4096)))
					if len(c.answer.Body) > 32<<10 {
						t.Errorf("%d bytes of an answer are kept", len(c.answer.Body))
					}
				}
				c.Send()
			}
		})
	}
	users.Wait()
	eventually(t, "everything to be let go", func() bool { return m.held.Load() == 0 })
	close(watching)
	// A failed attempt shows for a moment in the counter, never in memory.
	if highest := <-watched; highest > most+8*(96<<10) || highest == 0 {
		t.Errorf("%d bytes were held at once, %d may be", highest, most)
	}
	d, _ := m.Differences("r1")
	t.Logf("%d mirrored, dropped %v", d.Mirrored, d.Dropped)
	if d.Mirrored == 0 || len(d.Dropped) == 0 {
		t.Errorf("nothing was mirrored, or nothing dropped: %+v", d)
	}
}

func TestWhatWasFoundIsInTheTickOfItsTime(t *testing.T) {
	version := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "same") })
	m, trial := begun(t, Options{})
	before := time.Now()
	const n = 30
	for range n {
		c := trial.Begin(requestTo(version, version))
		c.Answered(200, http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, 4)
		c.Write([]byte("same"))
		c.Send()
	}
	eventually(t, "the answers", func() bool { d, _ := m.Differences("r1"); return d.Mirrored == n })
	after := time.Now().Add(time.Millisecond)
	source := m.Source(ticks{
		{Service: "shop", From: before.Add(-time.Hour), To: before, Observations: []stagger.Observation{{Version: "v2"}}},
		{Service: "shop", From: before, To: after, Observations: []stagger.Observation{{Version: "v1"}, {Version: "v2"}}},
		{Service: "shop", From: after, To: after.Add(time.Hour), Observations: []stagger.Observation{{Version: "v2"}}},
	})
	for range 2 { // always the same
		got, err := source.Ticks(t.Context(), "shop", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		// What is noise is learned from the first ten.
		if s := got[1].Observations[1].Shadow; s == nil || *s != (stagger.Shadowed{Compared: n - 10, Pairs: n - 10}) {
			t.Errorf("the tick has %+v", s)
		}
		for _, o := range []stagger.Observation{got[0].Observations[0], got[1].Observations[0], got[2].Observations[0]} {
			if o.Shadow != nil {
				t.Errorf("another observation has %+v", o.Shadow)
			}
		}
	}
}

type ticks []stagger.Tick

func (ts ticks) Ticks(context.Context, string, time.Time) ([]stagger.Tick, error) { return ts, nil }

type broken struct{}

func (broken) Send(*http.Request) (*http.Response, error) { return nil, errors.New("broken") }

func TestCopiesAreCountedApart(t *testing.T) {
	version := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	m, trial := begun(t, Options{})
	registry := prometheus.NewRegistry()
	registry.MustRegister(m.Collector())
	for range 5 {
		c := trial.Begin(requestTo(broken{}, version))
		c.Answered(http.StatusTeapot, http.Header{}, 0)
		c.Send()
	}
	trial.Begin(Request{Method: "GET", Length: 1 << 20})
	trial.Begin(requestTo(version, version)).Send() // no answer
	eventually(t, "the answers", func() bool { d, _ := m.Differences("r1"); return d.Mirrored == 5 && m.held.Load() == 0 })
	want := map[string]float64{
		"stagger_shadow_requests_total connect": 5, "stagger_shadow_compared_total": 5, "stagger_shadow_differing_total": 5,
		"stagger_shadow_repeated_total": 5, "stagger_shadow_noisy_total": 0,
		"stagger_shadow_dropped_total large_request": 1, "stagger_shadow_dropped_total unanswered": 1, "stagger_shadow_held_bytes": 0,
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, metric := range f.GetMetric() {
			name := f.GetName()
			for _, l := range metric.GetLabel() {
				if l.GetName() == "class" || l.GetName() == "reason" {
					name += " " + l.GetValue()
				}
			}
			value := metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
			if v, ok := want[name]; ok && v != value {
				t.Errorf("%s is %g, want %g", name, value, v)
			}
			delete(want, name)
		}
	}
	if len(want) > 0 {
		t.Errorf("these are missing: %v", want)
	}
}

func TestOldTrialsMakeRoom(t *testing.T) {
	m := New(Options{})
	for i := range 3 * maxTrials {
		s := split(stagger.WeightPercent)
		s.Rollout = fmt.Sprint(i)
		m.Trial(s)
	}
	if _, ok := m.Differences("0"); ok || len(m.trials) != maxTrials {
		t.Errorf("%d trials are kept", len(m.trials))
	}
}

func TestTheShareIsDrawnForEachRequest(t *testing.T) {
	trial := New(Options{}).Trial(split(10 * stagger.WeightPercent))
	chosen := 0
	for range 20_000 {
		if trial.Chooses("GET") {
			chosen++
		}
		if trial.Chooses("POST") {
			t.Fatal("a POST was chosen")
		}
	}
	if chosen < 1700 || chosen > 2300 { // 2000, seven standard deviations either way
		t.Errorf("%d of 20000 were chosen at 10%%", chosen)
	}
}

// witness is a version that knows when nothing may be sent any more.
type witness struct {
	*server
	over atomic.Bool
	late atomic.Int64
	sent atomic.Int64
}

func (w *witness) Send(r *http.Request) (*http.Response, error) {
	over := w.over.Load()
	if w.sent.Add(1); over && r.Context().Err() == nil {
		w.late.Add(1)
	}
	return w.server.Send(r)
}

// TestNothingIsSentAfterTheEnd ends and begins a trial again and again under load:
// what was not sent when Close returned is never sent.
func TestNothingIsSentAfterTheEnd(t *testing.T) {
	w := &witness{server: serve(t, func(http.ResponseWriter, *http.Request) {})}
	m, trial := begun(t, Options{Queue: 10_000})
	for range 200 {
		w.over.Store(false)
		m.Trial(split(stagger.WeightFull))
		for range 20 {
			c := trial.Begin(requestTo(w, w))
			c.Answered(http.StatusOK, http.Header{}, 0)
			c.Send()
		}
		trial.Close()
		w.over.Store(true)
		eventually(t, "what waits to be dropped", func() bool { return m.held.Load() == 0 })
	}
	if w.late.Load() > 0 || w.sent.Load() == 0 {
		t.Errorf("%d of %d were sent after the end", w.late.Load(), w.sent.Load())
	}
}
