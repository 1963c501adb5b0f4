package simulate

import (
	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/judge"
)

// judge returns the judge of one life.
func (t Trial) judge() *judge.Judge {
	planned := t.Planned
	if planned == 0 {
		planned = t.Length
	}
	return judge.New(judge.Config{Baseline: Baseline, Candidate: Candidate, Guardrails: t.Guardrails, Planned: planned})
}

// suspects says whether the candidate looks bad, and not only what both versions
// share.
func suspects(j *judge.Judge, v stagger.Verdict) bool {
	if j, can := any(j).(interface{ Suspected() bool }); can {
		return v.Advice == stagger.AdviseRollback || j.Suspected()
	}
	return v.Advice == stagger.AdviseHold && v.Signal != "" || v.Advice == stagger.AdviseShed || v.Advice == stagger.AdviseRollback
}

// tellsPlainly says whether the judge can be asked for plain evidence.
func tellsPlainly(j *judge.Judge) bool {
	_, can := any(j).(interface{ PlainEvidence() float64 })
	return can
}

// plainly says whether plain evidence is enough.
func plainly(j *judge.Judge) bool {
	p, can := any(j).(interface{ PlainEvidence() float64 })
	return can && p.PlainEvidence()*AlphaPlain >= 1
}

func placeboAlarmed(j *judge.Judge) bool {
	p, can := any(j).(interface{ PlaceboAlarms() int })
	return can && p.PlaceboAlarms() > 0
}
