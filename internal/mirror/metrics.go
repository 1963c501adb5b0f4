package mirror

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stagger-dev/stagger/internal/difference"
)

// metrics are what is counted of copies, apart from all requests of users.
type metrics struct {
	requests  *prometheus.CounterVec
	dropped   *prometheus.CounterVec
	compared  *prometheus.CounterVec
	differing *prometheus.CounterVec
	pairs     *prometheus.CounterVec
	noisy     *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	held      prometheus.GaugeFunc
	waiting   prometheus.GaugeFunc
}

func newMetrics(m *Mirror) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "stagger_shadow_" + name, Help: help}, labels)
	}
	gauge := func(name, help string, of func() float64) prometheus.GaugeFunc {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "stagger_shadow_" + name, Help: help}, of)
	}
	return &metrics{
		requests:  counter("requests_total", "Copies of requests that a candidate got, by how it answered. They are no requests of users.", "service", "version", "class"),
		dropped:   counter("dropped_total", "Requests that were chosen and not mirrored, by reason.", "service", "reason"),
		compared:  counter("compared_total", "Answers of a candidate that were compared with the baseline's.", "service", "version"),
		differing: counter("differing_total", "Answers of a candidate that differ from the baseline's, noise and all.", "service", "version"),
		pairs:     counter("repeated_total", "Copies that the baseline got a second time.", "service", "version"),
		noisy:     counter("noisy_total", "Second answers of the baseline that differ from its first.", "service", "version"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "stagger_shadow_duration_seconds", Help: "How long a candidate took to answer copies.", NativeHistogramBucketFactor: 1.1,
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
		}, []string{"service", "version"}),
		held:    gauge("held_bytes", "Bytes of requests and answers that are held to be compared.", func() float64 { return float64(m.held.Load()) }),
		waiting: gauge("waiting", "Copies that wait to be sent.", func() float64 { return float64(len(m.queue)) }),
	}
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.requests, m.dropped, m.compared, m.differing, m.pairs, m.noisy, m.seconds, m.held, m.waiting}
}

// Collector returns what is counted, as Prometheus metrics.
func (m *Mirror) Collector() prometheus.Collector { return m.metrics }

// Describe implements prometheus.Collector.
func (m *metrics) Describe(to chan<- *prometheus.Desc) {
	for _, c := range m.all() {
		c.Describe(to)
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(to chan<- prometheus.Metric) {
	for _, c := range m.all() {
		c.Collect(to)
	}
}

// counters are the metrics of one candidate, found once.
type counters struct {
	requests                          *prometheus.CounterVec
	dropped                           [reasons]prometheus.Counter
	compared, differing, pairs, noisy prometheus.Counter
	seconds                           prometheus.Observer
}

func (m *metrics) of(service, version string) counters {
	c := counters{
		requests: m.requests.MustCurryWith(prometheus.Labels{"service": service, "version": version}),
		compared: m.compared.WithLabelValues(service, version), differing: m.differing.WithLabelValues(service, version),
		pairs: m.pairs.WithLabelValues(service, version), noisy: m.noisy.WithLabelValues(service, version),
		seconds: m.seconds.WithLabelValues(service, version),
	}
	for r := range c.dropped {
		c.dropped[r] = m.dropped.WithLabelValues(service, Reason(r).String())
	}
	return c
}

func (c *counters) count(o *difference.Outcome, candidate *difference.Answer, took time.Duration) {
	c.requests.WithLabelValues(class(candidate)).Inc()
	c.seconds.Observe(took.Seconds())
	c.compared.Inc()
	if len(o.Candidate) > 0 {
		c.differing.Inc()
	}
	if !o.Pair {
		return
	}
	c.pairs.Inc()
	if len(o.Noise) > 0 {
		c.noisy.Inc()
	}
}

// class is that of an answer: 2xx, or why there is none.
func class(a *difference.Answer) string {
	switch {
	case a.Status != 0:
		return fmt.Sprintf("%dxx", a.Status/100)
	case a.Trouble == "timeout":
		return "timeout"
	}
	return "connect"
}
