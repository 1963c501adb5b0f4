package dashboard_test

import (
	"net/http"
	"testing"
)

func TestDistributionReadsOffPercentiles(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	lived(t, w)
	p, _ := w.get(t, rolloutPath+"?part=distribution", http.StatusOK)
	p.wants(t, "Latency in this stage", "p50 11.9ms 14.5ms ×1.22", "requests 43,200 4,800")
	plots := p.plots(t)
	if len(plots) != 2 {
		t.Fatalf("%d plots", len(plots))
	}
	cdf, histogram := plots[0], plots[1]
	for version, s := range cdf.Series {
		last, sum := 0.0, 0.0
		for i, y := range s.Values {
			if *y < last {
				t.Errorf("%s: the curve falls at %v", s.Label, cdf.X[i])
			}
			last = *y
			sum += *histogram.Series[version].Values[i]
		}
		if last < 0.9999 || sum < 0.999 || sum > 1.001 {
			t.Errorf("%s: the curve ends at %v, the bins hold %v", s.Label, last, sum)
		}
	}
}
