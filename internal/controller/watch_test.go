package controller_test

import (
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/controller"
	"github.com/stagger-dev/stagger/internal/sim"
	"github.com/stagger-dev/stagger/internal/store"
)

// TestTrustedVersionIsWatched lets a version get worse that everybody meets,
// with no rollout under way, and then begins one.
func TestTrustedVersionIsWatched(t *testing.T) {
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "stagger.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	services := []stagger.Service{{Name: sim.Service, Baseline: "v1", Versions: []stagger.Version{{Name: "v1"}, {Name: "v2"}}}}
	clock, plane := sim.NewClock(), sim.NewPlane(map[string]string{sim.Service: "v1"})
	traffic := sim.NewTraffic(sim.Service, 200, rand.New(rand.NewPCG(1, 1)))
	c, err := controller.New(controller.Config{
		Services: func() []stagger.Service { return services },
		Driver:   plane, Source: traffic, Journal: s, Ready: plane, NewJudge: sim.NewRuleJudge, Now: clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	pass := func(d time.Duration) *stagger.Watch {
		for range d / sim.Tick {
			clock.Advance(sim.Tick)
			traffic.Pass(clock.Now(), sim.Tick, plane.Split(sim.Service))
			c.Step(t.Context())
		}
		status, err := s.Statuses(t.Context(), services)
		if err != nil {
			t.Fatal(err)
		}
		return status[0].Watch
	}
	if w := pass(time.Minute); w == nil || !w.Learning || w.Version != "v1" {
		t.Errorf("after a minute: %+v", w)
	}
	if w := pass(20 * time.Minute); w == nil || w.Learning || !w.Since.IsZero() || w.Level.Rate < 150 || w.Level.Rate > 250 || w.Level.P99 <= w.Level.P50 {
		t.Errorf("after twenty minutes: %+v", w)
	}
	traffic.Versions["v1"] = &sim.Behaviour{Errors: 0.1, Median: 12 * time.Millisecond}
	if w := pass(30 * time.Second); w == nil || w.Since.IsZero() || w.Signal != stagger.SignalErrors {
		t.Errorf("with failures: %+v", w)
	}
	start := sim.Command("c1", stagger.VerbStart, "", clock.Now())
	start.Start = &stagger.Start{Service: sim.Service, Candidate: "v2", Plan: plan()}
	if _, err := s.Submit(t.Context(), start); err != nil {
		t.Fatal(err)
	}
	if w := pass(2 * time.Second); w != nil {
		t.Errorf("during a rollout: %+v", w)
	}
}

// TestRestartedWatchKnowsWhatIsUsual restarts Stagger after the watch has
// learned, soon, late, and with another version.
func TestRestartedWatchKnowsWhatIsUsual(t *testing.T) {
	for name, c := range map[string]struct {
		away     time.Duration
		version  string
		learning bool
	}{
		"soon":                 {20 * time.Second, "v1", false},
		"too late":             {11 * time.Minute, "v1", true},
		"with another version": {20 * time.Second, "v2", true},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "stagger.db")
			clock := sim.NewClock()
			traffic := sim.NewTraffic(sim.Service, 200, rand.New(rand.NewPCG(1, 1)))
			life := func(version string, d time.Duration) *stagger.Watch {
				services := []stagger.Service{{Name: sim.Service, Baseline: version, Versions: []stagger.Version{{Name: "v1"}, {Name: "v2"}}}}
				s, err := store.Open(t.Context(), path, store.Options{})
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = s.Close() }()
				plane := sim.NewPlane(map[string]string{sim.Service: version})
				c, err := controller.New(controller.Config{
					Services: func() []stagger.Service { return services },
					Driver:   plane, Source: traffic, Journal: s, Ready: plane, NewJudge: sim.NewRuleJudge, Now: clock.Now,
				})
				if err != nil {
					t.Fatal(err)
				}
				for range d / sim.Tick {
					clock.Advance(sim.Tick)
					traffic.Pass(clock.Now(), sim.Tick, plane.Split(sim.Service))
					c.Step(t.Context())
				}
				status, err := s.Statuses(t.Context(), services)
				if err != nil {
					t.Fatal(err)
				}
				return status[0].Watch
			}
			if w := life("v1", 11*time.Minute); w == nil || w.Learning {
				t.Fatalf("before the restart: %+v", w)
			}
			clock.Advance(c.away)
			if w := life(c.version, 5*time.Second); w == nil || w.Learning != c.learning || w.Version != c.version {
				t.Errorf("after the restart: %+v", w)
			}
		})
	}
}
