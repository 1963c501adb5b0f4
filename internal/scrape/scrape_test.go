package scrape_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/scrape"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// every is how often the tests read: the configuration allows a second at
// least, which is long in a test.
const every = 60 * time.Millisecond

// Guardrails as plans have them; the scraper looks at no more than these.
func count(metric string) stagger.Guardrail {
	return stagger.Guardrail{Signal: stagger.SignalCount, Metric: metric}
}

func level(metric string) stagger.Guardrail {
	return stagger.Guardrail{Signal: stagger.SignalGauge, Metric: metric}
}

func saturation(metric string) stagger.Guardrail {
	return stagger.Guardrail{Signal: stagger.SignalSaturation, Metric: metric}
}

// world is a service shop whose version v1 is compared with v2, and the ticks
// that a proxy would have sealed.
type world struct {
	t       *testing.T
	scraper *scrape.Scraper
	source  *scrape.Told
	log     *lines
	service stagger.Service
	plan    atomic.Pointer[[]stagger.Guardrail] // nil while no rollout is under way
	broken  atomic.Bool                         // nobody knows which are
	looks   atomic.Int64                        // how often it was asked for
	ticks   inner
	stop    func()
}

// open begins to read endpoints, by version.
func open(t *testing.T, metrics stagger.Metrics, endpoints map[string][]string, guardrails ...stagger.Guardrail) *world {
	t.Helper()
	w := &world{t: t, log: &lines{}, service: stagger.Service{Name: "shop", Baseline: "v1", Metrics: metrics}}
	for name, urls := range endpoints {
		w.service.Versions = append(w.service.Versions, stagger.Version{Name: name, Upstreams: urls})
	}
	w.plan.Store(&guardrails)
	w.scraper = scrape.New(scrape.Options{
		Services: func() []stagger.Service { return []stagger.Service{w.service} },
		Rollouts: w, Log: slog.New(slog.NewTextHandler(w.log, nil)),
	})
	w.ticks.began = time.Now()
	w.source = w.scraper.Source(&w.ticks)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		w.scraper.Run(ctx)
		close(ended)
	}()
	w.stop = sync.OnceFunc(func() {
		cancel()
		<-ended
	})
	t.Cleanup(w.stop)
	return w
}

// seldom leaves a counter time: it is given up when its readings are three
// intervals apart, which on a busy machine must not happen by chance.
func seldom() stagger.Metrics {
	return stagger.Metrics{Path: "/metrics", Every: 4 * every, Timeout: 4 * time.Second}
}

func often() stagger.Metrics {
	return stagger.Metrics{Path: "/metrics", Every: every, Timeout: 5 * time.Second}
}

func (w *world) Active(context.Context) ([]stagger.Rollout, error) {
	w.looks.Add(1)
	switch guardrails := w.plan.Load(); {
	case w.broken.Load():
		return nil, errors.New("the disk is full")
	case guardrails == nil:
		return nil, nil
	default:
		return []stagger.Rollout{{Service: "shop", Baseline: "v1", Candidate: "v2", Plan: stagger.Plan{Guardrails: *guardrails}}}, nil
	}
}

// inner seals ticks of 10 ms with 20 requests for each version on each of two
// routes, without end.
type inner struct {
	began time.Time
	hosts map[string]uint64 // the requests of v2 by endpoint, nil for not told
	lost  atomic.Bool       // no tick is sealed
}

const width = 10 * time.Millisecond

func (s *inner) Ticks(_ context.Context, service string, after time.Time) ([]stagger.Tick, error) {
	if service != "shop" {
		return nil, &stagger.Error{Code: stagger.CodeNotFound, Message: "nothing is measured"}
	}
	var out []stagger.Tick
	now := time.Now()
	for from := s.began; from.Add(width).Before(now) && !s.lost.Load(); from = from.Add(width) {
		t := stagger.Tick{Service: service, From: from, To: from.Add(width)}
		if !t.To.After(after) {
			continue
		}
		for _, version := range []string{"v1", "v2"} {
			for _, route := range []string{"a", "b"} {
				o := stagger.Observation{Service: service, Version: version, Route: route, From: t.From, To: t.To, Started: 20}
				for name, n := range s.hosts {
					if version == "v2" {
						o.Hosts = append(o.Hosts, stagger.Host{Name: name, Group: stagger.Group{Started: n}})
					}
				}
				t.Observations = append(t.Observations, o)
			}
		}
		out = append(out, t)
	}
	return out, nil
}

