package meter_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/meter"
)

// gather returns the metric families by name.
func gather(t *testing.T, m *meter.Meter) map[string]*dto.MetricFamily {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(m.Collector()); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	byName := make(map[string]*dto.MetricFamily)
	for _, f := range families {
		byName[f.GetName()] = f
	}
	return byName
}

func label(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

// total adds up a version's stagger_requests_total of one outcome.
func total(t *testing.T, m *meter.Meter, version, outcome string) float64 {
	t.Helper()
	var sum float64
	for _, one := range gather(t, m)["stagger_requests_total"].GetMetric() {
		if label(one, "version") == version && label(one, "outcome") == outcome {
			sum += one.GetCounter().GetValue()
		}
	}
	return sum
}

func TestTheCollectorShowsOpenAndSealedAlike(t *testing.T) {
	m := meter.New(meter.Options{})
	s := m.Series("shop", "v1", "all")
	s.Begin(start, 0).End(start.Add(time.Millisecond), meter.OK)
	s.Begin(start, 0)
	for _, sealed := range []bool{false, true} {
		if sealed {
			m.Seal(start.Add(time.Minute))
		}
		if got := total(t, m, "v1", "2xx"); got != 1 {
			t.Errorf("sealed %v: the total is %v, want 1", sealed, got)
		}
		if got := gather(t, m)["stagger_requests_in_flight"].GetMetric()[0].GetGauge().GetValue(); got != 1 {
			t.Errorf("sealed %v: %v in flight, want 1", sealed, got)
		}
	}
}

func TestDurationsAreNativeAndClassic(t *testing.T) {
	m := meter.New(meter.Options{})
	s := m.Series("shop", "v1", "all")
	for _, d := range []time.Duration{0, time.Millisecond, 249 * time.Millisecond, 251 * time.Millisecond, 90 * time.Second} {
		s.Begin(start, 0).End(start.Add(d), meter.OK)
	}
	s.Begin(start, 0).End(start.Add(time.Second), meter.ClientAbort)
	h := gather(t, m)["stagger_request_duration_seconds"].GetMetric()[0].GetHistogram()
	if h.GetSchema() != stagger.HistogramSchema || h.GetZeroCount() != 1 || h.GetSampleCount() != 5 {
		t.Errorf("schema %d, zeros %d, count %d", h.GetSchema(), h.GetZeroCount(), h.GetSampleCount())
	}
	var native int64
	var delta int64
	for _, d := range h.GetPositiveDelta() {
		delta += d
		native += delta
	}
	if native != 4 {
		t.Errorf("%d in native buckets, want 4", native)
	}
	want := map[float64]uint64{0.0009765625: 1, 0.001953125: 2, 0.125: 2, 0.25: 3, 0.5: 4, 64: 4}
	for _, b := range h.GetBucket() {
		if n, ok := want[b.GetUpperBound()]; ok && n != b.GetCumulativeCount() {
			t.Errorf("le %v: %d, want %d", b.GetUpperBound(), b.GetCumulativeCount(), n)
		}
		delete(want, b.GetUpperBound())
	}
	if len(want) > 0 {
		t.Errorf("no classic buckets at %v", want)
	}
}

func TestEveryMetricIsOurs(t *testing.T) {
	m := meter.New(meter.Options{})
	m.Series("shop", "v1", "all")
	for name := range gather(t, m) {
		if !strings.HasPrefix(name, "stagger_") {
			t.Errorf("%s lacks the prefix", name)
		}
	}
}
