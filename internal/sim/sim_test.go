package sim_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/controller"
	"github.com/stagger-dev/stagger/internal/sim"
)

// plan is one of seconds: staff, a tenth, a half, everybody.
func plan() stagger.Plan {
	stage := func(name string, w stagger.Weight, rules ...stagger.Rule) stagger.Stage {
		return stagger.Stage{
			Name: name, Weight: w, Rules: rules, MinTime: 4 * time.Second, Timebox: 40 * time.Second,
			AtTimebox: stagger.TimeboxAdvance, MinSamples: 50,
		}
	}
	stages := []stagger.Stage{
		stage("staff", 0, stagger.Rule{Header: "X-Group", Equals: "staff"}),
		stage("tenth", 10*stagger.WeightPercent),
		stage("half", 50*stagger.WeightPercent),
	}
	stages[1].Shadow = 5 * stagger.WeightPercent // which waits for the record as a weight does
	return stagger.Plan{
		Key:    stagger.Key{Header: "X-User"},
		Stages: stages,
		Shadow: &stagger.Shadow{Repeat: stagger.WeightFull},
		Guardrails: []stagger.Guardrail{
			{Signal: stagger.SignalErrors, Tolerance: 1.5, Floor: 0.0005, Healthy: 0.01, Alpha: 0.01, Action: stagger.ActionRollback},
			{Signal: stagger.SignalLatency, Tolerance: 0.05, Floor: 0.002, Healthy: 0.24, Alpha: 0.01, Action: stagger.ActionRollback},
		},
		Bake:  stagger.Bake{Time: 6 * time.Second},
		Shed:  stagger.Shed{Probe: stagger.WeightPercent, Patience: 20 * time.Second},
		Blind: stagger.Blind{After: 3 * time.Second},
	}
}

func seeds(t *testing.T, usual int) (first, count uint64) {
	t.Helper()
	if text := os.Getenv("SIM_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("SIM_SEED: %v", err)
		}
		return seed, 1
	}
	if text := os.Getenv("SIM_RUNS"); text != "" {
		runs, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			t.Fatalf("SIM_RUNS: %v", err)
		}
		return 1, runs
	}
	return 1, uint64(usual)
}

