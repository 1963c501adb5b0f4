// Package outcome tells how rollouts went: each by itself, and many over
// months. It is pure; rollouts with their histories come in, numbers come out.
//
// Three of the numbers are those that teams steer by: how long a change takes
// to reach everybody (lead time), how long a bad one is met before it is taken
// away (detection time), and how often people were alarmed for nothing. The last
// is not for a program to know: people say so, by a review.
package outcome

import (
	"time"

	"github.com/stagger-dev/stagger"
)

// machine acts when no person does; it is engine.Actor, which stands beside.
const machine = "stagger"

// Life is what became of one rollout that is over.
type Life struct {
	Rollout             string
	Service             string
	Baseline, Candidate string
	Phase               stagger.Phase // how it ended
	Stage               string        // the name of the stage it ended in, "bake" after the last
	Created, Ended      time.Time
	// Everybody is when everybody met the candidate first; zero when that never
	// came.
	Everybody time.Time
	// Exposed is when the candidate was first met in the stage in which it
	// ended; zero when nobody met it there.
	Exposed time.Time
	// Caught is when it was cut to the probe for good, or else taken back; zero
	// unless it was rolled back.
	Caught time.Time
	// ByHand tells that a person ended it.
	ByHand bool
	// Alarmed tells that it was held for a suspicion, shed or rolled back, by
	// Stagger.
	Alarmed bool
	Review  *stagger.Review
	// Exposure is who met the candidate; nil where that was not counted.
	Exposure *stagger.Exposure
}

// Of returns the life of r, which must be over, from its history, oldest first.
// The evidence in the events is not looked at and may be missing.
func Of(r stagger.Rollout, history []stagger.Event) Life {
	l := Life{
		Rollout: r.ID, Service: r.Service, Baseline: r.Baseline, Candidate: r.Candidate, Phase: r.Phase,
		Stage: StageName(r.Plan, r.Stage), Created: r.CreatedAt, Ended: r.EndedAt, Review: r.Review, Exposure: r.Exposure,
	}
	met := exposure{stage: -1}
	for _, e := range history {
		met.see(r.Plan, e)
		if e.Phase.Final() && e.At.Equal(r.EndedAt) && ends(e.Kind) {
			l.ByHand = e.Actor != machine
		}
		l.Alarmed = l.Alarmed || e.Actor == machine && alarms(e)
	}
	l.Everybody, l.Exposed = met.everybody, met.first
	if r.Phase == stagger.PhaseRolledBack {
		if l.Caught = met.shed; met.shed.IsZero() {
			l.Caught = r.EndedAt
		}
	}
	return l
}

// exposure is who has met a candidate, event by event.
type exposure struct {
	stage     int
	first     time.Time // somebody, in this stage
	everybody time.Time // everybody, in any
	shed      time.Time // since when it is cut to the probe
}

func (x *exposure) see(p stagger.Plan, e stagger.Event) {
	if e.Stage != x.stage {
		x.stage, x.first = e.Stage, time.Time{}
	}
	if !e.Phase.Final() && x.first.IsZero() && Exposes(p, e) {
		x.first = e.At
	}
	if !e.Phase.Final() && x.everybody.IsZero() && e.Weight == stagger.WeightFull {
		x.everybody = e.At
	}
	switch e.Kind {
	case stagger.EventShed:
		x.shed = e.At
	case stagger.EventRestored:
		x.shed = time.Time{}
	default:
	}
}

// Lead is how long the change took from its creation until everybody met it;
// not ok when it was not promoted.
func (l Life) Lead() (time.Duration, bool) {
	if l.Phase != stagger.PhasePromoted || l.Everybody.IsZero() {
		return 0, false
	}
	return max(l.Everybody.Sub(l.Created), 0), true
}

// Detection is how long a candidate that was rolled back was met in the stage
// that showed it, until it was cut off; not ok for any other, and where nobody
// met it there.
func (l Life) Detection() (time.Duration, bool) {
	if l.Caught.IsZero() || l.Exposed.IsZero() {
		return 0, false
	}
	return max(l.Caught.Sub(l.Exposed), 0), true
}

// Exposes says whether anybody may meet the candidate after e: by the weight, or
// by the rules of the stages so far, which a person's weight of 0 suspends.
func Exposes(p stagger.Plan, e stagger.Event) bool {
	if e.Weight > stagger.WeightNone {
		return true
	}
	if e.Manual || e.Stage < 0 {
		return false
	}
	for _, s := range p.Stages[:min(e.Stage+1, len(p.Stages))] {
		if len(s.Rules) > 0 {
			return true
		}
	}
	return false
}

// ends says whether an event of kind is the end itself, not what came after it.
func ends(kind stagger.EventKind) bool {
	return kind != stagger.EventConverged && kind != stagger.EventReviewed
}

// alarms says whether e called the candidate bad.
func alarms(e stagger.Event) bool {
	switch e.Kind {
	case stagger.EventShed, stagger.EventRolledBack:
		return true
	case stagger.EventHeld:
		return e.Hold == stagger.HoldSuspect
	default:
		return false
	}
}