func (s *inner) InFlight(string, string) int64 { return 7 }

// told is all that the ticks so far hold of one version.
type told struct {
	counts   map[string]uint64
	readings map[string]int // how many ticks hold a count
	gauges   map[string][]stagger.Gauge
	at       map[string]time.Time // of the last tick with the metric
}

func (w *world) told(version string) told {
	w.t.Helper()
	ticks, err := w.source.Ticks(w.t.Context(), "shop", time.Time{})
	if err != nil {
		w.t.Fatal(err)
	}
	out := told{counts: map[string]uint64{}, readings: map[string]int{}, gauges: map[string][]stagger.Gauge{}, at: map[string]time.Time{}}
	for _, t := range ticks {
		for _, o := range t.Observations {
			if o.Version != version {
				continue
			}
			if o.Route != "a" && len(o.Counts)+len(o.Gauges) > 0 {
				w.t.Errorf("route %s holds %v %v; the first route is to", o.Route, o.Counts, o.Gauges)
			}
			for _, c := range o.Counts {
				out.counts[c.Metric] += c.N
				out.readings[c.Metric]++
				out.at[c.Metric] = t.To
			}
			for _, g := range o.Gauges {
				out.gauges[g.Metric] = append(out.gauges[g.Metric], g)
				out.at[g.Metric] = t.To
			}
		}
	}
	return out
}

// until waits for what is to come about.
func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("%s does not come about; the log:\n%s", what, w.log)
		}
	}
}

// read waits until the endpoint was asked twice more.
func (w *world) read(b *backend) {
	w.t.Helper()
	n := b.asked.Load()
	w.until("another reading", func() bool { return b.asked.Load() >= n+3 })
}

// backend answers /metrics, and counts how often it was asked.
type backend struct {
	*httptest.Server
	asked  atomic.Int64
	answer atomic.Pointer[http.Handler]
}

func serve(t *testing.T, h http.Handler) *backend {
	t.Helper()
	b := &backend{}
	b.set(h)
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		(*b.answer.Load()).ServeHTTP(w, r)
		b.asked.Add(1)
	}))
	t.Cleanup(b.Close)
	return b
}

func (b *backend) set(h http.Handler) { b.answer.Store(&h) }

func (b *backend) host() string { return strings.TrimPrefix(b.URL, "http://") }

func text(s string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = io.WriteString(w, s)
	})
}

// exporter is a process with metrics of its own.
type exporter struct {
	http.Handler
	failures *prometheus.CounterVec
	seconds  prometheus.Counter
	queue    *prometheus.GaugeVec
	took     prometheus.Histogram
}

func newExporter() *exporter {
	registry := prometheus.NewRegistry()
	e := &exporter{
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "failures_total"}, []string{"kind", "shop"}),
		seconds:  prometheus.NewCounter(prometheus.CounterOpts{Name: "cpu_seconds_total"}),
		queue:    prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "queue"}, []string{"of"}),
		took:     prometheus.NewHistogram(prometheus.HistogramOpts{Name: "took_seconds"}),
	}
	registry.MustRegister(e.failures, e.seconds, e.queue, e.took)
	e.Handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return e
}

// failures is what the metric says of a version.
func (w *world) failures(version string) float64 {
	metrics := make(chan prometheus.Metric, 10)
	w.scraper.Collector().Collect(metrics)
	close(metrics)
	total := 0.0
	for m := range metrics {
		var d dto.Metric
		if err := m.Write(&d); err != nil {
			w.t.Fatal(err)
		}
		for _, l := range d.GetLabel() {
			if l.GetName() == "version" && l.GetValue() == version {
				total += d.GetCounter().GetValue()
			}
		}
	}
	return total
}

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *lines) with(part string) int { return strings.Count(l.String(), part) }

