package judge

import (
	"math"
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
	Requests uint64        `json:"requests"`
	Failed   uint64        `json:"failed"`
	Started  uint64        `json:"started"`
	Lost     uint64        `json:"lost"`
	Stage    uint64        `json:"stage"` // requests since the stage began
	Counts   tally[uint64] `json:"counts"`
	Timed    uint64        `json:"timed"` // those that never finished among them

	radii [len(quantiles)]radius // the last ones that were computed
}

// radius is how far, in shares of rank, a quantile may be off at one step of
// the number of requests.
type radius struct{ step, below, above float64 }

// radiusStep is the logarithm of the factor between numbers of requests for
// which a radius is computed. It shrinks with the number, so that of the step
// below is only too wide, by 5 per cent at most; and it depends on the
// number alone, so a restart changes nothing.
const radiusStep = 0.1

func (r *radius) update(n, q, alpha float64) {
	step := math.Floor(math.Log(max(n, 1)) / radiusStep)
	if r.below > 0 && r.step == step {
		return
	}
	r.step = step
	n = math.Exp(step * radiusStep)
	r.below, r.above = sequential.QuantileRadius(int(n), q, alpha, tightest[:]...)
}

func (t *totals) sound() bool {
	return t.Arms[armBaseline].Counts.sound() && t.Arms[armCandidate].Counts.sound()
}

func (t *totals) add(b *batch) {
	for side := range t.Arms {
		a, whole := &t.Arms[side], b.whole(side)
		a.Requests += uint64(whole.Requests)
		a.Failed += uint64(whole.Failed)
		a.Started += uint64(whole.Started)
		a.Lost += uint64(whole.lost())
		a.Stage += uint64(whole.Requests)
		a.Timed += uint64(whole.timed())
		for _, bucket := range whole.Latency.Buckets {
			a.Counts.add(bucket.Index, bucket.Count)
		}
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

// share is the part of requests that were bad by what the signal counts.
func (a *armTotal) share(s stagger.Signal) float64 {
	bad, of := a.bad(s)
	if of == 0 {
		return 0
	}
	return float64(bad) / float64(of)
}

// bad counts what was bad by what the signal counts, and of how many requests.
func (a *armTotal) bad(s stagger.Signal) (bad, of uint64) {
	if s == stagger.SignalGoodput {
		return a.Lost, a.Started
	}
	return a.Failed, a.Requests
}

// span is a quantile with its bounds, in seconds, widened to bucket edges.
type span struct{ at, low, high float64 }

// quantile bounds the i-th of quantiles at all times at once with confidence 1 - alpha.
// Requests that come in clumps count for as many fewer.
func (a *armTotal) quantile(i int, alpha, dispersion float64) (span, bool) {
	n, q := float64(a.Timed), quantiles[i]
	if n < 10/(1-q) {
		return span{}, false
	}
	r := &a.radii[i]
	r.update(n/max(dispersion, 1), q, alpha)
	at := a.Counts.ranks([...]float64{(q - r.below) * n, q * n, (q+r.above)*n + 1})
	return span{low: histogram.Upper(at[0] - 1), at: histogram.Upper(at[1]), high: histogram.Upper(at[2])}, true
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
