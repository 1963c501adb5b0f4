package engine_test

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/engine"
)

const statesFile = "../../docs/rollout-states.md"

// TestStates explores every state that a plan with one stage of each kind can
// reach, and holds the drawing in docs against what was found.
func TestStates(t *testing.T) {
	got := draw(explore(t))
	if *update {
		if err := os.WriteFile(statesFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(statesFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is not what the engine does; go test -update writes it (-file +engine)\n%s", statesFile, diff)
	}
}

// state is what tells one node of the graph from another.
type state struct {
	phase stagger.Phase
	hold  stagger.Hold
}

// way is one event between two states.
type way struct {
	from, to state
	kind     stagger.EventKind
}

// situation is all of a rollout that a decision can depend on, its times
// reduced to whether they are over.
type situation struct {
	state
	stage                                  int
	weight, byHand                         stagger.Weight
	manual, shed, blind, alerted, deadline bool
	stayed, patient, overdue, converged    bool
}

func situationOf(r stagger.Rollout) situation {
	s := situation{
		state: state{r.Phase, r.Hold}, stage: r.Stage, weight: r.Weight, byHand: r.ManualWeight, manual: r.Manual,
		shed: !r.Shed.IsZero(), blind: !r.Blind.IsZero(), alerted: !r.Alerted.IsZero(), deadline: !r.Deadline.IsZero(),
		stayed: r.UpdatedAt.Sub(r.StageAt) >= 10*time.Minute, converged: !r.Converged.IsZero(),
	}
	s.patient = s.shed && r.UpdatedAt.Sub(r.Shed) < r.Plan.Shed.Patience
	s.overdue = s.deadline && !r.UpdatedAt.Before(r.Deadline)
	return s
}

// explore walks every input from every situation.
func explore(t *testing.T) map[way]bool {
	t.Helper()
	plan := twoStages()
	plan.Stages[1].AtTimebox = stagger.TimeboxRollback
	first := create(t, plan).Rollout
	seen, ways := map[situation]bool{situationOf(first): true}, map[way]bool{}
	for queue := []stagger.Rollout{first}; len(queue) > 0; queue = queue[1:] {
		r := queue[0]
		for in := range inputs(r) {
			step, err := engine.Next(r, in)
			if err != nil {
				continue // a refused command leads nowhere
			}
			from := state{r.Phase, r.Hold}
			for _, e := range step.Events {
				ways[way{from, state{e.Phase, e.Hold}, e.Kind}] = true
				from = state{e.Phase, e.Hold}
			}
			if s := situationOf(step.Rollout); !seen[s] {
				seen[s] = true
				queue = append(queue, step.Rollout)
			}
		}
	}
	if len(seen) < 100 {
		t.Fatalf("only %d situations found", len(seen))
	}
	return ways
}

var verdicts = []stagger.Verdict{
	{Outcome: stagger.OutcomeHealthy, Advice: stagger.AdviseNothing},
	{Outcome: stagger.OutcomeHealthy, Advice: stagger.AdviseAlert},
	{Outcome: stagger.OutcomeInconclusive, Advice: stagger.AdviseNothing},
	{Outcome: stagger.OutcomeInconclusive, Advice: stagger.AdviseHold},
	{Outcome: stagger.OutcomeInconclusive, Advice: stagger.AdviseShed},
	{Outcome: stagger.OutcomeRegressed, Advice: stagger.AdviseRollback},
	{Outcome: stagger.OutcomeBlind, Advice: stagger.AdviseNothing},
}

// asks returns every command worth trying, nil for none.
func asks() []*stagger.Command {
	few, half := 5*stagger.WeightPercent, 50*stagger.WeightPercent
	return []*stagger.Command{
		nil,
		{Verb: stagger.VerbPause, Actor: "ada"},
		{Verb: stagger.VerbResume, Actor: "ada"},
		{Verb: stagger.VerbPromote, Actor: "ada"},
		{Verb: stagger.VerbPromote, Actor: "ada", All: true},
		{Verb: stagger.VerbRollback, Actor: "ada"},
		{Verb: stagger.VerbAbort, Actor: "ada"},
		{Verb: stagger.VerbWeight, Actor: "ada", Weight: new(stagger.Weight)},
		{Verb: stagger.VerbWeight, Actor: "ada", Weight: &few},
		{Verb: stagger.VerbWeight, Actor: "ada", Weight: &half},
		{Verb: stagger.VerbReview, Actor: "ada", Judgement: stagger.JudgementFalseAlarm},
	}
}

// inputs yields everything that can be told to r: at once and much later.
func inputs(r stagger.Rollout) func(func(engine.Input) bool) {
	return func(yield func(engine.Input) bool) {
		for _, in := range evidence(r) {
			for _, c := range asks() {
				in.Command = c
				if !yield(in) {
					return
				}
			}
			in.Command, in.SupersededBy = nil, "r2"
			if !yield(in) {
				return
			}
		}
	}
}

func evidence(r stagger.Rollout) (all []engine.Input) {
	for _, passed := range []time.Duration{0, 3 * time.Hour} {
		for _, v := range verdicts {
			v.Baseline.Stage, v.Candidate.Stage = 1000, 1000
			tripped := engine.Input{At: r.UpdatedAt.Add(passed), Verdict: v, ObservedShare: -1, Ready: engine.Ready{Baseline: true, Candidate: true}, Tripped: "5 failures"}
			all = append(all, tripped)
			for i := range 4 {
				share := float64(i%2) - float64(i/2) // -1, 0, 0, 1 over the four
				all = append(all, engine.Input{
					At: r.UpdatedAt.Add(passed), Verdict: v, ObservedShare: share,
					Ready: engine.Ready{Baseline: i%2 == 0, Candidate: i/2 == 0},
				})
			}
		}
	}
	return all
}

// draw writes what was explored as the document.
func draw(ways map[way]bool) string {
	var b strings.Builder
	b.WriteString(`# The states of a rollout

<!-- Generated from internal/engine: go test ./internal/engine -run States -update -->

A rollout is in one *phase*, and may be kept there by a *hold*. Every change is
an *event*; the table below lists every event that can happen in every phase.
Both were found by trying every kind of input in every state the engine can
reach, and a test fails when they no longer agree with the engine.

`)
	b.WriteString("```mermaid\nstateDiagram-v2\n    [*] --> pending: created\n")
	writeDiagram(&b, ways)
	b.WriteString("```\n\n## Every event\n\nA hold stands in brackets.\n\n| in phase | event | leads to |\n|---|---|---|\n")
	writeTable(&b, ways)
	b.WriteString(rulesText)
	return b.String()
}

var order = []stagger.Phase{
	stagger.PhasePending, stagger.PhaseProgressing, stagger.PhaseWaiting, stagger.PhasePaused, stagger.PhaseBaking,
	stagger.PhasePromoted, stagger.PhaseRolledBack, stagger.PhaseAborted, stagger.PhaseSuperseded,
}

func byPhase(a, b stagger.Phase) int {
	return cmp.Compare(slices.Index(order, a), slices.Index(order, b))
}

// writeDiagram draws the phases, with one arrow for all events between two.
func writeDiagram(b *strings.Builder, ways map[way]bool) {
	type arrow struct{ from, to stagger.Phase }
	arrows := map[arrow]map[stagger.EventKind]bool{}
	for w := range ways {
		a := arrow{w.from.phase, w.to.phase}
		if a.from == a.to {
			continue
		}
		if arrows[a] == nil {
			arrows[a] = map[stagger.EventKind]bool{}
		}
		arrows[a][w.kind] = true
	}
	sorted := slices.SortedFunc(maps.Keys(arrows), func(x, y arrow) int {
		return cmp.Or(byPhase(x.from, y.from), byPhase(x.to, y.to))
	})
	for _, a := range sorted {
		fmt.Fprintf(b, "    %s --> %s: %s\n", a.from, a.to, join(arrows[a]))
	}
	for _, p := range order {
		if p.Final() {
			fmt.Fprintf(b, "    %s --> [*]\n", p)
		}
	}
}

// writeTable lists where each event leads from each phase.
func writeTable(b *strings.Builder, ways map[way]bool) {
	type row struct {
		from stagger.Phase
		kind stagger.EventKind
	}
	rows := map[row]map[string]bool{}
	for w := range ways {
		r := row{w.from.phase, w.kind}
		if rows[r] == nil {
			rows[r] = map[string]bool{}
		}
		to := string(w.to.phase)
		if w.to.hold != "" {
			to += " [" + string(w.to.hold) + "]"
		}
		rows[r][to] = true
	}
	sorted := slices.SortedFunc(maps.Keys(rows), func(x, y row) int {
		return cmp.Or(byPhase(x.from, y.from), strings.Compare(string(x.kind), string(y.kind)))
	})
	for _, r := range sorted {
		fmt.Fprintf(b, "| %s | %s | %s |\n", r.from, r.kind, join(rows[r]))
	}
}

func join[S ~string](set map[S]bool) string {
	var words []string
	for _, w := range slices.Sorted(maps.Keys(set)) {
		words = append(words, string(w))
	}
	return strings.Join(words, ", ")
}

const rulesText = `
## What decides

- **One stage at a time.** A stage is left by itself when its least time is
  over, both versions have enough requests, the verdict is healthy, both are
  ready and nothing holds it. The rules of earlier stages stay in force.
- **Every phase judges.** Proof rolls back out of pending, waiting, paused and
  baking alike, at the next look.
- **The gravest hold is shown**: shed, unready, blind, suspect, paused,
  timebox. A lesser one that still stands comes back when the graver ends.
- **A shed** cuts weight and rules to the probe. It is restored when nothing is
  held against the candidate any more, never unseen, and rolled back when the
  patience is over. Time shed does not count as bake.
- **Blind** promotes nothing and proves nothing. Least time and timebox go on;
  the bake does not.
- **The bake** ends when its time is over, as many requests were judged in it as
  the last stage needs, and nothing speaks against it.
- **A dead baseline** is no place to send traffic to: neither shed nor rollback
  happens by itself until it has a healthy endpoint. An alert tells once. A
  person's rollback or abort is carried out all the same.
- **A timebox** that ends in "hold" waits for a person; "advance" goes on as
  soon as it is healthy; "rollback" gives up. It does not act while paused, and
  resuming gives it anew.
- **A weight set by hand** stays until promoted or resumed; 0 means nobody,
  rules included. In the bake it stops the clock, and resuming begins the bake
  anew. A shed undercuts it; a person may set more than the probe even then.
- **Promoting by hand** is refused while the evidence speaks against it or the
  candidate is not ready. It keeps a pause. In the bake it ends the bake.
- **The clock**: one that goes back is taken to stand still.
- **A review** is what a person makes of a rollout that is over: a false alarm, a
  true one, or a harm that was missed. It changes nothing else, and the newest
  stands.
- **Converged** is recorded once after the end, when the observed share of
  requests is what was wanted: measured, not assumed.
`
