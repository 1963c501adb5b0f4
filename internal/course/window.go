package course

import (
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
)

// mostBins bounds the bins of a distribution.
const mostBins = 256

// window is how long requests took that began since a time.
type window struct {
	Since time.Time               `json:"since,omitzero"`
	Arms  [arms]stagger.Histogram `json:"arms"`
}

// add takes in what one version did in a tick. Who began before the window is in
// another.
func (w *window) add(side int, t *stagger.Tick, o *stagger.Observation) {
	if w.Since.IsZero() {
		w.Since = t.From
	}
	if !t.From.Before(w.Since) {
		histogram.AddTo(&w.Arms[side], o.Latency)
	}
}

// latencies puts both versions into the same bins.
func (w *window) latencies(versions [arms]string) stagger.Latencies {
	step, first, n := w.bins()
	l := stagger.Latencies{
		Since: w.Since, Bounds: make([]float64, n),
		Baseline:  countsOf(versions[baseline], w.Arms[baseline], step, first, n),
		Candidate: countsOf(versions[candidate], w.Arms[candidate], step, first, n),
	}
	for i := range l.Bounds {
		l.Bounds[i] = shown(histogram.Upper((first + int32(i)) * step))
	}
	return l
}

// bins says how many buckets make a bin, the least power of two with which there
// are not too many; the number of the first bin; and how many there are.
func (w *window) bins() (step, first int32, n int) {
	low, high := histogram.MaxIndex+1, histogram.MinIndex-1
	for _, h := range w.Arms {
		if h.Zero > 0 {
			low, high = histogram.MinIndex, max(high, histogram.MinIndex)
		}
		if k := len(h.Buckets); k > 0 {
			low, high = min(low, h.Buckets[0].Index), max(high, h.Buckets[k-1].Index)
		}
	}
	if low > high {
		return 1, 0, 0
	}
	for step = 1; ; step *= 2 {
		first = bin(low, step)
		if n = int(bin(high, step)-first) + 1; n <= mostBins {
			return step, first, n
		}
	}
}

// bin is the number of the bin that bucket i lies in: bin k ends with bucket
// k*step.
func bin(i, step int32) int32 {
	k := i / step
	if k*step < i {
		k++
	}
	return k
}

func countsOf(version string, h stagger.Histogram, step, first int32, n int) stagger.LatencyCounts {
	c := stagger.LatencyCounts{Version: version, Counts: make([]uint64, n), Total: h.Count()}
	if c.Total == 0 {
		return c
	}
	c.Counts[0] = h.Zero
	for _, b := range h.Buckets {
		c.Counts[bin(b.Index, step)-first] += b.Count
	}
	c.Mean = shown(h.Sum / float64(c.Total))
	for q, to := range map[float64]*float64{0.5: &c.P50, 0.75: &c.P75, 0.9: &c.P90, 0.95: &c.P95, 0.99: &c.P99, 0.999: &c.P999} {
		*to = shown(middle(h, q))
	}
	return c
}
