package judge

import (
	"math"

	"github.com/stagger-dev/stagger/internal/sequential"
)

// A catastrophe is both: ten times the odds, and one request in twenty.
const (
	shedOdds  = 10
	shedFloor = 0.05
)

// shedTier looks for a catastrophe. It forgives nothing and acts reversibly.
type shedTier struct {
	Evidence forms `json:"evidence"`
}

func newShedTier() shedTier { return shedTier{Evidence: newForms(0, true)} }

func (s *shedTier) sound() bool { return s.Evidence.sound(0) && len(s.Evidence.Floor) > 0 }

func (s *shedTier) observe(at sight, mass float64, count counter) {
	var (
		e    evidence
		n, k = count(at.batch.whole(armCandidate))
	)
	exp(&e.floor, oneSample(k, n, shedFloor, sequential.Tilts[:], +1))
	if at.reference != nil {
		exp(&e.ratio, oneSample(k, n, worse(at.reference.Errors, shedOdds), sequential.Tilts[:], +1))
	} else {
		failures := tables(at.batch, func(a *arm, _ int) (n, hits int) { return count(a) })
		exp(&e.ratio, conditional(failures, math.Log(shedOdds), sequential.Tilts[:], +1))
	}
	s.Evidence.observe(&e, mass)
}

func (s *shedTier) endBlock() { s.Evidence.endBlock(false) }
