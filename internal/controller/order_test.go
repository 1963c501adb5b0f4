package controller_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/sim"
)

func TestHealthyCandidateIsPromoted(t *testing.T) {
	w := world(t)
	w.Deploy("v2", plan())
	w.Run(t.Context(), 20*time.Second)
	r := w.Last()
	want := []stagger.EventKind{
		stagger.EventCreated, stagger.EventStageEntered, stagger.EventStageEntered, stagger.EventBaking, stagger.EventPromoted, stagger.EventConverged,
	}
	if diff := cmp.Diff(want, kinds(w.Journal.History(r.ID))); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(stagger.Split{Service: sim.Service, Baseline: "v2"}, w.Plane.Split(sim.Service)); diff != "" {
		t.Errorf("in force (-want +got):\n%s", diff)
	}
}

func TestMoreIsRecordedFirst(t *testing.T) {
	w := world(t)
	w.Deploy("v2", plan())
	w.Run(t.Context(), time.Second)
	w.Journal.Fault = func() sim.Fault { return sim.Refuses }
	w.Run(t.Context(), 10*time.Second)
	if inForce := w.Plane.Split(sim.Service); inForce.Weight > 0 {
		t.Errorf("%s is in force and could not be recorded", inForce.Weight)
	}
	w.Journal.Fault = nil
	w.Run(t.Context(), 2*time.Second)
	if got := w.Plane.Split(sim.Service).Weight; got != 10*stagger.WeightPercent {
		t.Errorf("%s in force after the journal is back; the stage has 10%%", got)
	}
}

func TestLessDoesNotWaitForTheJournal(t *testing.T) {
	w := world(t)
	w.Deploy("v2", plan())
	w.Run(t.Context(), 4*time.Second)
	w.Journal.Fault = func() sim.Fault { return sim.Refuses }
	w.Traffic.Versions["v2"] = &sim.Behaviour{Errors: 0.1, Median: time.Millisecond}
	w.Run(t.Context(), 20*time.Second)
	if w.Plane.Split(sim.Service).Exposes() {
		t.Error("the candidate is still met, for want of a journal")
	}
	if r := w.Active(); r.ID == "" {
		t.Fatal("recorded while the journal refuses")
	}
	w.Journal.Fault = nil
	w.Run(t.Context(), 3*time.Second)
	if r := w.Last(); r.Phase != stagger.PhaseRolledBack {
		t.Errorf("recorded as %s after the journal is back", r.Phase)
	}
}

func TestLessIsInForceFirst(t *testing.T) {
	w := world(t)
	w.Deploy("v2", plan())
	w.Run(t.Context(), 4*time.Second)
	w.Plane.Fault = func() sim.Fault { return sim.Refuses }
	w.Ask(stagger.VerbRollback, nil)
	w.Run(t.Context(), 5*time.Second)
	if r := w.Last(); r.Phase == stagger.PhaseRolledBack {
		t.Error("recorded as rolled back while the data plane refuses")
	}
	w.Plane.Fault = nil
	w.Run(t.Context(), time.Second)
	if r := w.Last(); r.Phase != stagger.PhaseRolledBack || w.Plane.Split(sim.Service).Exposes() {
		t.Errorf("%s with %+v in force, after the data plane is back", r.Phase, w.Plane.Split(sim.Service))
	}
}

// TestLessIsInForceBeforeMoreIsRecorded asks for a weight while the subjects of
// rules are being cut to the probe: more of the one and less of the other.
func TestLessIsInForceBeforeMoreIsRecorded(t *testing.T) {
	w := world(t)
	w.Deploy("v2", plan())
	w.Run(t.Context(), 500*time.Millisecond)
	if s := w.Plane.Split(sim.Service); s.Weight != 0 || s.RuleShare != stagger.WeightFull {
		t.Fatalf("%+v in force in a stage of rules", s)
	}
	w.Plane.Fault = func() sim.Fault { return sim.Refuses }
	w.Traffic.Versions["v2"] = &sim.Behaviour{Errors: 0.9, Median: time.Millisecond}
	w.Run(t.Context(), 2*time.Second)
	probe := stagger.WeightPercent
	asked := w.Ask(stagger.VerbWeight, func(c *stagger.Command) { c.Weight = &probe })
	w.Run(t.Context(), time.Second)
	if s := w.Journal.Split(sim.Service, "v1"); s.Weight > 0 || s.RuleShare != stagger.WeightFull {
		t.Errorf("%s of all and %s of the rules' subjects are recorded while the data plane refuses to cut these", s.Weight, s.RuleShare)
	}
	w.Plane.Fault = nil
	w.Journal.Fault = func() sim.Fault { return sim.Refuses }
	w.Run(t.Context(), time.Second)
	if s := w.Plane.Split(sim.Service); s.Weight > 0 || s.RuleShare > probe {
		t.Errorf("%s of all and %s of the rules' subjects meet the candidate while only less may be", s.Weight, s.RuleShare)
	}
	w.Journal.Fault = nil
	w.Run(t.Context(), 3*time.Second)
	if s := w.Plane.Split(sim.Service); w.Journal.Answer(asked) == nil || s.Weight != probe || s.RuleShare != probe {
		t.Errorf("%+v in force in the end, the answer is %+v", s, w.Journal.Answer(asked))
	}
}

func TestAnswerThatWasLostIsFoundOut(t *testing.T) {
	w := world(t)
	forgets := 0
	w.Journal.Fault = func() sim.Fault {
		if forgets++; forgets%3 == 0 {
			return sim.Forgetful
		}
		return sim.Works
	}
	w.Deploy("v2", plan())
	w.Run(t.Context(), 40*time.Second)
	if r := w.Last(); r.Phase != stagger.PhasePromoted {
		t.Errorf("the rollout is %s: %s", r.Phase, r.Reason)
	}
}

func TestSplitThatWasLostIsRestored(t *testing.T) {
	w := world(t)
	w.Deploy("v2", plan())
	w.Run(t.Context(), 4*time.Second)
	before := w.Plane.Split(sim.Service)
	w.Plane.Restart()
	w.Run(t.Context(), 4*time.Second)
	if !before.Exposes() || w.Plane.Split(sim.Service).Candidate != "v2" {
		t.Errorf("%+v before the data plane was restarted, %+v now", before, w.Plane.Split(sim.Service))
	}
}

func TestConvergenceIsMeasured(t *testing.T) {
	w := world(t)
	w.Deploy("v2", plan())
	w.Run(t.Context(), 4*time.Second)
	w.Traffic.Late = 3 * time.Second // the old traffic is seen for long
	w.Ask(stagger.VerbAbort, nil)
	w.Run(t.Context(), 2*time.Second)
	id := w.Last().ID
	if slices.Contains(kinds(w.Journal.History(id)), stagger.EventConverged) {
		t.Error("converged before a request was seen")
	}
	w.Run(t.Context(), 3*time.Second)
	if !slices.Contains(kinds(w.Journal.History(id)), stagger.EventConverged) {
		t.Error("not converged though every request is seen to meet the baseline")
	}
}
