package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/stagger-dev/stagger"
)

// Apply returns r after e. It fails when e is not the next event of r.
func Apply(r stagger.Rollout, e stagger.Event) (stagger.Rollout, error) {
	switch {
	case e.Seq != r.Events+1:
		return r, fmt.Errorf("apply event %d of %s: it has %d events", e.Seq, e.Rollout, r.Events)
	case (e.Seq == 1) != (e.Kind == stagger.EventCreated && e.Created != nil):
		return r, fmt.Errorf("apply event %d of %s: the first event, and no other, creates a rollout", e.Seq, e.Rollout)
	case e.Seq > 1 && e.Rollout != r.ID:
		return r, fmt.Errorf("apply event %d of %s: the rollout is %s", e.Seq, e.Rollout, r.ID)
	}
	return fold(r, e), nil
}

// Replay returns the rollout that a whole history amounts to.
func Replay(events []stagger.Event) (stagger.Rollout, error) {
	if len(events) == 0 {
		return stagger.Rollout{}, errors.New("replay: no events")
	}
	var r stagger.Rollout
	for _, e := range events {
		next, err := Apply(r, e)
		if err != nil {
			return r, fmt.Errorf("replay: %w", err)
		}
		r = next
	}
	return r, nil
}

// fold returns r after e.
func fold(r stagger.Rollout, e stagger.Event) stagger.Rollout {
	if e.Kind == stagger.EventCreated && e.Created != nil {
		return *e.Created
	}
	before := r
	r.Phase, r.Stage, r.Weight, r.Manual, r.Hold = e.Phase, e.Stage, e.Weight, e.Manual, e.Hold
	r.UpdatedAt, r.Events = e.At, e.Seq
	if explains(e.Kind) {
		r.Reason = e.Reason
	}
	if !r.Manual {
		r.ManualWeight = stagger.WeightNone
	}
	if e.Exposure != nil {
		r.Exposure = e.Exposure
	}
	foldTimes(&r, before, e)
	if r.Phase.Final() && r.EndedAt.IsZero() {
		r.EndedAt = e.At
		r.Hold, r.Shed, r.Blind, r.Alerted, r.Deadline = stagger.HoldNone, time.Time{}, time.Time{}, time.Time{}, time.Time{}
	}
	return r
}

// foldTimes sets what r remembers of when things happened.
func foldTimes(r *stagger.Rollout, before stagger.Rollout, e stagger.Event) {
	switch e.Kind {
	case stagger.EventStageEntered, stagger.EventBaking:
		r.StageAt, r.Deadline = e.At, freshDeadline(*r, e.At)
	case stagger.EventResumed:
		r.Deadline = resumedDeadline(before, e.At)
	case stagger.EventTimeboxEnded:
		r.Deadline = time.Time{}
	case stagger.EventWeightSet:
		r.ManualWeight = e.Weight
		if baking(*r) {
			r.Deadline = time.Time{} // this is no bake: not everybody is there
		}
	case stagger.EventShed:
		r.Shed = e.At
	case stagger.EventRestored:
		r.Shed, r.Deadline = time.Time{}, prolonged(before, e.At.Sub(before.Shed))
	case stagger.EventBlinded:
		r.Blind = e.At
	case stagger.EventSighted:
		r.Blind, r.Deadline = time.Time{}, prolonged(before, e.At.Sub(before.Blind))
	case stagger.EventAlerted:
		r.Alerted = e.At
	case stagger.EventCleared:
		r.Alerted = time.Time{}
	case stagger.EventConverged:
		r.Converged = e.At
	case stagger.EventReviewed:
		r.Review = e.Review
	case stagger.EventCreated, stagger.EventHeld, stagger.EventReleased, stagger.EventPaused, stagger.EventPromoted,
		stagger.EventRolledBack, stagger.EventAborted, stagger.EventSuperseded:
	}
}

// freshDeadline is when the stage or bake of r ends if it begins at.
func freshDeadline(r stagger.Rollout, at time.Time) time.Time {
	if baking(r) {
		return at.Add(r.Plan.Bake.Time)
	}
	if s, ok := stage(r); ok && s.Timebox > 0 {
		return at.Add(s.Timebox)
	}
	return time.Time{}
}

// resumedDeadline gives a stage its timebox anew. A bake goes on where it was,
// unless a person's weight had ended it: then it begins anew.
func resumedDeadline(before stagger.Rollout, at time.Time) time.Time {
	if baking(before) && !before.Deadline.IsZero() {
		return before.Deadline
	}
	return freshDeadline(before, at)
}

// prolonged returns the deadline of r after a time that does not count as
// bake: blind, or shed. A timebox goes on all the same.
func prolonged(r stagger.Rollout, by time.Duration) time.Time {
	if !baking(r) || r.Deadline.IsZero() {
		return r.Deadline
	}
	return r.Deadline.Add(max(by, 0))
}

// explains says whether an event of kind tells why the rollout is where it is.
func explains(kind stagger.EventKind) bool {
	return kind != stagger.EventAlerted && kind != stagger.EventCleared && kind != stagger.EventConverged && kind != stagger.EventReviewed
}
