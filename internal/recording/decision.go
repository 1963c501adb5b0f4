package recording

import (
	"time"

	"github.com/stagger-dev/stagger"
)

// Kind is what the judge came to.
type Kind string

// The kinds of decisions.
const (
	KindHealthy      Kind = "healthy"      // worse by the margins is excluded
	KindInconclusive Kind = "inconclusive" // healthy no longer
	KindAlert        Kind = "alert"        // a guardrail that only alerts is crossed
	KindSuspect      Kind = "suspect"      // the ramp would be held
	KindShed         Kind = "shed"         // traffic would be cut to a probe
	KindRegressed    Kind = "regressed"    // it would be rolled back
	KindBlind        Kind = "blind"        // measurements are missing
	KindCleared      Kind = "cleared"      // what was suspect, shed, alerting or blind is so no longer
)

// Decision is a turn that the verdict takes.
type Decision struct {
	At   time.Time `json:"at"`
	Kind Kind      `json:"kind"`
	// After is how long after the beginning of the recording, in seconds.
	After    float64 `json:"after"`
	Sentence string  `json:"sentence"`
}

// stand is where a verdict stands.
func stand(v stagger.Verdict) Kind {
	switch {
	case v.Outcome == stagger.OutcomeRegressed:
		return KindRegressed
	case v.Outcome == stagger.OutcomeBlind:
		return KindBlind
	case v.Advice == stagger.AdviseShed:
		return KindShed
	case v.Advice == stagger.AdviseHold:
		return KindSuspect
	case v.Advice == stagger.AdviseAlert:
		return KindAlert
	case v.Outcome == stagger.OutcomeHealthy:
		return KindHealthy
	}
	return KindInconclusive
}

// troubled says whether there is something that can be cleared.
func (k Kind) troubled() bool {
	return k == KindBlind || k == KindShed || k == KindSuspect || k == KindAlert
}

// turns are the decisions on the way from one stand to another.
func turns(from, to Kind) []Kind {
	switch {
	case from == to:
		return nil
	case from.troubled() && to == KindInconclusive:
		return []Kind{KindCleared}
	case from.troubled() && to == KindHealthy, from == KindBlind && to.troubled():
		return []Kind{KindCleared, to}
	}
	return []Kind{to}
}

// Final says whether a decision settles the case.
func (k Kind) Final() bool { return k == KindHealthy || k == KindRegressed }
