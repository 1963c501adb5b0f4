package engine_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/engine"
)

var began = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// twoStages is a plan with a rule stage and a weight stage.
func twoStages() stagger.Plan {
	return stagger.Plan{
		Key: stagger.Key{Header: "X-User"},
		Stages: []stagger.Stage{
			{Name: "staff", Rules: []stagger.Rule{{Header: "X-Group", Equals: "staff"}}, MinTime: 10 * time.Minute, Timebox: time.Hour, MinSamples: 100, AtTimebox: stagger.TimeboxHold},
			{Name: "tenth", Weight: 10 * stagger.WeightPercent, MinTime: 10 * time.Minute, Timebox: time.Hour, MinSamples: 100, AtTimebox: stagger.TimeboxHold},
		},
		Bake: stagger.Bake{Time: 30 * time.Minute},
		Shed: stagger.Shed{Probe: stagger.WeightPercent, Patience: time.Minute},
	}
}

func start(p stagger.Plan) stagger.Command {
	return stagger.Command{
		ID: "c0", Verb: stagger.VerbStart, Actor: "ada", Reason: "faster totals",
		Start: &stagger.Start{Service: "shop", Candidate: "v2", Plan: p},
	}
}

func create(t interface{ Fatal(...any) }, p stagger.Plan) engine.Step {
	step, err := engine.Create("r1", "v1", start(p), began)
	if err != nil {
		t.Fatal(err)
	}
	return step
}

// drawPlan draws any plan that Create accepts.
func drawPlan(t *rapid.T) stagger.Plan {
	p := twoStages()
	p.Seed = rapid.SampledFrom([]string{"", "seed"}).Draw(t, "seed")
	p.Stages = nil
	var weight stagger.Weight
	for i := range rapid.IntRange(1, 4).Draw(t, "stages") {
		weight = stagger.Weight(rapid.Uint32Range(uint32(weight), uint32(stagger.WeightFull)).Draw(t, "weight"))
		s := stagger.Stage{
			Name: fmt.Sprintf("s%d", i), Weight: weight, MinSamples: rapid.SampledFrom([]uint64{0, 100}).Draw(t, "samples"),
			MinTime:   rapid.SampledFrom([]time.Duration{0, time.Minute}).Draw(t, "min time"),
			Timebox:   rapid.SampledFrom([]time.Duration{0, 5 * time.Minute}).Draw(t, "timebox"),
			AtTimebox: rapid.SampledFrom([]stagger.TimeboxEnd{"", stagger.TimeboxHold, stagger.TimeboxAdvance, stagger.TimeboxRollback}).Draw(t, "at timebox"),
		}
		if rapid.Bool().Draw(t, "rule") {
			s.Rules = []stagger.Rule{{Header: "X-Group", Equals: s.Name}}
		}
		p.Stages = append(p.Stages, s)
	}
	p.Bake.Time = rapid.SampledFrom([]time.Duration{0, 5 * time.Minute}).Draw(t, "bake")
	return p
}

func drawInput(t *rapid.T, at time.Time) engine.Input {
	in := engine.Input{
		At: at,
		Verdict: stagger.Verdict{
			At:       at,
			Outcome:  rapid.SampledFrom([]stagger.Outcome{stagger.OutcomeHealthy, stagger.OutcomeHealthy, stagger.OutcomeInconclusive, stagger.OutcomeRegressed, stagger.OutcomeBlind, ""}).Draw(t, "outcome"),
			Advice:   rapid.SampledFrom([]stagger.Advice{stagger.AdviseNothing, stagger.AdviseNothing, stagger.AdviseNothing, stagger.AdviseAlert, stagger.AdviseHold, stagger.AdviseShed, stagger.AdviseRollback, ""}).Draw(t, "advice"),
			Sentence: "so it is",
		},
		Ready:         engine.Ready{Baseline: !rare(t, "baseline down"), Candidate: !rare(t, "candidate down")},
		ObservedShare: rapid.SampledFrom([]float64{-1, 0, 0.5, 1}).Draw(t, "share"),
		Tripped:       rapid.SampledFrom([]string{"", "", "", "5 failures in a row"}).Draw(t, "tripped"),
	}
	n := rapid.SampledFrom([]uint64{0, 1000}).Draw(t, "judged")
	in.Verdict.Baseline.Stage, in.Verdict.Candidate.Stage = n, n
	if rapid.IntRange(0, 2).Draw(t, "command") == 0 {
		in.Command = drawCommand(t)
	}
	if rapid.IntRange(0, 30).Draw(t, "supersede") == 0 {
		in.SupersededBy = "r2"
	}
	return in
}

func rare(t *rapid.T, what string) bool { return rapid.IntRange(0, 5).Draw(t, what) == 0 }

