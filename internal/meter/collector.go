package meter

import (
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
)

var (
	requestsDesc = prometheus.NewDesc("stagger_requests_total",
		"Requests that ended, by outcome.", []string{"service", "version", "route", "outcome"}, nil)
	inFlightDesc = prometheus.NewDesc("stagger_requests_in_flight",
		"Requests that began and have not ended.", []string{"service", "version"}, nil)
	durationDesc = prometheus.NewDesc("stagger_request_duration_seconds",
		"How long requests took that ended, those the client gave up left out.",
		[]string{"service", "version", "route"}, nil)
)

// Collector returns the cumulative totals as Prometheus metrics: exact, and
// independent of what was sealed.
func (m *Meter) Collector() prometheus.Collector { return collector{m} }

type collector struct{ meter *Meter }

// Describe implements prometheus.Collector.
func (c collector) Describe(out chan<- *prometheus.Desc) {
	out <- requestsDesc
	out <- inFlightDesc
	out <- durationDesc
	out <- deliveredDesc
	out <- attemptsDesc
}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	for _, s := range c.meter.all() {
		s.collect(out)
	}
}

// collect copies the totals under the lock and sends them without it: whoever
// reads the channel may be slow.
func (s *service) collect(out chan<- prometheus.Metric) {
	type reading struct {
		series         *Series
		version, route string
		created        time.Time
		total          *tally
	}
	s.mu.Lock()
	readings := make([]reading, 0, len(s.series))
	for _, one := range s.series {
		readings = append(readings, reading{one, one.version, one.route, one.created, one.now()})
	}
	s.mu.Unlock()

	inFlight := make(map[string]uint64)
	for _, r := range readings {
		inFlight[r.version] += r.total.started - r.total.finished()
		for class, n := range r.total.outcomes {
			out <- prometheus.MustNewConstMetric(requestsDesc, prometheus.CounterValue, float64(n),
				s.name, r.version, r.route, Class(class).String())
		}
		r.series.collectFurther(out, r.total)
		out <- newDuration(r.total.histogram(), r.created, s.name, r.version, r.route)
	}
	for _, version := range slices.Sorted(maps.Keys(inFlight)) {
		out <- prometheus.MustNewConstMetric(inFlightDesc, prometheus.GaugeValue, float64(inFlight[version]), s.name, version)
	}
}

// duration is a native histogram that also shows classic buckets, for those
// who scrape without native histograms.
type duration struct {
	prometheus.Metric
	classic []*dto.Bucket
}

// The classic bounds are the powers of two from 2^-12 s (0.24 ms) to 2^6 s
// (64 s): edges of native buckets too, so both count exactly the same.
const (
	firstClassic int32 = -12 << stagger.HistogramSchema
	lastClassic  int32 = 6 << stagger.HistogramSchema
	classicStep  int32 = 1 << stagger.HistogramSchema
)

func newDuration(h stagger.Histogram, created time.Time, labels ...string) prometheus.Metric {
	positive := make(map[int]int64, len(h.Buckets))
	for _, b := range h.Buckets {
		positive[int(b.Index)] = int64(b.Count)
	}
	native, err := prometheus.NewConstNativeHistogram(durationDesc, h.Count(), h.Sum,
		positive, nil, h.Zero, stagger.HistogramSchema, 0, created, labels...)
	if err != nil {
		return prometheus.NewInvalidMetric(durationDesc, err)
	}
	return duration{Metric: native, classic: classic(h)}
}

// classic returns cumulative counts at the classic bounds.
func classic(h stagger.Histogram) []*dto.Bucket {
	var out []*dto.Bucket
	count, rest := h.Zero, h.Buckets
	for i := firstClassic; i <= lastClassic; i += classicStep {
		for len(rest) > 0 && rest[0].Index <= i {
			count += rest[0].Count
			rest = rest[1:]
		}
		bound, n := histogram.Upper(i), count
		out = append(out, &dto.Bucket{UpperBound: &bound, CumulativeCount: &n})
	}
	return out
}

// Write implements prometheus.Metric.
func (d duration) Write(out *dto.Metric) error {
	if err := d.Metric.Write(out); err != nil {
		return err
	}
	out.Histogram.Bucket = d.classic
	return nil
}