// TestFaults runs whole lives of a service in which everything fails at some
// time, and holds the laws at every step. SIM_SEED=n plays one again, SIM_RUNS
// sets how many there are.
func TestFaults(t *testing.T) {
	first, count := seeds(t, 120)
	all := tally{}
	for seed := first; seed < first+count; seed++ {
		l := newLife(seed)
		l.live(t.Context())
		all.add(l)
		if broken := l.world.Broken(); len(broken) > 0 {
			t.Fatalf("seed %d breaks %d laws, the first: %s\nSIM_SEED=%d go test ./internal/sim -run Faults", seed, len(broken), broken[0], seed)
		}
		if err := l.world.Journal.CheckReplay(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	t.Logf("%d lives: %v", count, all)
	if count >= 100 {
		all.varied(t)
	}
}

// life is one run: what goes wrong when.
type life struct {
	world *sim.World
	// How likely each part is to fail in a step, for the current spell.
	journal, plane, source, lost float64
	down                         int // steps until the controller lives again
	deployed                     int
	reviews                      *rand.Rand
}

func newLife(seed uint64) *life {
	judge := sim.NewRuleJudge // decides fast, so that much happens
	if seed%5 == 0 {
		judge = controller.StatisticalJudge
	}
	l := &life{world: sim.NewWorld(seed, 200, judge), reviews: rand.New(rand.NewPCG(seed, 11))}
	w := l.world
	w.Journal.Fault = func() sim.Fault { return l.fault(l.journal) }
	w.Journal.Down = func() bool { return l.strikes(l.journal) }
	w.Plane.Fault = func() sim.Fault { return l.fault(l.plane) }
	w.Traffic.Down = func() bool { return l.strikes(l.source) }
	w.Traffic.Lost = func() bool { return l.strikes(l.lost) }
	return l
}

func (l *life) strikes(p float64) bool { return p > 0 && l.world.Random.Float64() < p }

func (l *life) fault(p float64) sim.Fault {
	switch {
	case !l.strikes(p):
		return sim.Works
	case l.strikes(0.5):
		return sim.Forgetful
	}
	return sim.Refuses
}

// live lets three minutes pass with everything that can happen, then heals
// everything and holds that all comes to an end.
func (l *life) live(ctx context.Context) {
	w := l.world
	l.start(ctx)
	w.Run(ctx, 2*time.Second)
	for range 3 * time.Minute / sim.Tick {
		l.happen()
		l.review()
		if w.Controller == nil {
			if l.down--; l.down <= 0 {
				l.start(ctx)
			}
		}
		w.Step(ctx)
		if len(w.Broken()) > 0 {
			return
		}
	}
	l.heal(ctx)
}

func (l *life) start(ctx context.Context) {
	if err := l.world.Start(ctx); err != nil {
		l.down = 4 // the journal is down: try again in a second
	}
}

// happen lets something happen, or not.
func (l *life) happen() {
	w := l.world
	switch n := w.Random.IntN(1000); {
	case n < 8:
		l.spell()
	case n < 16:
		l.journal, l.plane, l.source, l.lost = 0, 0, 0, 0
	case n < 20:
		l.crash()
	case n < 24:
		w.Clock.Advance(time.Duration(w.Random.IntN(20)-10) * time.Second)
	case n < 30:
		l.sicken()
	case n < 34:
		version := fmt.Sprintf("v%d", 1+w.Random.IntN(4))
		w.Plane.Dead[version] = !w.Plane.Dead[version]
	case n < 36:
		clear(w.Plane.Dead)
	case n < 46 || l.deployed == 0:
		l.deployed++
		w.Deploy(fmt.Sprintf("v%d", 1+w.Random.IntN(4)), plan())
	case n < 56:
		l.meddle()
	}
}

// spell begins a time in which one part fails, sometimes or always.
func (l *life) spell() {
	p := []float64{0.1, 0.5, 1}[l.world.Random.IntN(3)]
	switch l.world.Random.IntN(4) {
	case 0:
		l.journal = p
	case 1:
		l.plane = p
	case 2:
		l.source = p
	case 3:
		l.lost = p
	}
}

// crash ends the controller, and the proxy with it half of the time.
func (l *life) crash() {
	l.world.Controller = nil
	l.down = 1 + l.world.Random.IntN(40)
	if l.strikes(0.5) {
		l.world.Plane.Restart()
	}
}

// sicken changes how a version behaves.
func (l *life) sicken() {
	b := sim.Healthy()
	b.Errors = []float64{0.001, 0.001, 0.05, 0.5}[l.world.Random.IntN(4)]
	l.world.Traffic.Versions[fmt.Sprintf("v%d", 1+l.world.Random.IntN(4))] = &b
}

// meddle lets a person ask something.
func (l *life) meddle() {
	verbs := []stagger.Verb{
		stagger.VerbPause, stagger.VerbResume, stagger.VerbResume, stagger.VerbPromote, stagger.VerbWeight, stagger.VerbRollback, stagger.VerbAbort,
	}
	weight := stagger.Weight(l.world.Random.IntN(int(stagger.WeightFull) + 1))
	l.world.Ask(verbs[l.world.Random.IntN(len(verbs))], func(c *stagger.Command) {
		c.Weight, c.All = &weight, l.strikes(0.3)
	})
}

// review lets a person judge any rollout there was, over or not. It has a chance
// of its own, so that lives go as they went before there were reviews.
func (l *life) review() {
	all := l.world.Journal.Rollouts()
	if len(all) == 0 || l.reviews.IntN(100) > 0 {
		return
	}
	l.world.Ask(stagger.VerbReview, func(c *stagger.Command) {
		c.Rollout, c.Judgement = all[l.reviews.IntN(len(all))].ID, stagger.JudgementFalseAlarm
	})
}

// heal mends everything and rolls back what runs: then the record, the data
// plane and the answers must come to agree.
func (l *life) heal(ctx context.Context) {
	w := l.world
	l.journal, l.plane, l.source, l.lost = 0, 0, 0, 0
	clear(w.Plane.Dead)
	if w.Controller == nil {
		l.start(ctx)
	}
	w.Run(ctx, 15*time.Second) // the clock may have gone back by ten
	w.Ask(stagger.VerbRollback, nil)
	w.Run(ctx, 10*time.Second)
	w.Settled()
}

// tally is how lives ended, so that a test that tries nothing is noticed.
type tally map[string]int

func (t tally) add(l *life) {
	for _, r := range l.world.Journal.Rollouts() {
		t[string(r.Phase)]++
		for _, e := range l.world.Journal.History(r.ID) {
			t["event "+string(e.Kind)]++
		}
	}
}

func (t tally) varied(test *testing.T) {
	test.Helper()
	for _, kind := range []stagger.EventKind{
		stagger.EventShed, stagger.EventRestored, stagger.EventBlinded, stagger.EventSighted, stagger.EventPromoted,
		stagger.EventRolledBack, stagger.EventSuperseded, stagger.EventConverged, stagger.EventWeightSet, stagger.EventTimeboxEnded,
		stagger.EventReviewed,
	} {
		if t["event "+string(kind)] == 0 {
			test.Errorf("no life has seen %s", kind)
		}
	}
}
