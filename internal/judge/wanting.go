package judge

import (
	"fmt"

	"github.com/stagger-dev/stagger"
)

// fewHits is how many outcomes of the candidate an estimate needs to stand in
// the way of a stage.
const fewHits = 5

// wanting says what keeps a stage from being called healthy where health is not
// proved by evidence of its own: retries, counts and levels; nor where mirrored
// requests show more than is tolerated. What nobody tells is
// not healthy, nor is what is beyond its limit now, proved or not.
func (j *Judge) wanting() string {
	if j.state.Reference != nil {
		return "" // there is nobody to compare with
	}
	for i, s := range j.slots {
		switch b := &j.state.Banks[i]; {
		case s.alerts(), s.ofMirrored() && b.Told[armCandidate] == 0:
		case b.untold(s):
			return fmt.Sprintf("%s was not told by both versions in this stage yet", s.guardrail.Metric)
		case b.beyond(s):
			return "not called healthy while " + j.sentence(i)
		}
	}
	return ""
}

// untold says whether a side has told nothing of the slot's metric in this stage.
func (b *bank) untold(s slot) bool {
	return s.guardrail.Metric != "" && (b.Told[armBaseline] == 0 || b.Told[armCandidate] == 0)
}

// beyond says whether what was counted since the rollout began, or the last level,
// exceeds what is tolerated.
func (b *bank) beyond(s slot) bool {
	g := s.guardrail
	switch g.Signal {
	case stagger.SignalCount, stagger.SignalRetries, stagger.SignalShadow:
		base, candidate := b.Heard[armBaseline].share(), b.Heard[armCandidate]
		return candidate.Hits >= fewHits && candidate.share() > max(base*max(g.Tolerance, 1), g.Floor)
	case stagger.SignalSaturation, stagger.SignalGauge:
		return b.Level.Last[armCandidate] > (1+g.Tolerance)*max(b.Level.Last[armBaseline], g.Floor)
	default: // health is proved
		return false
	}
}

// tell counts how often a metric was told in the stage.
func (b *bank) tell(s slot, at sight) {
	if s.guardrail.Metric == "" || len(at.batch.Readings) == 0 {
		return
	}
	for side := range arms {
		b.Told[side] += at.batch.Readings[s.metric][side].Told
	}
}
