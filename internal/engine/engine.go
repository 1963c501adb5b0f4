// Package engine decides what a rollout does next. It is pure: the time, the
// verdict, the readiness of the versions and the commands of people come in,
// events come out, and the state is nothing but the fold of the events.
//
// The states and every way between them are drawn in docs/rollout-states.md,
// which is generated from this package.
package engine

import (
	"fmt"
	"time"

	"github.com/stagger-dev/stagger"
)

// Actor is who acts when no person does.
const Actor = "stagger"

// Input is all that is known at one moment.
type Input struct {
	At      time.Time
	Verdict stagger.Verdict
	Ready   Ready
	// Tripped is what opened the candidate's circuit in the data plane, which has
	// stopped to send it requests; empty while it is closed, or there is none.
	Tripped string
	// Command is what a person asks now; nil when nobody asks anything.
	Command *stagger.Command
	// SupersededBy names the rollout that takes this one's place; empty when
	// none does.
	SupersededBy string
	// ObservedShare is the share of the most recent requests that met the
	// candidate, 0 to 1; negative when there was no request to look at. It
	// matters after the end only.
	ObservedShare float64
	// Exposure is who met the candidate so far; nil when that is not known.
	Exposure *stagger.Exposure
}

// Ready tells which versions have a healthy endpoint.
type Ready struct{ Baseline, Candidate bool }

// Step is what follows from one input.
type Step struct {
	Rollout stagger.Rollout
	Events  []stagger.Event // none when nothing changed
	Split   stagger.Split
}

// Next returns what follows for r from in. The step's rollout is r with the
// step's events applied. The error is a *stagger.Error that tells why the
// command is refused; then nothing happened, and the same input without the
// command never fails.
//
// A clock that went back is taken to stand still: waits grow longer by it,
// never shorter, and the record stays in order.
func Next(r stagger.Rollout, in Input) (Step, error) {
	t := &turn{rollout: r, in: in, at: later(plain(in.At), r.UpdatedAt)}
	if in.Command != nil {
		if err := t.obey(*in.Command); err != nil {
			return Step{Rollout: r, Split: Split(r)}, err
		}
	}
	t.look(r.Stage)
	return Step{Rollout: t.rollout, Events: t.events, Split: Split(t.rollout)}, nil
}

// turn is one call of Next: the rollout as it becomes, and what was recorded
// on the way.
type turn struct {
	rollout stagger.Rollout
	in      Input
	at      time.Time
	events  []stagger.Event
}

// look draws the consequences of what is known. The verdict was given on the
// traffic of the stage from, so it never advances another one.
func (t *turn) look(from int) {
	if t.rollout.Phase.Final() {
		t.land()
		return
	}
	if t.in.SupersededBy != "" {
		t.supersede()
		return
	}
	t.sight()
	if t.giveUp() {
		return
	}
	t.shed()
	t.alert()
	t.endTimebox()
	t.hold()
	if t.rollout.Stage == from {
		t.advance()
	}
}

// record adds an event of kind; change sets what it changes and may be nil.
// The phase follows from the rest, and so does the hold but for the events that
// exist to change it.
func (t *turn) record(kind stagger.EventKind, reason string, change func(*stagger.Event)) {
	r := t.rollout
	e := stagger.Event{
		Rollout: r.ID, Seq: r.Events + 1, At: t.at, Kind: kind, Actor: Actor, Reason: reason,
		Phase: r.Phase, Stage: r.Stage, Weight: r.Weight, Manual: r.Manual, Hold: r.Hold,
	}
	if r.Stage >= 0 && t.in.Verdict.Outcome != "" {
		verdict := t.in.Verdict
		e.Verdict = &verdict
	}
	if change != nil {
		change(&e)
	}
	after := fold(r, e)
	if kind != stagger.EventHeld && kind != stagger.EventReleased {
		e.Hold = standing(after, r.Hold)
	}
	e.Phase = phaseOf(after, e.Hold)
	if e.Phase.Final() && kind != stagger.EventReviewed && t.in.Exposure != nil {
		exposure := *t.in.Exposure
		e.Exposure = &exposure
	}
	t.rollout = fold(r, e)
	t.events = append(t.events, e)
}

// phaseOf returns the phase of a rollout that is kept by hold.
func phaseOf(r stagger.Rollout, hold stagger.Hold) stagger.Phase {
	switch {
	case r.Phase.Final(), r.Phase == stagger.PhasePaused:
		return r.Phase
	case r.Stage < 0:
		return stagger.PhasePending
	case baking(r):
		return stagger.PhaseBaking
	case hold != stagger.HoldNone:
		return stagger.PhaseWaiting
	}
	return stagger.PhaseProgressing
}

// baking says whether r is beyond its last stage, paused or not.
func baking(r stagger.Rollout) bool { return r.Stage >= len(r.Plan.Stages) }

// stage returns the stage that r is in; it is not ok while pending and baking.
func stage(r stagger.Rollout) (s stagger.Stage, ok bool) {
	if r.Stage < 0 || baking(r) {
		return stagger.Stage{}, false
	}
	return r.Plan.Stages[r.Stage], true
}

// stageName is what people call the place where r stands.
func stageName(r stagger.Rollout) string {
	if s, ok := stage(r); ok && s.Name != "" {
		return s.Name
	}
	switch {
	case r.Stage < 0:
		return "start"
	case baking(r):
		return "bake"
	}
	return fmt.Sprintf("stage %d", r.Stage+1)
}

// planned is the weight the plan has for where r stands.
func planned(r stagger.Rollout) stagger.Weight {
	switch s, ok := stage(r); {
	case ok:
		return s.Weight
	case r.Stage < 0:
		return stagger.WeightNone
	}
	return stagger.WeightFull
}

// wanted is the weight of r while nothing is shed: a person's, or the plan's.
func wanted(r stagger.Rollout) stagger.Weight {
	if r.Manual {
		return r.ManualWeight
	}
	return planned(r)
}

// plain returns t as it reads back from a record: in UTC, without a monotonic
// clock.
func plain(t time.Time) time.Time { return t.UTC().Round(0) }

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
