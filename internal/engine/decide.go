package engine

import (
	"fmt"
	"time"

	"github.com/stagger-dev/stagger"
)

// sight notes that telemetry went or came back. What it said last stays known.
func (t *turn) sight() {
	switch since := t.rollout.Blind; {
	case t.rollout.Stage < 0:
	case t.blind() && since.IsZero():
		t.record(stagger.EventBlinded, say("telemetry is missing; nothing is promoted until it is back", t.in.Verdict.Sentence), nil)
	case !t.blind() && !since.IsZero():
		t.record(stagger.EventSighted, "telemetry is back after "+span(t.at.Sub(since)), nil)
	}
}

// giveUp rolls back if it must. A dead baseline is no place to go back to: the
// weight stays until it lives, and hold and alert tell of it.
func (t *turn) giveUp() bool {
	reason, back := t.rollbackReason()
	if !back || t.stranded() {
		return false
	}
	t.record(stagger.EventRolledBack, reason, end(stagger.PhaseRolledBack))
	return true
}

// rollbackReason returns why r must be rolled back, if it must.
func (t *turn) rollbackReason() (reason string, back bool) {
	r := t.rollout
	if t.in.Verdict.Advice == stagger.AdviseRollback {
		return say("the evidence is beyond doubt", t.in.Verdict.Sentence), true
	}
	if !r.Shed.IsZero() && !t.clean() && t.at.Sub(r.Shed) >= r.Plan.Shed.Patience {
		return say("shed and not cleared within "+span(r.Plan.Shed.Patience), t.sentence()), true
	}
	if s, ok := stage(r); ok && t.overdue() && s.AtTimebox == stagger.TimeboxRollback && !t.leaving(s) {
		return say(fmt.Sprintf("stage %s was not healthy within its timebox of %s", stageName(r), span(s.Timebox)), t.in.Verdict.Sentence), true
	}
	return "", false
}

// leaving says whether the stage s is about to be left for the next one.
func (t *turn) leaving(s stagger.Stage) bool { return t.free() && t.proven(s) }

// end makes an event the end of its rollout, with nobody on the candidate.
func end(p stagger.Phase) func(*stagger.Event) {
	return func(e *stagger.Event) { e.Phase, e.Weight, e.Manual = p, stagger.WeightNone, false }
}

// shed cuts traffic to the probe while the candidate fails catastrophically,
// and brings it back when that was a blip.
func (t *turn) shed() {
	r := t.rollout
	switch {
	case r.Shed.IsZero() && t.catastrophic() && t.exposed() && t.in.Ready.Baseline:
		t.record(stagger.EventShed, say("the candidate fails badly; traffic is cut to the probe", t.sentence()),
			func(e *stagger.Event) { e.Weight = min(r.Weight, r.Plan.Shed.Probe) })
	case !r.Shed.IsZero() && t.clean():
		t.record(stagger.EventRestored, say("it was a blip; the weight is back", t.in.Verdict.Sentence),
			func(e *stagger.Event) { e.Weight = wanted(r) })
	}
}

// alert tells of an alert once, until it clears.
func (t *turn) alert() {
	standing := !t.rollout.Alerted.IsZero()
	stranded := t.stranded()
	switch {
	case t.rollout.Stage < 0:
	case stranded && !standing:
		t.record(stagger.EventAlerted, say("the candidate should go, but the baseline has no healthy endpoint to go back to", t.in.Verdict.Sentence), nil)
	case t.in.Verdict.Advice == stagger.AdviseAlert && !standing:
		t.record(stagger.EventAlerted, say("a guardrail that only alerts is crossed", t.in.Verdict.Sentence), nil)
	case standing && !stranded && t.clean() && t.in.Verdict.Advice != stagger.AdviseAlert:
		t.record(stagger.EventCleared, say("the alert is over", t.in.Verdict.Sentence), nil)
	}
}

// endTimebox notes that the timebox is over and the stage not proved.
func (t *turn) endTimebox() {
	s, ok := stage(t.rollout)
	if !ok || !t.overdue() || s.AtTimebox == stagger.TimeboxRollback || t.leaving(s) {
		return
	}
	what := "a person decides"
	if s.AtTimebox == stagger.TimeboxAdvance {
		what = "it goes on as soon as it is healthy"
	}
	t.record(stagger.EventTimeboxEnded,
		say(fmt.Sprintf("stage %s was not healthy within its timebox of %s; %s", stageName(t.rollout), span(s.Timebox), what), t.in.Verdict.Sentence), nil)
}

// hold notes that something else keeps r now, or nothing any more.
func (t *turn) hold() {
	now := t.holdOf()
	kind, reason := stagger.EventHeld, t.holdReason(now)
	if now == stagger.HoldNone {
		kind, reason = stagger.EventReleased, say("nothing holds it any more", t.in.Verdict.Sentence)
	}
	if now != t.rollout.Hold {
		t.record(kind, reason, func(e *stagger.Event) { e.Hold = now })
	}
}

