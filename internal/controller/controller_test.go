package controller_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/controller"
	"github.com/stagger-dev/stagger/internal/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// plan is two stages of seconds and a short bake.
func plan() stagger.Plan {
	return stagger.Plan{
		Key: stagger.Key{Header: "X-User"},
		Stages: []stagger.Stage{
			{Name: "staff", Rules: []stagger.Rule{{Header: "X-Group", Equals: "staff"}}, MinTime: 2 * time.Second},
			{Name: "tenth", Weight: 10 * stagger.WeightPercent, MinTime: 2 * time.Second},
		},
		Bake:  stagger.Bake{Time: 4 * time.Second},
		Shed:  stagger.Shed{Probe: stagger.WeightPercent, Patience: 10 * time.Second},
		Blind: stagger.Blind{After: 2 * time.Second},
	}
}

// world returns a world whose controller has run for a while.
func world(t *testing.T) *sim.World {
	t.Helper()
	w := sim.NewWorld(1, 800, sim.NewRuleJudge)
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Run(t.Context(), 2*time.Second)
	t.Cleanup(func() {
		for _, broken := range w.Broken() {
			t.Error(broken)
		}
		if err := w.Journal.CheckReplay(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func kinds(events []stagger.Event) (out []stagger.EventKind) {
	for _, e := range events {
		out = append(out, e.Kind)
	}
	return out
}

// refused returns why a command was refused; it fails the test if it was not.
func refused(t *testing.T, w *sim.World, command string) *stagger.Error {
	t.Helper()
	answer := w.Journal.Answer(command)
	if answer == nil || answer.Error == nil {
		t.Fatalf("%s was not refused: %+v", command, answer)
	}
	return answer.Error
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	if _, err := controller.New(controller.Config{}); err == nil {
		t.Error("a controller of nothing was made")
	}
}

// looping returns a controller with a loop of its own, on simulated parts.
func looping(t *testing.T, driver controller.Driver, services ...string) (*controller.Controller, *sim.Journal) {
	t.Helper()
	journal := sim.NewJournal()
	var all []stagger.Service
	baselines := map[string]string{}
	for _, name := range services {
		all = append(all, stagger.Service{Name: name, Baseline: "v1", Versions: []stagger.Version{{Name: "v1"}, {Name: "v2"}}})
		baselines[name] = "v1"
	}
	plane := sim.NewPlane(baselines)
	if driver == nil {
		driver = plane
	}
	c, err := controller.New(controller.Config{
		Services: func() []stagger.Service { return all }, Driver: driver, Source: silence{}, Journal: journal,
		Ready: plane, NewJudge: sim.NewRuleJudge,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, journal
}

// silence is a source that has nothing to tell.
type silence struct{}

func (silence) Ticks(context.Context, string, time.Time) ([]stagger.Tick, error) { return nil, nil }

func TestStartAndStopMayBeRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := looping(t, nil, "shop")
		if err := c.Stop(t.Context()); err != nil {
			t.Errorf("stop before start: %v", err)
		}
		for range 2 {
			for range 2 {
				if err := c.Start(t.Context()); err != nil {
					t.Errorf("start: %v", err)
				}
			}
			time.Sleep(time.Second)
			for range 2 {
				if err := c.Stop(t.Context()); err != nil {
					t.Errorf("stop: %v", err)
				}
			}
		}
	})
}

func TestLoopEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := looping(t, nil, "shop")
		ctx, cancel := context.WithCancel(t.Context())
		if err := c.Start(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		synctest.Wait() // the bubble fails the test if the loop goes on
		if err := c.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestStartFailsWithoutTheJournal(t *testing.T) {
	c, journal := looping(t, nil, "shop")
	journal.Down = func() bool { return true }
	if err := c.Start(t.Context()); err == nil {
		t.Error("started without knowing what runs")
	}
}

func TestWakeLooksAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, journal := looping(t, nil, "shop")
		if err := c.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer c.Stop(t.Context()) //nolint:errcheck // the test is over
		synctest.Wait()
		journal.Submit(sim.Command("c1", stagger.VerbPause, "nothing", time.Now()))
		c.Wake()
		synctest.Wait()
		if journal.Answer("c1") == nil {
			t.Error("the command waits for the next tick")
		}
	})
}

// hanging is a data plane that does not answer for one service.
type hanging struct {
	*sim.Plane
	service string
}

func (h hanging) Apply(ctx context.Context, s stagger.Split) error {
	if s.Service == h.service {
		<-ctx.Done()
		return ctx.Err()
	}
	return h.Plane.Apply(ctx, s)
}

func TestOneDataPlaneThatHangsDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plane := sim.NewPlane(map[string]string{"basket": "v1", "shop": "v1"})
		c, journal := looping(t, hanging{plane, "basket"}, "basket", "shop")
		if err := c.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer c.Stop(t.Context()) //nolint:errcheck // the test is over
		time.Sleep(time.Second)
		journal.Submit(stagger.Command{
			ID: "c1", Verb: stagger.VerbStart, Actor: "ada",
			Start: &stagger.Start{Service: "shop", Candidate: "v2", Plan: plan()},
		})
		time.Sleep(time.Second)
		synctest.Wait()
		if !plane.Split("shop").Exposes() {
			t.Error("shop waits for the data plane of basket")
		}
	})
}

func TestFailuresAreCounted(t *testing.T) {
	w := world(t)
	w.Plane.Fault = func() sim.Fault { return sim.Refuses }
	w.Traffic.Down = func() bool { return true }
	w.Journal.Down = func() bool { return true }
	w.Run(t.Context(), 5*time.Second)
	f := w.Controller.Failures()
	if f.Driver == 0 || f.Source == 0 || f.Journal == 0 {
		t.Errorf("failures %+v; every part has failed", f)
	}
}

var errNoJudge = errors.New("no judge today")

func TestWithoutAJudgeNothingIsPromoted(t *testing.T) {
	w := sim.NewWorld(1, 800, func(controller.Case, []byte) (controller.Judge, error) { return nil, errNoJudge })
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Deploy("v2", plan())
	w.Run(t.Context(), 30*time.Second)
	if r := w.Last(); r.Hold != stagger.HoldBlind || r.Stage != 0 {
		t.Errorf("the rollout is %s at stage %d, held by %q; without a judge it is blind", r.Phase, r.Stage, r.Hold)
	}
}