func drawCommand(t *rapid.T) *stagger.Command {
	c := &stagger.Command{ID: "c1", Actor: "ada", Reason: "why not", All: rare(t, "all")}
	c.Verb = rapid.SampledFrom([]stagger.Verb{
		stagger.VerbPause, stagger.VerbResume, stagger.VerbPromote, stagger.VerbPromote, stagger.VerbWeight,
		stagger.VerbWeight, stagger.VerbRollback, stagger.VerbAbort, stagger.VerbStart, stagger.VerbReview, stagger.VerbReview, "dance",
	}).Draw(t, "verb")
	if c.Verb == stagger.VerbReview {
		c.Judgement = rapid.SampledFrom([]stagger.Judgement{stagger.JudgementFalseAlarm, stagger.JudgementTrueAlarm, stagger.JudgementMissed, "", "perhaps"}).Draw(t, "judgement")
	}
	if c.Verb == stagger.VerbWeight && !rare(t, "no weight") {
		w := stagger.Weight(rapid.Uint32Range(0, uint32(stagger.WeightFull)+1).Draw(t, "weight"))
		c.Weight = &w
	}
	return c
}

// TestNext holds what must be true of every step of every rollout.
func TestNext(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		step := create(t, drawPlan(t))
		r, history, now := step.Rollout, step.Events, began
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now = now.Add(rapid.SampledFrom([]time.Duration{0, time.Second, time.Minute, 10 * time.Minute, -time.Hour}).Draw(t, "passed"))
			in := drawInput(t, now)
			next, err := engine.Next(r, in)
			if err != nil {
				checkRefusal(t, r, next, in, err)
				continue
			}
			checkStep(t, r, next, in)
			r, history = next.Rollout, append(history, next.Events...)
		}
		checkReplay(t, r, history)
	})
}

func checkRefusal(t *rapid.T, r stagger.Rollout, next engine.Step, in engine.Input, err error) {
	if code := stagger.CodeOf(err); code != stagger.CodeConflict && code != stagger.CodeInvalid {
		t.Fatalf("refused with %s: %v", code, err)
	}
	if len(next.Events) > 0 || !cmp.Equal(next.Rollout, r) {
		t.Fatalf("refused %s, and changed the rollout", in.Command.Verb)
	}
	in.Command = nil
	if _, err := engine.Next(r, in); err != nil {
		t.Fatalf("failed without a command: %v", err)
	}
}

func checkStep(t *rapid.T, before stagger.Rollout, next engine.Step, in engine.Input) {
	after := next.Rollout
	folded := before
	for _, e := range next.Events {
		var err error
		if folded, err = engine.Apply(folded, e); err != nil {
			t.Fatal(err)
		}
		if e.At.Before(before.UpdatedAt) {
			t.Fatalf("%s is recorded before the event it follows", e.Kind)
		}
	}
	if diff := cmp.Diff(folded, after); diff != "" {
		t.Fatalf("the events do not add up to the rollout (-folded +returned):\n%s", diff)
	}
	if diff := cmp.Diff(engine.Split(after), next.Split); diff != "" {
		t.Fatalf("the split is not a function of the state:\n%s", diff)
	}
	if in.Command != nil && carried(next.Events, in.Command.ID) != 1 {
		t.Fatalf("%s was carried out by %d events", in.Command.Verb, carried(next.Events, in.Command.ID))
	}
	for _, rule := range laws {
		if !rule.holds(before, next, in) {
			t.Fatalf("broken: %s\nbefore %+v\nafter %+v\ninput %+v", rule.name, before, after, in)
		}
	}
}

func carried(events []stagger.Event, command string) (n int) {
	for _, e := range events {
		if e.Command == command {
			n++
		}
	}
	return n
}

