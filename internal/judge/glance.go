package judge

import (
	"time"

	"github.com/stagger-dev/stagger"
)

// Glance is the verdict without its findings, whose intervals are dear: for those
// who look very often and show nobody what they see. Missing telemetry does not
// make it blind.
func (j *Judge) Glance(at time.Time) stagger.Verdict {
	if j.state.Regressed != nil {
		return j.Verdict(at)
	}
	v := stagger.Verdict{
		At:        at,
		Baseline:  j.state.Totals.Arms[armBaseline].sample(),
		Candidate: j.state.Totals.Arms[armCandidate].sample(),
		Mirrored:  j.mirrored(),
	}
	j.decide(&v)
	return v
}