func TestACounterTellsItsIncreaseOnce(t *testing.T) {
	t.Parallel()
	one, two, base := newExporter(), newExporter(), newExporter()
	a, b, c := serve(t, one), serve(t, two), serve(t, base)
	for _, e := range []*exporter{one, two, base} {
		e.failures.WithLabelValues("card", "north").Add(1000) // before anybody looked
	}
	card, both := `failures_total{kind="card"}`, "failures_total"
	w := open(t, seldom(), map[string][]string{"v1": {c.URL}, "v2": {a.URL, b.URL}}, count(card), count(both))
	w.read(a)
	w.read(b)
	one.failures.WithLabelValues("card", "north").Add(3)
	one.failures.WithLabelValues("card", "south").Add(4) // a sample that is new
	one.failures.WithLabelValues("gift", "north").Add(20)
	two.failures.WithLabelValues("card", "north").Add(5.5)
	w.read(a)
	w.read(b)
	two.failures.WithLabelValues("card", "north").Add(0.5) // halves that a reading parts are one in the end
	w.read(b)
	w.read(c)
	w.stop()
	time.Sleep(2 * width) // the last tick is sealed
	got := w.told("v2")
	if want := (map[string]uint64{card: 13, both: 33}); !cmp.Equal(got.counts, want) {
		t.Errorf("the candidate's ticks hold %v, want %v", got.counts, want)
	}
	// What did not happen is told too: else nobody knows that it was looked at.
	if base := w.told("v1"); base.counts[card] != 0 || base.readings[card] < 2 {
		t.Errorf("the baseline's ticks hold %d in %d readings", base.counts[card], base.readings[card])
	}
	if again := w.told("v2"); !cmp.Equal(again.counts, got.counts) {
		t.Errorf("the same ticks hold %v when they are asked for again, before %v", again.counts, got.counts)
	}
}

func TestACounterThatAppearsCountsFromZero(t *testing.T) {
	t.Parallel()
	e := newExporter() // a vector without children is not exposed
	b := serve(t, e)
	w := open(t, seldom(), map[string][]string{"v2": {b.URL}}, count(`failures_total{kind="card"}`))
	w.read(b)
	if got := w.told("v2"); len(got.readings) > 0 {
		t.Errorf("nothing is exposed, and read is %v", got.counts)
	}
	e.failures.WithLabelValues("card", "north").Add(3)
	w.read(b)
	w.until("the increase", func() bool { return w.told("v2").counts[`failures_total{kind="card"}`] == 3 })
}

func TestACounterThatFellTellsNothing(t *testing.T) {
	t.Parallel()
	body := func(started, n int) http.Handler {
		return text(fmt.Sprintf("# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds %d\n# TYPE n_total counter\nn_total %d\n", started, n))
	}
	for name, row := range map[string]struct{ started, n int }{
		"a reset":                         {1, 90},
		"a new process that counted more": {2, 900},
	} {
		t.Run(name, func(t *testing.T) {
			b := serve(t, body(1, 100))
			w := open(t, seldom(), map[string][]string{"v2": {b.URL}}, count("n_total"), level("n_total"))
			w.read(b)
			b.set(body(row.started, row.n))
			w.read(b)
			b.set(body(row.started, row.n+2))
			w.read(b)
			w.until("the increase since", func() bool { return w.told("v2").counts["n_total"] == 2 })
			for _, g := range w.told("v2").gauges["n_total"] {
				if g.Value < 0 || g.Value > 2/every.Seconds() {
					t.Errorf("the rate is %g", g.Value)
				}
			}
		})
	}
}

func TestAGaugeTellsItsLevelByInstance(t *testing.T) {
	t.Parallel()
	one, two := newExporter(), newExporter()
	one.queue.WithLabelValues("orders").Set(3)
	one.queue.WithLabelValues("mail").Set(0.25)
	two.queue.WithLabelValues("orders").Set(-7)
	a, b := serve(t, one), serve(t, two)
	w := open(t, often(), map[string][]string{"v2": {a.URL, b.URL}}, level("queue"))
	w.read(a)
	w.read(b)
	want := map[string]float64{a.host(): 3.25, b.host(): -7}
	got := map[string]float64{}
	w.until("a reading of each", func() bool {
		for _, g := range w.told("v2").gauges["queue"] {
			got[g.Instance] = g.Value
		}
		return len(got) == 2
	})
	if !cmp.Equal(got, want) {
		t.Errorf("the levels are %v, want %v", got, want)
	}
}

