package controller_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/sim"
)

func TestStartIsRefused(t *testing.T) {
	for _, c := range []struct {
		rule               string
		service, candidate string
		code               stagger.Code
		says               string
	}{
		{"no such service", "shelf", "v2", stagger.CodeNotFound, `no service "shelf"`},
		{"no such version", sim.Service, "v9", stagger.CodeInvalid, `no version "v9"`},
		{"the baseline itself", sim.Service, "v1", stagger.CodeConflict, "is the baseline of shop"},
		{"the same candidate twice", sim.Service, "v2", stagger.CodeConflict, "being rolled out already"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			w := world(t)
			if c.candidate == "v2" && c.service == sim.Service {
				w.Deploy("v2", plan())
				w.Run(t.Context(), time.Second)
			}
			id := w.Ask(stagger.VerbStart, func(command *stagger.Command) {
				command.Start = &stagger.Start{Service: c.service, Candidate: c.candidate, Plan: plan()}
			})
			w.Run(t.Context(), time.Second)
			refusal := refused(t, w, id)
			if refusal.Code != c.code || !strings.Contains(refusal.Message, c.says) {
				t.Errorf("refused with %s: %s; want %s: … %s …", refusal.Code, refusal.Message, c.code, c.says)
			}
		})
	}
}

func TestCommandForNoRolloutIsRefused(t *testing.T) {
	w := world(t)
	id := w.Ask(stagger.VerbPause, func(c *stagger.Command) { c.Rollout = "shop-long-gone" })
	w.Run(t.Context(), time.Second)
	if refusal := refused(t, w, id); refusal.Code != stagger.CodeConflict {
		t.Errorf("refused with %s: %s", refusal.Code, refusal.Message)
	}
}

func TestNewerCandidateSupersedes(t *testing.T) {
	w := world(t)
	w.Deploy("v2", plan())
	w.Run(t.Context(), 8*time.Second)
	first := w.Active()
	back := w.Deploy("v1", plan())
	w.Deploy("v3", plan())
	w.Run(t.Context(), time.Second)
	if refusal := refused(t, w, back); !strings.Contains(refusal.Message, "roll that back instead") {
		t.Errorf("a start of the original baseline is refused with: %s", refusal.Message)
	}
	old, next := w.Journal.Recorded(first.ID), w.Active()
	if old.Phase != stagger.PhaseSuperseded || old.Weight != 0 {
		t.Errorf("the old one is %s at %s", old.Phase, old.Weight)
	}
	if next.Candidate != "v3" || next.Baseline != "v1" {
		t.Errorf("the new one goes from %s to %s; the baseline is v1 still", next.Baseline, next.Candidate)
	}
	history := w.Journal.History(old.ID)
	if by := history[len(history)-1].By; by != next.ID {
		t.Errorf("superseded by %q, not %q", by, next.ID)
	}
}

func TestCommandIsCarriedOutOnce(t *testing.T) {
	w := world(t)
	w.Deploy("v2", plan())
	w.Run(t.Context(), time.Second)
	w.Journal.Fault = func() sim.Fault { return sim.Refuses }
	id := w.Ask(stagger.VerbPause, nil)
	w.Run(t.Context(), 2*time.Second)
	w.Journal.Fault = nil
	w.Run(t.Context(), 3*time.Second)
	if answer := w.Journal.Answer(id); answer == nil || answer.Error != nil {
		t.Errorf("the pause was answered with %+v", answer)
	}
	if r := w.Active(); r.Phase != stagger.PhasePaused {
		t.Errorf("the rollout is %s", r.Phase)
	}
}
