package judge

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
)

// leastGrowth is how much the logarithm of the evidence must have grown for its
// growth to say anything of what is to come.
const leastGrowth = 0.2

// Needs lists the harm that must still be excluded before the stage is healthy,
// what lacks most first. Evidence grows with requests, so that of this stage so
// far tells how many more it takes; perSecond is how many of them meet the
// candidate now, 0 where none does.
func (j *Judge) Needs(perSecond float64) []stagger.Need {
	if j.state.Regressed != nil || j.state.Reference != nil {
		return nil // it is decided, or there is nobody to compare with
	}
	var needs []stagger.Need
	for i := range j.slots {
		evidence := j.state.Banks[i].Healthy.log()
		if j.gates(i) && evidence < math.Log(1/AlphaHealthy) {
			needs = append(needs, j.need(j.slots[i], evidence, perSecond))
		}
	}
	slices.SortStableFunc(needs, func(a, b stagger.Need) int { return cmp.Compare(a.Evidence, b.Evidence) })
	return needs
}

func (j *Judge) need(s slot, evidence, perSecond float64) stagger.Need {
	n := stagger.Need{
		Signal: s.guardrail.Signal, Slot: s.name, Metric: s.guardrail.Metric, Excludes: s.guardrail.Healthy,
		Evidence: min(max(evidence/math.Log(1/AlphaHealthy), 0), 1), Mirrored: s.ofMirrored(),
	}
	judged := j.state.Totals.Arms[armCandidate].Stage
	if n.Mirrored {
		judged = j.mirrored()
	}
	n.Requests = outstanding(evidence, judged)
	if perSecond > 0 && n.Requests > 0 && !n.Mirrored {
		n.Span = spanOf(float64(n.Requests) / perSecond)
	}
	j.phrase = j.phrase[:0]
	j.phrase.lacking(s, evidence, judged)
	n.Sentence = string(j.phrase)
	return n
}

// outstanding is about how many more requests there must be, of which some were
// judged and gave this much evidence; 0 where that was too little to tell.
func outstanding(evidence float64, judged uint64) uint64 {
	if evidence < leastGrowth || judged == 0 {
		return 0
	}
	return uint64(math.Ceil(float64(judged) * (math.Log(1/AlphaHealthy) - evidence) / evidence))
}

// spanOf is so many seconds, to the second; what is longer than a year is a year.
func spanOf(seconds float64) time.Duration {
	const most = 365 * 24 * time.Hour
	return time.Duration(min(math.Ceil(seconds), most.Seconds())) * time.Second
}