func TestSaturationIsWhatARequestTakes(t *testing.T) {
	t.Parallel()
	// A version meets 4000 requests a second, 20 each 10 ms on two routes.
	for name, row := range map[string]struct {
		hosts map[string]uint64
		want  float64 // requests per second of the endpoint
	}{
		"endpoints apart":             {map[string]uint64{"one": 5, "else": 15}, 1000},
		"nobody knows which endpoint": {nil, 2000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			busy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				text(fmt.Sprintf("# TYPE queue gauge\nqueue 100\n# TYPE cpu counter\ncpu %g\n", time.Since(began).Seconds()/2)).ServeHTTP(w, r)
			})
			b, idle := serve(t, busy), serve(t, newExporter())
			w := open(t, often(), map[string][]string{"v2": {b.URL, idle.URL}}, saturation("queue"), saturation("cpu"))
			if own, apart := row.hosts["one"]; apart {
				w.ticks.hosts = map[string]uint64{b.host(): own, "else": row.hosts["else"]}
			}
			for _, metric := range []struct {
				name     string
				level    float64 // by second
				accuracy float64
			}{{"queue", 100, 1e-6}, {"cpu", 0.5, 0.3}} {
				w.until("ten readings", func() bool { return len(w.told("v2").gauges[metric.name]) >= 10 })
				var took []float64
				for _, g := range w.told("v2").gauges[metric.name] {
					took = append(took, g.Value)
				}
				slices.Sort(took)
				if got, want := took[len(took)/2], metric.level/row.want; math.Abs(got/want-1) > metric.accuracy {
					t.Errorf("a request takes %g of %s, want %g: %v", got, metric.name, want, took)
				}
			}
		})
	}
}

func TestSaturationNeedsAllTicksSinceTheReadingBefore(t *testing.T) {
	t.Parallel()
	e := newExporter()
	b := serve(t, e)
	w := open(t, often(), map[string][]string{"v2": {b.URL}}, saturation("cpu_seconds_total"), count("cpu_seconds_total"))
	w.read(b)
	w.ticks.began = time.Now().Add(time.Second) // as if the proxy had just begun
	w.until("a tick with a reading", func() bool { return w.told("v2").readings["cpu_seconds_total"] == 1 })
	if got := w.told("v2"); len(got.gauges) > 0 {
		t.Errorf("it is divided by requests that nobody saw: %v", got.gauges)
	}
	w.until("a reading that is covered", func() bool { return len(w.told("v2").gauges["cpu_seconds_total"]) > 0 })
}

