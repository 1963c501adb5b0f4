package engine

import (
	"fmt"

	"github.com/stagger-dev/stagger"
)

// obey carries out what a person asks, or refuses it.
func (t *turn) obey(c stagger.Command) error {
	switch {
	case c.Actor == "":
		return refuse(stagger.CodeInvalid, "say who asks: the actor is missing")
	case t.rollout.Phase.Final() && c.Verb != stagger.VerbReview:
		return refuse(stagger.CodeConflict, "the rollout is %s; nothing can be done to it any more", words(t.rollout.Phase))
	}
	switch c.Verb {
	case stagger.VerbPause:
		return t.pause(c)
	case stagger.VerbResume:
		return t.resume(c)
	case stagger.VerbPromote:
		return t.promote(c)
	case stagger.VerbRollback:
		t.record(stagger.EventRolledBack, asked(c, "rolled back"), by(c, end(stagger.PhaseRolledBack)))
		return nil
	case stagger.VerbAbort:
		t.record(stagger.EventAborted, asked(c, "aborted"), by(c, end(stagger.PhaseAborted)))
		return nil
	case stagger.VerbWeight:
		return t.setWeight(c)
	case stagger.VerbReview:
		return t.review(c)
	case stagger.VerbStart:
		return refuse(stagger.CodeInvalid, "a start makes a rollout; it cannot be asked of one")
	}
	return refuse(stagger.CodeInvalid, "no verb %q; write start, pause, resume, promote, rollback, abort, weight or review", c.Verb)
}

// by makes an event the doing of the person who gave c.
func by(c stagger.Command, change func(*stagger.Event)) func(*stagger.Event) {
	return func(e *stagger.Event) {
		e.Actor, e.Command = c.Actor, c.ID
		if change != nil {
			change(e)
		}
	}
}

func (t *turn) pause(c stagger.Command) error {
	if t.rollout.Phase == stagger.PhasePaused {
		return refuse(stagger.CodeConflict, "the rollout is paused already")
	}
	t.record(stagger.EventPaused, asked(c, "paused"), by(c, func(e *stagger.Event) { e.Phase = stagger.PhasePaused }))
	return nil
}

// resume takes back what a person, or the end of a timebox, had stopped: pause,
// manual weight and timebox. Evidence is not taken back.
func (t *turn) resume(c stagger.Command) error {
	r := t.rollout
	if r.Phase != stagger.PhasePaused && !r.Manual && !timeboxHeld(r) {
		if r.Hold == stagger.HoldNone {
			return refuse(stagger.CodeConflict, "there is nothing to resume: the rollout is %s", words(r.Phase))
		}
		return refuse(stagger.CodeConflict, "it is not a person who holds the rollout: %s", t.holdReason(r.Hold))
	}
	t.record(stagger.EventResumed, asked(c, "resumed"), by(c, func(e *stagger.Event) {
		e.Phase = stagger.PhaseProgressing
		if r.Manual {
			e.Manual, e.Weight = false, planned(r)
		}
		if !r.Shed.IsZero() {
			e.Weight = min(e.Weight, r.Plan.Shed.Probe)
		}
	}))
	return nil
}

// promote goes to the next stage, into the bake with All, and out of the bake
// when it is there. A pause stays: people may go by hand, step by step.
func (t *turn) promote(c stagger.Command) error {
	r := t.rollout
	switch {
	case r.Stage < 0:
		return refuse(stagger.CodeConflict, "nobody is exposed yet; the first stage begins by itself once both versions are ready")
	case !r.Shed.IsZero() || t.accused():
		return refuse(stagger.CodeConflict, "the evidence speaks against it; roll back, or wait until it clears, or set a weight by hand: %s", t.in.Verdict.Sentence)
	case !t.in.Ready.Candidate:
		return refuse(stagger.CodeConflict, "the candidate %s has no healthy endpoint to promote to", r.Candidate)
	case baking(r):
		t.record(stagger.EventPromoted, asked(c, "ended the bake"), by(c, promoted))
	case c.All:
		t.enterAt(len(r.Plan.Stages), asked(c, "promoted to everybody"), by(c, nil))
	default:
		t.enter(asked(c, "promoted"), by(c, nil))
	}
	return nil
}

func (t *turn) setWeight(c stagger.Command) error {
	r := t.rollout
	switch {
	case c.Weight == nil || *c.Weight > stagger.WeightFull:
		return refuse(stagger.CodeInvalid, "say which weight; write 0 to 100")
	case r.Stage < 0:
		return refuse(stagger.CodeConflict, "nobody is exposed yet; a weight can be set once the first stage has begun")
	case *c.Weight > r.Weight && !t.in.Ready.Candidate:
		return refuse(stagger.CodeConflict, "the candidate %s has no healthy endpoint for more traffic", r.Candidate)
	}
	t.record(stagger.EventWeightSet, asked(c, "set the weight to "+c.Weight.String()), by(c, func(e *stagger.Event) {
		e.Weight, e.Manual = *c.Weight, true
	}))
	return nil
}

// asked says who did what, and why if they told.
func asked(c stagger.Command, did string) string {
	return say(c.Actor+" "+did, c.Reason)
}

// words writes a phase for people.
func words(p stagger.Phase) string {
	switch p {
	case stagger.PhaseRolledBack:
		return "rolled back"
	case stagger.PhasePending, stagger.PhaseProgressing, stagger.PhaseWaiting, stagger.PhasePaused, stagger.PhaseBaking,
		stagger.PhasePromoted, stagger.PhaseAborted, stagger.PhaseSuperseded:
	}
	return string(p)
}

func refuse(code stagger.Code, format string, args ...any) error {
	return &stagger.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