func (t *turn) holdReason(h stagger.Hold) string {
	switch h {
	case stagger.HoldUnready:
		return t.unreadyReason()
	case stagger.HoldSuspect:
		return say("the evidence looks bad, not yet proved", t.sentence())
	case stagger.HoldBlind:
		return say("telemetry is missing", t.in.Verdict.Sentence)
	case stagger.HoldTimebox:
		return "its timebox ended; a person decides"
	case stagger.HoldPaused:
		return "it is paused; a person resumes it"
	case stagger.HoldShed:
		return say("traffic is cut to the probe", t.sentence())
	case stagger.HoldNone:
	}
	return ""
}

func (t *turn) unreadyReason() string {
	r := t.rollout
	switch {
	case t.in.Ready.Baseline:
		return fmt.Sprintf("the candidate %s has no healthy endpoint", r.Candidate)
	case t.in.Ready.Candidate:
		return fmt.Sprintf("the baseline %s has no healthy endpoint", r.Baseline)
	}
	return fmt.Sprintf("neither %s nor %s has a healthy endpoint", r.Baseline, r.Candidate)
}

// advance goes on to what comes next, by one stage at most.
func (t *turn) advance() {
	r := t.rollout
	if !t.free() {
		return
	}
	if r.Stage < 0 {
		t.enter(fmt.Sprintf("%s and %s are ready", r.Baseline, r.Candidate), nil)
		return
	}
	if s, ok := stage(r); ok {
		if t.proven(s) {
			t.enter(say(fmt.Sprintf("stage %s is healthy", stageName(r)), t.in.Verdict.Sentence), nil)
		}
		return
	}
	if t.baked() {
		t.record(stagger.EventPromoted, say(fmt.Sprintf("%s is the new baseline after a bake of %s", r.Candidate, span(r.Plan.Bake.Time)), t.in.Verdict.Sentence), promoted)
	}
}

// baked says whether the bake is over, somebody has met the candidate in it, and
// nothing speaks against its end.
func (t *turn) baked() bool {
	r := t.rollout
	return !r.Deadline.IsZero() && !t.at.Before(r.Deadline) && t.clean() && t.in.Verdict.Candidate.Stage >= bakeSamples(r)
}

// bakeSamples is the least number of requests that a bake judges: as many as
// the last stage, and never none.
func bakeSamples(r stagger.Rollout) uint64 {
	last := r.Plan.Stages[len(r.Plan.Stages)-1]
	return max(last.MinSamples, 1)
}

// promoted makes an event the good end.
func promoted(e *stagger.Event) {
	e.Phase, e.Weight, e.Manual = stagger.PhasePromoted, stagger.WeightFull, false
}

// enter goes to the next stage, or into the bake after the last.
func (t *turn) enter(why string, also func(*stagger.Event)) {
	t.enterAt(t.rollout.Stage+1, why, also)
}

func (t *turn) enterAt(index int, why string, also func(*stagger.Event)) {
	next := t.rollout
	next.Stage = index
	kind, where := stagger.EventStageEntered, fmt.Sprintf("stage %s begins at %s", stageName(next), planned(next))
	if baking(next) {
		kind, where = stagger.EventBaking, "everybody meets it now and the bake begins"
	} else if n := len(next.Plan.Stages[index].Rules); n > 0 {
		where += fmt.Sprintf(" and %s", count(uint64(n), "rule"))
	}
	if !baking(next) && next.Plan.Stages[index].Shadow > 0 {
		where += fmt.Sprintf(", mirroring %s", next.Plan.Stages[index].Shadow)
	}
	t.record(kind, where+": "+why, func(e *stagger.Event) {
		e.Stage, e.Weight, e.Manual = index, planned(next), false
		if also != nil {
			also(e)
		}
	})
}

// supersede ends r in favour of a newer candidate.
func (t *turn) supersede() {
	by := t.in.SupersededBy
	t.record(stagger.EventSuperseded, "the rollout "+by+" takes its place", func(e *stagger.Event) {
		end(stagger.PhaseSuperseded)(e)
		e.By = by
	})
}

// land notes, once, that the traffic follows the end: measured, not assumed.
func (t *turn) land() {
	r := t.rollout
	if !r.Converged.IsZero() || t.in.ObservedShare < 0 {
		return
	}
	after := span(t.at.Sub(r.EndedAt))
	switch {
	case r.Phase == stagger.PhasePromoted && t.in.ObservedShare >= 1:
		t.record(stagger.EventConverged, fmt.Sprintf("every request met %s, %s after the end", r.Candidate, after), nil)
	case (r.Phase == stagger.PhaseRolledBack || r.Phase == stagger.PhaseAborted) && t.in.ObservedShare == 0:
		t.record(stagger.EventConverged, fmt.Sprintf("no request met %s, %s after the end", r.Candidate, after), nil)
	}
}

// say adds the sentence of the evidence to what is decided.
func say(what, sentence string) string {
	if sentence == "" {
		return what
	}
	return what + ": " + sentence
}

// span writes a duration as people do, no finer than it matters.
func span(d time.Duration) string {
	switch {
	case d >= time.Minute:
		d = d.Round(time.Second)
	case d >= time.Second:
		d = d.Round(100 * time.Millisecond)
	default:
		d = d.Round(time.Millisecond)
	}
	return d.String()
}

func count(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
