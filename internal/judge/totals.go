package judge

import (
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
	"github.com/stagger-dev/stagger/internal/sequential"
)

// totals is what was judged in all, for people.
type totals struct {
	Arms [arms]armTotal `json:"arms"`
}

type armTotal struct {
	Requests uint64   `json:"requests"`
	Failed   uint64   `json:"failed"`
	Stage    uint64   `json:"stage"` // requests since the stage began
	Counts   []uint64 `json:"counts"`
	Timed    uint64   `json:"timed"`
}

func newTotals() totals {
	var t totals
	for i := range t.Arms {
		t.Arms[i].Counts = make([]uint64, buckets)
	}
	return t
}

func (t *totals) sound() bool {
	for _, a := range t.Arms {
		if len(a.Counts) != buckets {
			return false
		}
	}
	return true
}

func (t *totals) add(b *batch) {
	for side := range t.Arms {
		a, whole := &t.Arms[side], b.whole(side)
		a.Requests += uint64(whole.Requests)
		a.Failed += uint64(whole.Failed)
		a.Stage += uint64(whole.Requests)
		a.Timed += uint64(whole.timed())
		for _, bucket := range whole.Latency.Buckets {
			a.Counts[bucketSlot(bucket.Index)] += bucket.Count
		}
		a.Counts[buckets-1] += uint64(whole.Unfinished)
	}
}

func (t *totals) beginStage() {
	for i := range t.Arms {
		t.Arms[i].Stage = 0
	}
}

func (a *armTotal) sample() stagger.Sample {
	return stagger.Sample{Requests: a.Requests, Failed: a.Failed, Stage: a.Stage}
}

func (a *armTotal) errors() float64 {
	if a.Requests == 0 {
		return 0
	}
	return float64(a.Failed) / float64(a.Requests)
}

// span is a quantile with its bounds, in seconds, widened to bucket edges.
type span struct{ at, low, high float64 }

// quantile bounds the q-quantile at all times at once with confidence 1 - alpha.
// Requests that come in clumps count for as many fewer.
func (a *armTotal) quantile(q, alpha, dispersion float64) (span, bool) {
	n := float64(a.Timed)
	if n < 10/(1-q) {
		return span{}, false
	}
	alone := n / max(dispersion, 1)
	below, above := sequential.QuantileRadius(int(alone), q, alpha, max(alone/2, 100))
	return span{
		at:   histogram.Upper(a.rank(q * n)),
		low:  histogram.Upper(a.rank((q-below)*n) - 1),
		high: histogram.Upper(a.rank((q+above)*n + 1)),
	}, true
}

// rank returns the bucket of a rank.
func (a *armTotal) rank(rank float64) int32 {
	seen := 0.0
	for i, n := range a.Counts {
		if seen += float64(n); n > 0 && seen >= rank {
			return int32(i) + histogram.MinIndex
		}
	}
	return histogram.MaxIndex
}

// routeTally is how many failures a route has brought, for attribution.
type routeTally struct {
	Requests [arms]uint64 `json:"requests"`
	Failed   [arms]uint64 `json:"failed"`
}

func (s *state) tallyRoutes(b *batch) {
	for name, both := range b.Strata {
		t := s.ByRoute[name]
		for side := range both {
			t.Requests[side] += uint64(both[side].Requests)
			t.Failed[side] += uint64(both[side].Failed)
		}
		s.ByRoute[name] = t
	}
}

// worstRoute names the route with the most failures beyond what the
// baseline's share makes of its requests; empty when there is one route only.
func (s *state) worstRoute() string {
	worst, most := "", 0.0
	for name, t := range s.ByRoute {
		if len(s.ByRoute) < 2 || t.Requests[armCandidate] == 0 {
			continue
		}
		excess := float64(t.Failed[armCandidate])
		if n := t.Requests[armBaseline]; n > 0 {
			excess -= float64(t.Failed[armBaseline]) / float64(n) * float64(t.Requests[armCandidate])
		}
		if excess > most || excess == most && excess > 0 && name < worst {
			worst, most = name, excess
		}
	}
	return worst
}

// silent says how long nothing was heard at a time.
func (s *state) silent(at time.Time) time.Duration {
	last := s.LastTick
	if last.IsZero() {
		last = s.StageAt
	}
	if last.IsZero() {
		return 0
	}
	return at.Sub(last) - s.LastAge
}
