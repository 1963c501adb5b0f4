package engine

import "github.com/stagger-dev/stagger"

// What the verdict, the clock and the endpoints say about the rollout as it is.

func (t *turn) blind() bool { return t.in.Verdict.Outcome == stagger.OutcomeBlind }

// clean says whether nothing is held against the candidate. To see nothing is
// not to see nothing bad.
func (t *turn) clean() bool {
	switch t.in.Verdict.Advice {
	case stagger.AdviseHold, stagger.AdviseShed, stagger.AdviseRollback:
		return false
	case stagger.AdviseNothing, stagger.AdviseAlert:
	}
	return !t.blind() && t.in.Verdict.Outcome != stagger.OutcomeRegressed && t.in.Tripped == ""
}

// catastrophic says whether traffic must be cut to the probe: the evidence says
// so, or the data plane, which needs none.
func (t *turn) catastrophic() bool {
	return t.in.Verdict.Advice == stagger.AdviseShed || t.in.Tripped != ""
}

// sentence is what speaks for what is decided: what the data plane saw, or else
// the evidence.
func (t *turn) sentence() string {
	if t.in.Tripped != "" {
		return "its circuit opened after " + t.in.Tripped
	}
	return t.in.Verdict.Sentence
}

// accused says whether the evidence asks to hold, or more.
func (t *turn) accused() bool {
	return !t.blind() && !t.clean() || t.in.Verdict.Advice == stagger.AdviseRollback
}

// exposed says whether any subject may meet the candidate.
func (t *turn) exposed() bool { return Split(t.rollout).Exposes() }

// overdue says whether the timebox is over and r may act on it. A pause stops
// it from acting.
func (t *turn) overdue() bool {
	_, ok := stage(t.rollout)
	return ok && t.rollout.Phase != stagger.PhasePaused &&
		!t.rollout.Deadline.IsZero() && !t.at.Before(t.rollout.Deadline)
}

// timeboxHeld says whether r waits for a person since its timebox ended.
func timeboxHeld(r stagger.Rollout) bool {
	s, ok := stage(r)
	return ok && s.Timebox > 0 && r.Deadline.IsZero() &&
		s.AtTimebox != stagger.TimeboxAdvance && s.AtTimebox != stagger.TimeboxRollback
}

// stranded returns why r, which should be rolled back or shed, cannot be: the
// traffic would go to a dead baseline.
func (t *turn) stranded() bool {
	if t.in.Ready.Baseline || !t.exposed() {
		return false
	}
	_, back := t.rollbackReason()
	return back || t.catastrophic() && t.rollout.Shed.IsZero()
}

// holdOf returns what should keep the rollout from advancing now.
func (t *turn) holdOf() stagger.Hold {
	believed := stagger.HoldNone
	switch r := t.rollout; {
	case t.unready():
		believed = stagger.HoldUnready
	case t.accused() && r.Stage >= 0:
		believed = stagger.HoldSuspect
	}
	return standing(t.rollout, believed)
}

// standing returns what keeps r from advancing, the gravest first, if it is
// believed to be unready or suspect; the rest is known from r itself.
func standing(r stagger.Rollout, believed stagger.Hold) stagger.Hold {
	switch {
	case r.Phase.Final():
		return stagger.HoldNone
	case !r.Shed.IsZero():
		return stagger.HoldShed
	case believed == stagger.HoldUnready:
		return stagger.HoldUnready
	case !r.Blind.IsZero():
		return stagger.HoldBlind
	case believed == stagger.HoldSuspect:
		return stagger.HoldSuspect
	case r.Phase == stagger.PhasePaused:
		return stagger.HoldPaused
	case timeboxHeld(r):
		return stagger.HoldTimebox
	}
	return stagger.HoldNone
}

// unready says whether a version that is needed has no healthy endpoint. A bake
// needs the baseline only when there is something to go back for.
func (t *turn) unready() bool {
	if !t.in.Ready.Candidate {
		return true
	}
	return !t.in.Ready.Baseline && (!baking(t.rollout) || t.accused())
}

// proven says whether the stage may be left for the next one.
func (t *turn) proven(s stagger.Stage) bool {
	r, v := t.rollout, t.in.Verdict
	return v.Outcome == stagger.OutcomeHealthy && t.clean() &&
		t.at.Sub(r.StageAt) >= s.MinTime &&
		samples(r, v) >= s.MinSamples && (onlyMirrors(r) || v.Candidate.Stage > 0)
}

// samples is how many requests were judged in the stage that r is in, on the
// version that got less; mirrored ones while nobody meets the candidate.
func samples(r stagger.Rollout, v stagger.Verdict) uint64 {
	if onlyMirrors(r) {
		return v.Mirrored
	}
	return min(v.Candidate.Stage, v.Baseline.Stage)
}

// free says whether r may move on by itself.
func (t *turn) free() bool {
	r := t.rollout
	return !r.Manual && r.Phase != stagger.PhasePaused && t.holdOf() == stagger.HoldNone
}
