package sim_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/controller"
	"github.com/stagger-dev/stagger/internal/sim"
)

// scenario is one kind of rollout and how it must end.
type scenario struct {
	name string
	want stagger.Phase
	// from is the stage whose start lets the trouble begin, -1 the rollout's;
	// after how much later; and lasts how long, 0 to the end.
	from         int
	after, lasts time.Duration
	candidate    sim.Behaviour
	baseline     sim.Behaviour
	outage       bool
}

// ill returns a healthy version with one thing changed.
func ill(change func(*sim.Behaviour)) sim.Behaviour {
	b := sim.Healthy()
	change(&b)
	return b
}

var scenarios = []scenario{
	{name: "healthy", want: stagger.PhasePromoted, from: -1, candidate: sim.Healthy(), baseline: sim.Healthy()},
	{
		name: "errors", want: stagger.PhaseRolledBack, from: -1, baseline: sim.Healthy(),
		candidate: ill(func(b *sim.Behaviour) { b.Errors = 0.3 }),
	},
	{
		name: "latency", want: stagger.PhaseRolledBack, from: -1, baseline: sim.Healthy(),
		candidate: ill(func(b *sim.Behaviour) { b.Median = b.Median * 8 / 5 }),
	},
	{
		name: "tail", want: stagger.PhaseRolledBack, from: -1, baseline: sim.Healthy(),
		candidate: ill(func(b *sim.Behaviour) { b.Tail, b.TailBy = 0.04, 6 }),
	},
	{
		name: "blip", want: stagger.PhasePromoted, from: 1, after: 2 * time.Second, lasts: 4 * time.Second,
		candidate: ill(func(b *sim.Behaviour) { b.Errors = 0.5 }), baseline: ill(func(b *sim.Behaviour) { b.Errors = 0.5 }),
	},
	{
		name: "late", want: stagger.PhaseRolledBack, from: 2, after: time.Second, baseline: sim.Healthy(),
		candidate: ill(func(b *sim.Behaviour) { b.Errors = 0.1 }),
	},
	{
		name: "telemetry-outage", want: stagger.PhasePromoted, from: 1, after: time.Second, lasts: 8 * time.Second,
		candidate: sim.Healthy(), baseline: sim.Healthy(), outage: true,
	},
}

// story is one playing of a scenario.
type story struct {
	scenario
	world    *sim.World
	began    time.Time // the trouble
	detected time.Time // the first event that tells of it
	ended    time.Time
}

const (
	storyRate   = 800 // requests per second
	storyWarmUp = 10 * time.Second
	storyLimit  = 5 * time.Minute
)

// tell plays s with one seed to its end.
func tell(t *testing.T, s scenario, seed uint64) *story {
	t.Helper()
	w := sim.NewWorld(seed, storyRate, controller.StatisticalJudge)
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Run(t.Context(), storyWarmUp)
	y := &story{scenario: s, world: w}
	w.Traffic.Down = func() bool { return s.outage && y.troubled() }
	w.Deploy("v2", plan())
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
		t.Errorf("%s, seed %d: %s", s.name, seed, broken)
	}
	return y
}

// troubled says whether the trouble is on.
func (y *story) troubled() bool {
	now := y.world.Clock.Now()
	return !y.began.IsZero() && !now.Before(y.began) && (y.lasts == 0 || now.Sub(y.began) < y.lasts)
}

// behave makes the versions behave as the scenario has it now.
func (y *story) behave() {
	if r := y.world.Last(); y.began.IsZero() && r.ID != "" && r.Stage >= max(y.from, 0) {
		y.began = r.StageAt.Add(y.after)
	}
	candidate, baseline := sim.Healthy(), sim.Healthy()
	if y.troubled() || y.from < 0 {
		candidate, baseline = y.candidate, y.baseline
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
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
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
				if r.Phase != s.want {
					t.Logf("seed %d ends %s: %s", seed, r.Phase, r.Reason)
				}
			}
			t.Logf("%s: %v; median %s in all, seen %d times, median after %s", s.name, ends, median(took), len(seen), median(seen))
			if wrong := int(count) - ends[s.want]; wrong > allowed(s, int(count)) {
				t.Errorf("%d of %d end otherwise than %s", wrong, count, s.want)
			}
		})
	}
}

// allowed is how many of n stories may end otherwise: by the level that the
// plan's guardrails have, one in a hundred false rollbacks, and no miss.
func allowed(s scenario, n int) int {
	if s.want == stagger.PhaseRolledBack {
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
