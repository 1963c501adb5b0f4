package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/engine"
)

func TestApplyRefusesWhatIsNotNext(t *testing.T) {
	step := create(t, twoStages())
	r, created := step.Rollout, step.Events[0]
	event := func(change func(*stagger.Event)) stagger.Event {
		e := stagger.Event{Rollout: r.ID, Seq: 2, Kind: stagger.EventHeld, Phase: r.Phase, Stage: -1}
		change(&e)
		return e
	}
	for _, c := range []struct {
		rule string
		r    stagger.Rollout
		e    stagger.Event
	}{
		{"an event again", r, created},
		{"a gap", r, event(func(e *stagger.Event) { e.Seq = 3 })},
		{"an event of another rollout", r, event(func(e *stagger.Event) { e.Rollout = "r9" })},
		{"a second creation", r, event(func(e *stagger.Event) { e.Kind, e.Created = stagger.EventCreated, &r })},
		{"a history without its beginning", stagger.Rollout{}, event(func(e *stagger.Event) { e.Seq = 1 })},
		{"a creation of nothing", stagger.Rollout{}, event(func(e *stagger.Event) { e.Seq, e.Kind = 1, stagger.EventCreated })},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got, err := engine.Apply(c.r, c.e)
			if err == nil {
				t.Fatal("accepted")
			}
			if diff := cmp.Diff(c.r, got); diff != "" {
				t.Errorf("changed all the same (-before +after):\n%s", diff)
			}
			if c.r.ID == "" {
				return
			}
			if _, err := engine.Replay([]stagger.Event{created, c.e}); err == nil {
				t.Error("replayed")
			}
		})
	}
	if _, err := engine.Replay(nil); err == nil {
		t.Error("nothing was replayed")
	}
}

func TestCreateRefuses(t *testing.T) {
	for _, c := range []struct {
		rule, says string
		code       stagger.Code
		change     func(*stagger.Command)
	}{
		{"no start", "what to roll out", stagger.CodeInvalid, func(c *stagger.Command) { c.Start = nil }},
		{"nobody", "actor is missing", stagger.CodeInvalid, func(c *stagger.Command) { c.Actor = "" }},
		{"no service", "needs a service", stagger.CodeInvalid, func(c *stagger.Command) { c.Start.Service = "" }},
		{"the baseline", "is the baseline of shop already", stagger.CodeConflict, func(c *stagger.Command) { c.Start.Candidate = "v1" }},
		{"no stage", "no stage", stagger.CodeInvalid, func(c *stagger.Command) { c.Start.Plan.Stages = nil }},
		{"more than everybody", "beyond 100%", stagger.CodeInvalid, func(c *stagger.Command) { c.Start.Plan.Stages[0].Weight = stagger.WeightFull + 1 }},
		{"taking back", "never takes subjects back", stagger.CodeInvalid, func(c *stagger.Command) { c.Start.Plan.Stages[0].Weight = 20 * stagger.WeightPercent }},
		{"negative time", "negative duration", stagger.CodeInvalid, func(c *stagger.Command) { c.Start.Plan.Stages[0].MinTime = -1 }},
	} {
		t.Run(c.rule, func(t *testing.T) {
			command := start(twoStages())
			c.change(&command)
			_, err := engine.Create("r1", "v1", command, began)
			if stagger.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %s %q; want %s … %s …", stagger.CodeOf(err), err, c.code, c.says)
			}
		})
	}
}

func TestSeedIsThePlansOrTheRolloutsName(t *testing.T) {
	p := twoStages()
	if got := create(t, p).Rollout.Seed; got != "r1" {
		t.Errorf("seed %q without one in the plan", got)
	}
	p.Seed = "winter"
	if got := create(t, p).Rollout.Seed; got != "winter" {
		t.Errorf("seed %q; the plan says winter", got)
	}
}

func TestCommandNeedsAnActor(t *testing.T) {
	r := create(t, twoStages()).Rollout
	_, err := engine.Next(r, engine.Input{At: began.Add(time.Second), Command: &stagger.Command{Verb: stagger.VerbAbort}})
	if stagger.CodeOf(err) != stagger.CodeInvalid {
		t.Errorf("an abort by nobody: %v", err)
	}
}

// TestRulesAddUp holds that a stage keeps the subjects of all before it.
func TestRulesAddUp(t *testing.T) {
	p := twoStages()
	p.Stages[1].Rules = []stagger.Rule{{Header: "X-Group", Equals: "friends"}}
	r := create(t, p).Rollout
	in := engine.Input{At: began, Ready: engine.Ready{Baseline: true, Candidate: true}}
	var before stagger.Split
	for _, want := range []int{1, 2, 2} {
		in.Command = nil
		if r.Stage >= 0 {
			in.Command = &stagger.Command{Verb: stagger.VerbPromote, Actor: "ada"}
		}
		step, err := engine.Next(r, in)
		if err != nil {
			t.Fatal(err)
		}
		if len(step.Split.Rules) != want || before.Exceeds(step.Split) {
			t.Errorf("%s has the rules %v; it should have %d", step.Rollout.Reason, step.Split.Rules, want)
		}
		r, before = step.Rollout, step.Split
	}
}
