package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/engine"
)

// TestAnOpenCircuitCutsToTheProbeAndItsEndRestores needs no evidence: the data
// plane has stopped to send requests, so there is less of it every moment.
func TestAnOpenCircuitCutsToTheProbeAndItsEndRestores(t *testing.T) {
	for _, blind := range []bool{false, true} {
		plan := twoStages()
		plan.Stages = plan.Stages[1:]
		r := create(t, plan).Rollout
		verdict := stagger.Verdict{Outcome: stagger.OutcomeInconclusive, Advice: stagger.AdviseNothing}
		if blind {
			verdict.Outcome = stagger.OutcomeBlind
		}
		both := engine.Ready{Baseline: true, Candidate: true}
		next := func(after time.Duration, tripped string, ready engine.Ready) engine.Step {
			t.Helper()
			step, err := engine.Next(r, engine.Input{At: r.UpdatedAt.Add(after), Verdict: verdict, Ready: ready, Tripped: tripped, ObservedShare: -1})
			if err != nil {
				t.Fatal(err)
			}
			r = step.Rollout
			return step
		}
		next(time.Second, "", both)
		if blind {
			r.Blind = time.Time{}
		}
		before := r.Weight
		if step := next(time.Second, "5 failures in a row", engine.Ready{Candidate: true}); step.Rollout.Weight != before {
			t.Errorf("blind %v: cut to a dead baseline", blind)
		}
		step := next(time.Second, "5 failures in a row", both)
		if r.Weight != r.Plan.Shed.Probe || r.Shed.IsZero() {
			t.Fatalf("blind %v: it stays at %s", blind, r.Weight)
		}
		if reason := step.Events[0].Reason; step.Events[0].Kind != stagger.EventShed || !strings.Contains(reason, "its circuit opened after 5 failures in a row") {
			t.Errorf("blind %v: the history says %s: %q", blind, step.Events[0].Kind, reason)
		}
		verdict.Outcome = stagger.OutcomeInconclusive
		if next(time.Second, "", both); r.Weight != before || !r.Shed.IsZero() {
			t.Errorf("blind %v: closed again, it stays at %s", blind, r.Weight)
		}
		next(time.Second, "5 failures in a row", both)
		if next(r.Plan.Shed.Patience, "5 failures in a row", both); r.Phase != stagger.PhaseRolledBack || !strings.Contains(r.Reason, "circuit") {
			t.Errorf("blind %v: not closed in time, it is %s: %s", blind, r.Phase, r.Reason)
		}
	}
}
