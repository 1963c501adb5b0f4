package sim_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/controller"
	"github.com/stagger-dev/stagger/internal/demo"
	"github.com/stagger-dev/stagger/internal/sim"
)

// versions makes the behaviour of the simulated versions that of the demo's
// backends.
func versions(d demo.Behaviour) sim.Behaviour {
	b := sim.Healthy()
	b.Errors += d.Errors
	b.Tail, b.TailBy = d.Tail, d.TailBy
	if d.Slow > 0 {
		b.Median = time.Duration(d.Slow * float64(b.Median))
	}
	return b
}

// story is one playing of a scenario.
type story struct {
	demo.Scenario
	world    *sim.World
	began    time.Time // the trouble
	detected time.Time // the first event that tells of it
	ended    time.Time
}

const (
	storyRate   = demo.DefaultRate
	storyWarmUp = 3 * time.Second
	storyLimit  = 5 * time.Minute
)

// tell plays s with one seed to its end.
func tell(t *testing.T, s demo.Scenario, seed uint64) *story {
	t.Helper()
	w := sim.NewWorld(seed, storyRate, controller.StatisticalJudge)
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Traffic.RuleShare = demo.StaffShare
	w.Run(t.Context(), storyWarmUp)
	y := &story{Scenario: s, world: w}
	w.Traffic.Down = func() bool { return s.Outage && y.troubled() }
	w.Deploy("v2", demo.Plan(seed))
	for range storyLimit / sim.Tick {
		y.behave()
		w.Step(t.Context())
		y.notice()
		if r := w.Last(); r.Phase.Final() {
			y.ended = w.Clock.Now()
			break
		}
	}
	for _, broken := range w.Broken() {
		t.Errorf("%s, seed %d: %s", s.Name, seed, broken)
	}
	return y
}

// troubled says whether the trouble is on.
func (y *story) troubled() bool {
	now := y.world.Clock.Now()
	return !y.began.IsZero() && !now.Before(y.began) && (y.For == 0 || now.Sub(y.began) < y.For)
}

// behave makes the versions behave as the scenario has it now.
func (y *story) behave() {
	if r := y.world.Last(); y.began.IsZero() && r.ID != "" && r.Stage >= max(y.From, 0) {
		y.began = r.StageAt.Add(y.After)
	}
	candidate, baseline := sim.Healthy(), sim.Healthy()
	if y.troubled() || y.From == demo.FromStart {
		candidate, baseline = versions(y.Candidate), versions(y.Baseline)
	}
	y.world.Traffic.Versions["v2"], y.world.Traffic.Versions["v1"] = &candidate, &baseline
}

// notice remembers the first event that tells of the trouble.
func (y *story) notice() {
	if !y.detected.IsZero() || !y.troubled() {
		return
	}
	telling := func(e stagger.Event) bool {
		tells := e.Kind == stagger.EventShed || e.Kind == stagger.EventRolledBack || e.Kind == stagger.EventBlinded ||
			e.Kind == stagger.EventHeld && e.Hold == stagger.HoldSuspect
		return tells && !e.At.Before(y.began)
	}
	history := y.world.Journal.History(y.world.Last().ID)
	if i := slices.IndexFunc(history, telling); i >= 0 {
		y.detected = history[i].At
	}
}

// TestScenarios plays each story of the demo with many seeds. A candidate that
// is not to blame may be rolled back in one of a hundred; none that is may be
// promoted. SIM_RUNS sets how many seeds.
func TestScenarios(t *testing.T) {
	first, count := seeds(t, 6)
	for _, s := range demo.Scenarios() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			ends := map[stagger.Phase]int{}
			var took, seen []time.Duration
			for seed := first; seed < first+count; seed++ {
				y := tell(t, s, seed)
				r := y.world.Last()
				ends[r.Phase]++
				took = append(took, r.EndedAt.Sub(r.CreatedAt))
				if !y.detected.IsZero() {
					seen = append(seen, y.detected.Sub(y.began))
				}
				if r.Phase != s.Want {
					t.Logf("seed %d ends %s: %s", seed, r.Phase, r.Reason)
				}
			}
			t.Logf("%s: %v; median %s in all, seen %d times, median after %s", s.Name, ends, median(took), len(seen), median(seen))
			if wrong := int(count) - ends[s.Want]; wrong > allowed(s, int(count)) {
				t.Errorf("%d of %d end otherwise than %s", wrong, count, s.Want)
			}
		})
	}
}

// allowed is how many of n stories may end otherwise: by the level that the
// plan's guardrails have, one in a hundred false rollbacks, and no miss.
func allowed(s demo.Scenario, n int) int {
	if s.Want == stagger.PhaseRolledBack {
		return 0
	}
	return (n + 99) / 100
}

func median(d []time.Duration) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[len(d)/2]
}
