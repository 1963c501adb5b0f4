package judge

import (
	"fmt"
	"math"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/sequential"
)

// AlphaSplit is the level at which traffic is called split otherwise than it
// should be, over the whole rollout.
const AlphaSplit = 0.001

// splitTilts are how many bets there are: every tilt, up and down.
const splitTilts = 2 * len(sequential.Tilts)

// split watches whether subjects meet the candidate as often as the weight says.
// It judges the measurement, not the candidate: users that a router, a cache or
// a crash keeps from the candidate are not there to fail, so nothing that is
// measured of the others can be trusted.
//
// Each subject that arrives for the first time is a draw with the share that was
// in force. A bet on every tilt is an e-process for it (sequential.TiltLogE),
// started again and again within a finite budget (sequential.Process), so that a
// split that breaks late is seen as well.
type split struct {
	Bets    [splitTilts]float64 `json:"bets"` // R by tilt
	Begun   bool                `json:"begun,omitempty"`
	Arrived uint64              `json:"arrived"`
	Met     uint64              `json:"met"`    // of them the candidate
	Wanted  float64             `json:"wanted"` // of them by the weight
	Broken  *broken             `json:"broken,omitempty"`
}

// broken is a split that was seen not to be what it should be.
type broken struct {
	Since time.Time `json:"since"`
	// Odds is how many times too often the candidate was met, as odds; less
	// than 1 is too seldom.
	Odds     float64                               `json:"odds"`
	Recovery [len(sequential.HealthyTilts)]float64 `json:"recovery"` // logarithms
	Told     [2]uint64                             `json:"told"`     // arrived and met, when it was seen
	Expected float64                               `json:"expected"`
}

// splitMass is the mass that starts with the first subject; the other half comes
// in later.
const splitMass = 0.5

// grow lets bets start.
func (s *split) grow(mass float64) {
	for i := range s.Bets {
		s.Bets[i] += mass
	}
}

// observe takes in the subjects that arrived in a tick.
func (s *split) observe(t *stagger.Tick, baseline, candidate string) {
	if t.Share == nil || !(*t.Share > 0 && *t.Share < 1) {
		return
	}
	n, k := arrivals(t, baseline, candidate)
	if n > 0 {
		if !s.Begun {
			s.Begun = true
			s.grow(splitMass)
		}
		s.Arrived += uint64(n)
		s.Met += uint64(k)
		s.Wanted += float64(n) * *t.Share
	}
	for i := range s.Bets {
		e := math.Exp(min(sequential.TiltLogE(k, n, *t.Share, splitTilt(i)), 500))
		s.Bets[i] = min(e*s.Bets[i], sequential.Most)
	}
	switch {
	case s.Broken != nil:
		s.recover(k, n, *t.Share)
	case s.evidence()*AlphaSplit >= 1:
		s.Broken = &broken{Since: t.To, Odds: s.odds(), Told: [2]uint64{s.Arrived, s.Met}, Expected: s.Wanted}
		clear(s.Bets[:])
	}
}

// arrivals counts the subjects of both versions that arrived, and the
// candidate's among them.
func arrivals(t *stagger.Tick, baseline, candidate string) (n, k int) {
	for i := range t.Observations {
		switch o := &t.Observations[i]; o.Version {
		case baseline:
			n += int(o.Arrived)
		case candidate:
			n += int(o.Arrived)
			k += int(o.Arrived)
		}
	}
	return n, k
}

// splitTilt is the i-th bet: tilts up first, then down.
func splitTilt(i int) float64 {
	if i < len(sequential.Tilts) {
		return sequential.Tilts[i]
	}
	return -sequential.Tilts[i-len(sequential.Tilts)]
}

// evidence that the split is not what it should be.
func (s *split) evidence() float64 {
	sum := 0.0
	for _, r := range s.Bets {
		sum += r
	}
	return sum / float64(splitTilts)
}

// odds is how many times too often the candidate was met, with half a subject
// on each side so that nobody at all is a number, too.
func (s *split) odds() float64 {
	met, arrived := float64(s.Met)+0.5, float64(s.Arrived)+1
	wanted := min(max(s.Wanted, 1e-9), float64(s.Arrived)-1e-9) + 0.5
	return met / (arrived - met) * (arrived - wanted) / wanted
}

// Recount tells that subjects are counted anew, as they are by a process that
// was just started: those who come back would be taken for new ones, and who
// comes back is no matter of chance. What was seen of the split is forgotten; a
// broken one stays so until it is seen to be whole.
func (j *Judge) Recount() {
	j.state.Split = split{Broken: j.state.Split.Broken}
}

// recover gathers evidence that the split is at most half as wrong as it was
// when it was seen to be broken, and forgives it when that is enough.
func (s *split) recover(k, n int, share float64) {
	b := s.Broken
	half, sign := times(share, math.Sqrt(b.Odds)), -1.0
	if b.Odds < 1 {
		sign = +1
	}
	for i, tilt := range sequential.HealthyTilts {
		b.Recovery[i] += sequential.TiltLogE(k, n, half, sign*tilt)
	}
	if sequential.LogMeanExp(b.Recovery[:]) >= math.Log(1/AlphaHealthy) {
		s.Broken = nil
		s.Arrived, s.Met, s.Wanted = 0, 0, 0
	}
}

// reached is how far the evidence is.
func (s *split) reached() float64 {
	if s.Broken != nil {
		return 1
	}
	return progress(s.evidence(), 1/AlphaSplit)
}

// tell says what is wrong with the split.
func (s *split) tell(candidate string) string {
	b := s.Broken
	return fmt.Sprintf("the split is broken: %s of %s new users met %s (%s), where the weight says %s; what is measured of those who came cannot be trusted",
		count(b.Told[1]), count(b.Told[0]), candidate, percent(float64(b.Told[1])/float64(max(b.Told[0], 1))),
		percent(b.Expected/float64(max(b.Told[0], 1))))
}

// sound says whether what was read back can be a split.
func (s *split) sound() bool {
	for _, r := range s.Bets {
		if !(r >= 0 && r <= sequential.Most) {
			return false
		}
	}
	return s.Broken == nil || s.Broken.Odds > 0
}
