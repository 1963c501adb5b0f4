package judge

import (
	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/sequential"
)

// tightest are the numbers of requests at which bounds that people see are
// tightest. They are fixed beforehand, or bounds would not hold at all times at
// once.
var tightest = [...]float64{100, 10_000, 1_000_000}

// staleShare is by how much the number of requests grows until the bounds on a
// share are computed anew: bounds that hold at all times hold later, too.
const staleShare = 1.1

// within bounds the candidate's share of what is bad, at all times at once.
type within struct {
	Of   uint64  `json:"of"` // when it was computed
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// update bounds the share of bad ones, when there are enough more of them than
// the last time. Requests that come in clumps count for as many fewer.
func (w *within) update(bad, of uint64, dispersion float64) {
	if of == 0 || float64(of) < staleShare*float64(w.Of) {
		return
	}
	fewer := max(dispersion, 1)
	w.Of = of
	w.Low, w.High = sequential.FractionInterval(int(float64(bad)/fewer), int(float64(of)/fewer), alphaInterval, tightest[:]...)
}

// bound keeps the bounds that people see.
func (j *Judge) bound() {
	for i, s := range j.slots {
		b := &j.state.Banks[i]
		switch s.guardrail.Signal {
		case stagger.SignalErrors, stagger.SignalGoodput:
			bad, of := j.state.Totals.Arms[armCandidate].bad(s.guardrail.Signal)
			b.Within.update(bad, of, b.Ladder.Phi)
		case stagger.SignalRetries, stagger.SignalShadow:
			b.Within.update(b.Heard[armCandidate].Hits, b.Heard[armCandidate].Of, b.Ladder.Phi)
		default: // quantiles have bounds of their own, events and levels none
		}
	}
}
