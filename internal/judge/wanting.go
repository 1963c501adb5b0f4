package judge

import (
	"fmt"

	"github.com/stagger-dev/stagger"
)

// fewHits is how many outcomes of the candidate an estimate needs to stand in
// the way of a stage.
const fewHits = 5

// wanting says what keeps a stage from being called healthy where health is not
// proved by evidence of its own: retries, counts and levels. What nobody tells is
// not healthy, nor is what is beyond its limit now, proved or not.
func (j *Judge) wanting() string {
	if j.state.Reference != nil {
		return "" // there is nobody to compare with
	}
	for i, s := range j.slots {
		if s.alerts() {
			continue
		}
		if why := j.state.Banks[i].wanting(s); why == beyondItsLimit {
			return "not called healthy while " + j.sentence(i)
		} else if why != "" {
			return why
		}
	}
	return ""
}

// beyondItsLimit stands for the sentence of the finding.
const beyondItsLimit = "beyond"

func (b *bank) wanting(s slot) string {
	switch s.guardrail.Signal {
	case stagger.SignalCount:
		if b.Told[armBaseline] == 0 || b.Told[armCandidate] == 0 {
			return fmt.Sprintf("%s was not told by both versions in this stage yet", s.guardrail.Metric)
		}
		return b.beyond(s)
	case stagger.SignalRetries:
		return b.beyond(s)
	case stagger.SignalSaturation, stagger.SignalGauge:
		if b.Told[armBaseline] == 0 || b.Told[armCandidate] == 0 {
			return fmt.Sprintf("%s was not told by both versions in this stage yet", s.guardrail.Metric)
		}
		if b.Level.Last[armCandidate] > (1+s.guardrail.Tolerance)*max(b.Level.Last[armBaseline], s.guardrail.Floor) {
			return beyondItsLimit
		}
	default: // health is proved
	}
	return ""
}

// beyond says whether what was counted since the rollout began exceeds what is
// tolerated.
func (b *bank) beyond(s slot) string {
	base, candidate := b.Heard[armBaseline].share(), b.Heard[armCandidate].share()
	if b.Heard[armCandidate].Hits >= fewHits && candidate > max(base*max(s.guardrail.Tolerance, 1), s.guardrail.Floor) {
		return beyondItsLimit
	}
	return ""
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
