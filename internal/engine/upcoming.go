package engine

import (
	"fmt"
	"time"

	"github.com/stagger-dev/stagger"
)

// Upcoming says what will happen to r next, when at the earliest, and what is
// missing, of needs; the time is zero when no clock decides it.
func Upcoming(r stagger.Rollout, v stagger.Verdict, ready Ready, needs []stagger.Need, now time.Time) (string, time.Time) {
	switch {
	case r.Phase.Final():
		return ended(r)
	case r.Stage < 0 && r.Phase != stagger.PhasePaused:
		return fmt.Sprintf("starts once %s", reachable(r, ready)), time.Time{}
	}
	switch r.Hold {
	case stagger.HoldShed:
		at := r.Shed.Add(r.Plan.Shed.Patience)
		return fmt.Sprintf("rolled back%s unless the candidate recovers", within(at, now)), at
	case stagger.HoldUnready:
		if v.Advice == stagger.AdviseRollback || v.Advice == stagger.AdviseShed {
			return "cuts the candidate off once there is a healthy endpoint to go to", time.Time{}
		}
		return fmt.Sprintf("goes on once %s", reachable(r, ready)), time.Time{}
	case stagger.HoldBlind:
		return "goes on once telemetry is back", time.Time{}
	case stagger.HoldSuspect:
		return "rolls back when the suspicion is proved, goes on when it clears", time.Time{}
	case stagger.HoldTimebox:
		return "waits for a person: resume, promote or roll back" + lacking(needs), time.Time{}
	case stagger.HoldPaused:
		return "paused; a person resumes it", time.Time{}
	case stagger.HoldNone:
	}
	if r.Manual {
		return fmt.Sprintf("stays at the %s a person set, until promoted or resumed", r.Weight), time.Time{}
	}
	if s, ok := stage(r); ok {
		return awaits(r, s, v, needs, now)
	}
	if judged, least := v.Candidate.Stage, bakeSamples(r); judged < least && !now.Before(r.Deadline) {
		return fmt.Sprintf("promoted after %s", count(least-judged, "more request")), time.Time{}
	}
	if r.Deadline.IsZero() {
		return "promoted when the bake is over", r.Deadline
	}
	return fmt.Sprintf("promoted%s, when the bake is over, if still healthy", within(r.Deadline, now)), r.Deadline
}

// within says how long it is from now to a time, as a piece of a sentence; of
// what is due it says nothing.
func within(at, now time.Time) string {
	if left := at.Sub(now); left > 0 {
		if left > time.Second {
			left = left.Round(time.Second)
		}
		return " in " + span(left)
	}
	return ""
}

// reachable says which versions have to become ready.
func reachable(r stagger.Rollout, ready Ready) string {
	switch {
	case ready.Baseline && !ready.Candidate:
		return r.Candidate + " has a healthy endpoint"
	case ready.Candidate && !ready.Baseline:
		return r.Baseline + " has a healthy endpoint"
	default:
		return "both versions have a healthy endpoint"
	}
}

func ended(r stagger.Rollout) (string, time.Time) {
	if !r.Converged.IsZero() || r.Phase == stagger.PhaseSuperseded {
		return "nothing; it is over", time.Time{}
	}
	return "over once the traffic has followed", time.Time{}
}

// awaits says what the stage s still needs.
func awaits(r stagger.Rollout, s stagger.Stage, v stagger.Verdict, needs []stagger.Need, now time.Time) (string, time.Time) {
	next := r
	next.Stage++
	goal := fmt.Sprintf("stage %s at %s", stageName(next), planned(next))
	if baking(next) {
		goal = "everybody and the bake"
	}
	condition := "if healthy by then"
	if v.Outcome == stagger.OutcomeHealthy {
		condition = "if still healthy"
	}
	soonest := r.StageAt.Add(s.MinTime)
	alone, lacks := requests(r, v, 0)
	switch {
	case now.Before(soonest):
		return fmt.Sprintf("%s%s %s%s", goal, within(soonest, now), condition, lacking(needs)), soonest
	case lacks:
		return fmt.Sprintf("%s after %s, %s%s", goal, alone.Sentence, condition, lacking(needs)), time.Time{}
	case v.Outcome != stagger.OutcomeHealthy:
		return fmt.Sprintf("%s once the evidence is healthy%s", goal, lacking(needs)), time.Time{}
	}
	return goal, now
}