func TestTicksOfTheProxyStayAsTheyAre(t *testing.T) {
	t.Parallel()
	e := newExporter()
	e.failures.WithLabelValues("card", "north").Add(1)
	b := serve(t, e)
	shared := &fixed{}
	w := open(t, seldom(), map[string][]string{"v2": {b.URL}}, count("failures_total"), level("queue"), level("cpu_seconds_total"))
	e.queue.WithLabelValues("orders").Set(2)
	// One tick holds everything, and a count and a level of somebody else.
	now := time.Now()
	shared.ticks = []stagger.Tick{{Service: "shop", From: now, To: now.Add(time.Hour), Observations: []stagger.Observation{{
		Service: "shop", Version: "v2", Started: 1,
		Counts: append(make([]stagger.Count, 0, 8), stagger.Count{Metric: "failures_total", N: 40}),
		Gauges: append(make([]stagger.Gauge, 0, 8), stagger.Gauge{Metric: "other", Value: 1}),
	}}}}
	source := w.scraper.Source(shared)
	w.read(b)
	e.failures.WithLabelValues("card", "north").Add(2)
	w.read(b)
	ticks, err := source.Ticks(t.Context(), "shop", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if got := ticks[0].Observations[0]; len(got.Gauges) < 3 || len(got.Counts) != 1 || got.Counts[0].N != 42 {
		t.Errorf("the tick holds %v and %d gauges", got.Counts, len(got.Gauges))
	}
	o := shared.ticks[0].Observations[0]
	if o.Counts[0].N != 40 || len(o.Gauges) != 1 || !slices.Equal(o.Gauges[:2], []stagger.Gauge{{Metric: "other", Value: 1}, {}}) {
		t.Errorf("the shared tick was changed: %v %v", o.Counts, o.Gauges[:2])
	}
}

// fixed are ticks that are always the same ones.
type fixed struct{ ticks []stagger.Tick }

func (f *fixed) Ticks(context.Context, string, time.Time) ([]stagger.Tick, error) {
	return f.ticks, nil
}

func TestInFlightIsThatOfTheSource(t *testing.T) {
	t.Parallel()
	w := open(t, often(), nil)
	if n := w.source.InFlight("shop", "v1"); n != 7 {
		t.Errorf("%d in flight", n)
	}
	if n := w.scraper.Source(&fixed{}).InFlight("shop", "v1"); n != 0 {
		t.Errorf("%d in flight of a source that does not know", n)
	}
	if _, err := w.source.Ticks(t.Context(), "till", time.Time{}); stagger.CodeOf(err) != stagger.CodeNotFound {
		t.Errorf("the error of an unknown service is %v", err)
	}
}

// TestWhatFailsTellsNothing shows the scraper what endpoints do wrong; a version
// that answers well beside it shows that reading goes on.
func TestWhatFailsTellsNothing(t *testing.T) {
	t.Parallel()
	elsewhere := serve(t, text("n_total 5\n"))
	slow := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	for name, row := range map[string]struct {
		answer http.Handler
		want   string
	}{
		"status":          {http.NotFoundHandler(), "status 404"},
		"a page":          {http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>n_total 5") }), "not Prometheus text"},
		"no number":       {text("n_total five\n"), "expected float"},
		"no end":          {text("n_total{a=\"b\n"), "unescaped new-line"},
		"too long a line": {text("n_total " + strings.Repeat("9", 70_000) + "\n"), "a line has more than 65536 bytes"},
		"too much":        {text(strings.Repeat("# "+strings.Repeat("x", 1000)+"\n", 5000) + "n_total 5\n"), "more than 4194304 bytes"},
		"too many":        {text(strings.Repeat("n_total{a=\"b\"} 5\n", 10_001)), "more than 10000 samples"},
		"too slow":        {slow, "deadline exceeded"},
		"another host":    {http.RedirectHandler(elsewhere.URL+"/metrics", http.StatusFound), "which is not asked"},
		"a circle":        {http.RedirectHandler("/metrics", http.StatusFound), "redirects more than 4 times"},
		"broken": {http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "n_total 5\n")
		}), "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := serve(t, row.answer)
			m := often()
			if name == "too slow" {
				m.Timeout = 300 * time.Millisecond
			}
			w := open(t, m, map[string][]string{"v1": {serve(t, text("n_total 5\n")).URL}, "v2": {bad.URL}}, count("n_total"), level("n_total"))
			w.until("three failures", func() bool { return w.failures("v2") >= 3 && w.told("v1").readings["n_total"] > 2 })
			if got := w.told("v2"); len(got.readings) > 0 || len(got.gauges) > 0 {
				t.Errorf("read is %v %v", got.counts, got.gauges)
			}
			if w.log.with(row.want) != 1 || w.log.with("cannot be read") != 1 {
				t.Errorf("the log does not say %q once:\n%s", row.want, w.log)
			}
			bad.set(text("n_total 5\n"))
			w.until("a reading after all", func() bool { return w.told("v2").readings["n_total"] > 0 })
			if w.log.with("can be read again") == 0 {
				t.Errorf("the log does not say that it goes on:\n%s", w.log)
			}
		})
	}
	if elsewhere.asked.Load() > 0 {
		t.Error("another host was asked")
	}
}

func TestAMetricThatCannotBeJudgedIsSaidOnce(t *testing.T) {
	t.Parallel()
	e := newExporter()
	e.queue.WithLabelValues("orders").Set(2)
	e.took.Observe(0.2)
	e.failures.WithLabelValues("card", "north").Inc()
	b := serve(t, e)
	w := open(t, often(), map[string][]string{"v2": {b.URL}},
		count("queue"), count("took_seconds"), level("took_seconds"), count("took_seconds_count"), level("nowhere"),
		count(`failures_total{kind="crad"}`), level(`queue{of="mail"}`))
	for range 3 {
		w.read(b)
	}
	for part, want := range map[string]int{
		"which does not count":                1,
		"judge its took_seconds_count":        2, // by two guardrails
		"it is not exposed":                   1,
		"these labels, so it counts as 0":     1,
		`remark="no sample has these labels"`: 1,
	} {
		if got := w.log.with(part); got != want {
			t.Errorf("%q is said %d times, want %d:\n%s", part, got, want, w.log)
		}
	}
	got := w.told("v2")
	if len(got.gauges) > 0 || len(got.readings) != 2 || got.readings["took_seconds_count"] == 0 {
		t.Errorf("read is %v %v", got.readings, got.gauges)
	}
}

