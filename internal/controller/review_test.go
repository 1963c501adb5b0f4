package controller_test

import (
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/sim"
)

// over runs a rollout and rolls it back by hand; after is how long ago that was.
// Nobody tells whether the traffic has followed, so that it is carried for the
// first minute.
func over(t *testing.T, w *sim.World, after time.Duration) string {
	t.Helper()
	w.Deploy("v2", plan())
	w.Run(t.Context(), 2*time.Second)
	id := w.Active().ID
	w.Traffic.Down = func() bool { return true }
	w.Ask(stagger.VerbRollback, nil)
	w.Run(t.Context(), time.Second+after)
	return id
}

func review(w *sim.World, rollout string, j stagger.Judgement) string {
	return w.Ask(stagger.VerbReview, func(c *stagger.Command) { c.Rollout, c.Judgement, c.Reason = rollout, j, "the dashboard was wrong" })
}

func TestRolloutThatIsOverIsReviewed(t *testing.T) {
	for rule, after := range map[string]time.Duration{"while its traffic is watched still": 0, "long after": 2 * time.Minute} {
		t.Run(rule, func(t *testing.T) {
			w := world(t)
			id := over(t, w, after)
			before := w.Journal.Recorded(id)
			command := review(w, id, stagger.JudgementFalseAlarm)
			w.Run(t.Context(), time.Second)
			r := w.Journal.Recorded(id)
			if answer := w.Journal.Answer(command); answer == nil || answer.Error != nil {
				t.Fatalf("answered with %+v", answer)
			}
			if r.Review == nil || r.Review.Judgement != stagger.JudgementFalseAlarm || r.Review.Reason == "" || r.Phase != before.Phase || r.Reason != before.Reason {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestReviewWhileAnotherRolloutRuns(t *testing.T) {
	w := world(t)
	id := over(t, w, 2*time.Minute)
	w.Deploy("v3", plan())
	w.Run(t.Context(), 2*time.Second)
	running := w.Active()
	if refusal := func() *stagger.Error {
		command := review(w, running.ID, stagger.JudgementMissed)
		w.Run(t.Context(), time.Second)
		return refused(t, w, command)
	}(); refusal.Code != stagger.CodeConflict {
		t.Errorf("what runs was refused with %s: %s", refusal.Code, refusal.Message)
	}
	review(w, id, stagger.JudgementTrueAlarm)
	w.Run(t.Context(), time.Second)
	if r := w.Journal.Recorded(id).Review; r == nil || r.Judgement != stagger.JudgementTrueAlarm {
		t.Errorf("%+v", r)
	}
	if now := w.Active(); now.ID != running.ID || now.Review != nil {
		t.Errorf("the one that runs: %+v", now)
	}
}

func TestReviewOfNoRolloutIsRefused(t *testing.T) {
	w := world(t)
	command := review(w, "shop-never", stagger.JudgementMissed)
	w.Run(t.Context(), time.Second)
	if refusal := refused(t, w, command); refusal.Code != stagger.CodeNotFound {
		t.Errorf("refused with %s: %s", refusal.Code, refusal.Message)
	}
}

// TestReviewIsNotLostWhenTheRecordIs has the journal refuse the review, or keep
// it and say it did not, right after the end and long after it.
func TestReviewIsNotLostWhenTheRecordIs(t *testing.T) {
	for _, after := range []time.Duration{0, 2 * time.Minute} {
		for _, fault := range []sim.Fault{sim.Refuses, sim.Forgetful} {
			w := world(t)
			id := over(t, w, after)
			command := review(w, id, stagger.JudgementMissed)
			w.Journal.Fault = func() sim.Fault { return fault }
			w.Run(t.Context(), time.Second)
			w.Journal.Fault = nil
			w.Run(t.Context(), 5*time.Second)
			if answer := w.Journal.Answer(command); answer == nil || answer.Error != nil {
				t.Errorf("%s after, fault %d: answered with %+v", after, fault, answer)
			}
			if r := w.Journal.Recorded(id).Review; r == nil {
				t.Errorf("%s after, fault %d: lost", after, fault)
			}
			if broken := w.Broken(); len(broken) > 0 {
				t.Errorf("%s after, fault %d: %v", after, fault, broken)
			}
		}
	}
}