// laws hold in every step.
var laws = []struct {
	name  string
	holds func(before stagger.Rollout, next engine.Step, in engine.Input) bool
}{
	{"what is over stays over", func(before stagger.Rollout, next engine.Step, _ engine.Input) bool {
		return !before.Phase.Final() || before.Phase == next.Rollout.Phase && before.Weight == next.Rollout.Weight
	}},
	{"a review changes nothing but the review", func(before stagger.Rollout, next engine.Step, _ engine.Input) bool {
		after := next.Rollout
		if !slices.ContainsFunc(next.Events, func(e stagger.Event) bool { return e.Kind == stagger.EventReviewed }) {
			return cmp.Equal(before.Review, after.Review)
		}
		converged := len(next.Events) == 2 // the traffic may be seen to follow at the same moment
		after.Review, after.UpdatedAt, after.Events = before.Review, before.UpdatedAt, before.Events
		if converged {
			after.Converged, after.Exposure = before.Converged, before.Exposure
		}
		return before.Phase.Final() && next.Rollout.Review != nil && cmp.Equal(before, after)
	}},
	{"rollback advice leaves nobody on the candidate while the baseline lives", func(before stagger.Rollout, next engine.Step, in engine.Input) bool {
		return before.Phase.Final() || in.Verdict.Advice != stagger.AdviseRollback || !in.Ready.Baseline || !next.Split.Exposes() && next.Rollout.Phase.Final()
	}},
	{"nobody but a person sends traffic to a dead baseline", func(before stagger.Rollout, next engine.Step, in engine.Input) bool {
		return in.Command != nil || in.SupersededBy != "" || in.Ready.Baseline || before.Phase.Final() || next.Rollout.Weight >= before.Weight
	}},
	{"no stage is skipped without a command", func(before stagger.Rollout, next engine.Step, in engine.Input) bool {
		return in.Command != nil || next.Rollout.Stage-before.Stage <= 1
	}},
	{"no stage is gone back to", func(before stagger.Rollout, next engine.Step, _ engine.Input) bool {
		return next.Rollout.Stage >= before.Stage
	}},
	{"nothing advances by itself without a healthy verdict", func(before stagger.Rollout, next engine.Step, in engine.Input) bool {
		return in.Command != nil || before.Stage < 0 || next.Rollout.Stage == before.Stage || in.Verdict.Outcome == stagger.OutcomeHealthy
	}},
	{"nothing advances or is promoted while blind, suspect, paused or by hand", func(before stagger.Rollout, next engine.Step, in engine.Input) bool {
		moved := next.Rollout.Stage != before.Stage || next.Rollout.Phase == stagger.PhasePromoted && before.Phase != stagger.PhasePromoted
		stuck := in.Verdict.Outcome == stagger.OutcomeBlind || before.Phase == stagger.PhasePaused || before.Manual ||
			in.Verdict.Advice != stagger.AdviseNothing && in.Verdict.Advice != stagger.AdviseAlert && in.Verdict.Advice != ""
		return !moved || in.Command != nil || before.Stage < 0 || !stuck
	}},
	{"nothing is promoted by itself that nobody has met in the bake", func(before stagger.Rollout, next engine.Step, in engine.Input) bool {
		return in.Command != nil || before.Phase.Final() || next.Rollout.Phase != stagger.PhasePromoted || in.Verdict.Candidate.Stage > 0
	}},
	{"what is final exposes nobody to a candidate", func(_ stagger.Rollout, next engine.Step, _ engine.Input) bool {
		return !next.Rollout.Phase.Final() || !next.Split.Exposes()
	}},
	{"only those who are exposed more by a stage, a restored weight or a person", func(before stagger.Rollout, next engine.Step, _ engine.Input) bool {
		return !next.Split.Exceeds(engine.Split(before)) || slices.ContainsFunc(next.Events, raises)
	}},
	{"a hold and a phase go together", func(_ stagger.Rollout, next engine.Step, _ engine.Input) bool {
		r := next.Rollout
		return (r.Phase != stagger.PhaseWaiting || r.Hold != "") && (r.Phase != stagger.PhaseProgressing || r.Hold == "") && (!r.Phase.Final() || r.Hold == "")
	}},
	{"the same input again is no news, unless a stage has begun", func(before stagger.Rollout, next engine.Step, in engine.Input) bool {
		in.Command, in.SupersededBy = nil, ""
		again, err := engine.Next(next.Rollout, in)
		return err == nil && (next.Rollout.Stage != before.Stage || !slices.ContainsFunc(again.Events, news))
	}},
}

func raises(e stagger.Event) bool {
	switch e.Kind {
	case stagger.EventStageEntered, stagger.EventBaking, stagger.EventRestored, stagger.EventWeightSet, stagger.EventResumed:
		return true
	default:
		return false
	}
}

// news says whether e tells of something that one look should have told all of.
func news(e stagger.Event) bool {
	switch e.Kind {
	case stagger.EventBlinded, stagger.EventSighted, stagger.EventAlerted, stagger.EventCleared, stagger.EventShed,
		stagger.EventRestored, stagger.EventHeld, stagger.EventReleased, stagger.EventTimeboxEnded:
		return true
	default:
		return false
	}
}

// checkReplay sends the history through its written form, as the store does.
func checkReplay(t *rapid.T, r stagger.Rollout, history []stagger.Event) {
	for i, e := range history {
		if e.Seq != uint64(i)+1 {
			t.Fatalf("event %d has number %d", i+1, e.Seq)
		}
	}
	text, err := json.Marshal(history)
	if err != nil {
		t.Fatal(err)
	}
	var read []stagger.Event
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	replayed, err := engine.Replay(read)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, replayed); diff != "" {
		t.Fatalf("the history does not replay to the rollout (-rollout +replayed):\n%s", diff)
	}
}