func TestValuesThatAreNoNumbersTellNothing(t *testing.T) {
	t.Parallel()
	body := func(v string) http.Handler {
		return text("# TYPE g gauge\ng " + v + "\n# TYPE n_total counter\nn_total " + v + "\n")
	}
	b := serve(t, body("1"))
	w := open(t, often(), map[string][]string{"v2": {b.URL}}, level("g"), count("n_total"), saturation("n_total"))
	w.read(b)
	for _, v := range []string{"NaN", "+Inf", "-Inf", "1e300", "-5"} {
		b.set(body(v))
		w.read(b)
	}
	w.stop()
	time.Sleep(2 * width)
	got := w.told("v2")
	for _, g := range append(got.gauges["g"], got.gauges["n_total"]...) {
		if math.IsNaN(g.Value) || math.IsInf(g.Value, 0) {
			t.Errorf("a level of %g", g.Value)
		}
	}
	if got.counts["n_total"] != 0 {
		t.Errorf("%d are counted", got.counts["n_total"])
	}
}

func TestALongSilenceIsNotMadeUpFor(t *testing.T) {
	t.Parallel()
	e := newExporter()
	e.failures.WithLabelValues("card", "north").Inc()
	b := serve(t, e)
	w := open(t, seldom(), map[string][]string{"v2": {b.URL}}, count("failures_total"))
	w.read(b)
	b.set(http.NotFoundHandler())
	for range 3 {
		w.read(b)
	}
	e.failures.WithLabelValues("card", "north").Add(500)
	b.set(e)
	w.read(b)
	e.failures.WithLabelValues("card", "north").Add(2)
	w.read(b)
	w.until("what came after", func() bool { return w.told("v2").counts["failures_total"] == 2 })
}

func TestNobodyIsAskedWithoutARollout(t *testing.T) {
	t.Parallel()
	for name, guardrails := range map[string]*[]stagger.Guardrail{
		"no rollout":          nil,
		"no metric is judged": {{Signal: stagger.SignalErrors}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := serve(t, text("n_total 5\n"))
			w := open(t, often(), map[string][]string{"v2": {b.URL}}, count("n_total"))
			w.read(b)
			w.broken.Store(true)
			looks := w.looks.Load()
			w.until("another look", func() bool { return w.looks.Load() > looks })
			w.read(b) // nobody knows better, so all goes on
			w.broken.Store(false)
			w.plan.Store(guardrails)
			w.until("silence", func() bool {
				n := b.asked.Load()
				time.Sleep(5 * every)
				return b.asked.Load() == n
			})
		})
	}
}

// TestRunEndsWhileAnEndpointHangs holds what goleak holds for all of the others
// where it is hardest.
func TestRunEndsWhileAnEndpointHangs(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 100)
	b := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	m := often()
	m.Timeout = time.Hour
	w := open(t, m, map[string][]string{"v2": {b.URL}}, count("n_total"))
	<-asked
	w.stop()
	if w.log.String() != "" {
		t.Errorf("the end is told as a failure:\n%s", w.log)
	}
}

func TestH2CEndpointsAreRead(t *testing.T) {
	t.Parallel()
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	e := newExporter()
	e.queue.WithLabelValues("orders").Set(2)
	server := httptest.NewUnstartedServer(e)
	server.Config.Protocols = &protocols
	server.Start()
	defer server.Close()
	w := open(t, often(), map[string][]string{"v2": {strings.Replace(server.URL, "http:", "h2c:", 1)}}, level("queue"))
	w.until("a reading", func() bool { return len(w.told("v2").gauges["queue"]) > 0 })
	w.stop()
}
