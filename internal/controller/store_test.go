package controller_test

import (
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/controller"
	"github.com/stagger-dev/stagger/internal/engine"
	"github.com/stagger-dev/stagger/internal/sim"
	"github.com/stagger-dev/stagger/internal/store"
)

// filed is a rollout in virtual time whose journal is SQLite in a file.
type filed struct {
	path    string
	clock   *sim.Clock
	plane   *sim.Plane
	traffic *sim.Traffic
}

func newFiled(t *testing.T) *filed {
	t.Helper()
	return &filed{
		path: filepath.Join(t.TempDir(), "stagger.db"), clock: sim.NewClock(), plane: sim.NewPlane(map[string]string{sim.Service: "v1"}),
		traffic: sim.NewTraffic(sim.Service, 800, rand.New(rand.NewPCG(1, 1))),
	}
}

// live opens the file and a controller, lets time pass with what is asked, if
// anything is, and closes both after a look.
func (f *filed) live(t *testing.T, d time.Duration, ask *stagger.Command, look func(*store.Store)) {
	t.Helper()
	s, err := store.Open(t.Context(), f.path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	c, err := controller.New(controller.Config{
		Services: func() []stagger.Service {
			return []stagger.Service{{Name: sim.Service, Baseline: "v1", Versions: []stagger.Version{{Name: "v1"}, {Name: "v2"}}}}
		},
		Driver: f.plane, Source: f.traffic, Journal: s, Ready: f.plane, NewJudge: sim.NewRuleJudge, Now: f.clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ask != nil {
		if _, err := s.Submit(t.Context(), *ask); err != nil {
			t.Fatal(err)
		}
	}
	for range d / sim.Tick {
		f.clock.Advance(sim.Tick)
		f.traffic.Pass(f.clock.Now(), sim.Tick, f.plane.Split(sim.Service))
		c.Step(t.Context())
	}
	look(s)
}

// TestRealStore carries a rollout with SQLite as the journal, and opens the
// file and the controller anew in the middle.
func TestRealStore(t *testing.T) {
	f := newFiled(t)
	var r stagger.Rollout
	look := func(s *store.Store) { r = lastOf(t, s) }
	start := sim.Command("c1", stagger.VerbStart, "", f.clock.Now())
	start.Start = &stagger.Start{Service: sim.Service, Candidate: "v2", Plan: plan()}
	if f.live(t, 3*time.Second, &start, look); r.Stage != 1 {
		t.Errorf("the rollout is %s at stage %d before the restart", r.Phase, r.Stage)
	}
	f.plane.Restart()
	if f.live(t, 20*time.Second, nil, look); r.Phase != stagger.PhasePromoted || r.Converged.IsZero() {
		t.Errorf("the rollout is %s, converged %v, after the restart: %s", r.Phase, r.Converged, r.Reason)
	}
}

// lastOf returns the newest rollout of a store whose chain and history hold.
func lastOf(t *testing.T, s *store.Store) stagger.Rollout {
	t.Helper()
	all, err := s.Rollouts(t.Context(), store.Filter{Limit: 1})
	if err != nil || len(all) != 1 {
		t.Fatalf("%d rollouts: %v", len(all), err)
	}
	history, err := s.History(t.Context(), all[0].ID, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	replayed, err := engine.Replay(history)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(all[0], replayed); diff != "" {
		t.Errorf("the history does not replay to the rollout (-stored +replayed):\n%s", diff)
	}
	if _, err := s.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	return all[0]
}

// TestPathOfTheEvidenceSurvives reads the path of a rollout after restarts, and
// after its end.
func TestPathOfTheEvidenceSurvives(t *testing.T) {
	w := world(t)
	w.Deploy("v2", plan())
	w.Run(t.Context(), 8*time.Second)
	id := w.Active().ID
	before := pathOf(t, w, id)
	if n := len(before.At); n < 2 || w.Clock.Now().Sub(before.At[n-1]) > 5*time.Second {
		t.Fatalf("before the restart the path has %d points", n)
	}
	restart(t, w)
	w.Run(t.Context(), 20*time.Second)
	r, after := w.Last(), pathOf(t, w, id)
	if r.Phase != stagger.PhasePromoted {
		t.Fatalf("the rollout is %s: %s", r.Phase, r.Reason)
	}
	if n := len(before.At) - 1; len(after.At) <= n || !slices.EqualFunc(before.At[:n], after.At[:n], time.Time.Equal) {
		t.Errorf("before the restart %v, after it %v", before.At, after.At)
	}
	if last := after.At[len(after.At)-1]; !last.Equal(r.EndedAt) {
		t.Errorf("the path ends at %s and the rollout at %s", last, r.EndedAt)
	}
}

func TestPathOfARolloutThatGaveWayIsKept(t *testing.T) {
	w := world(t)
	w.Deploy("v2", plan())
	w.Run(t.Context(), 3*time.Second)
	old := w.Active().ID
	w.Deploy("v3", plan())
	w.Run(t.Context(), time.Second)
	r := w.Journal.Recorded(old)
	if r.Phase != stagger.PhaseSuperseded {
		t.Fatalf("the first rollout is %s", r.Phase)
	}
	if p := pathOf(t, w, old); !p.At[len(p.At)-1].Equal(r.EndedAt) {
		t.Errorf("the path ends at %s and the rollout at %s", p.At[len(p.At)-1], r.EndedAt)
	}
	if p := pathOf(t, w, w.Active().ID); p.At[0].Before(r.EndedAt) {
		t.Errorf("the next path begins at %s, before the first rollout ends", p.At[0])
	}
}

// TestPathThatCannotBeReadBeginsAnew spoils what was kept.
func TestPathThatCannotBeReadBeginsAnew(t *testing.T) {
	w := world(t)
	w.Deploy("v2", plan())
	w.Run(t.Context(), 3*time.Second)
	id := w.Active().ID
	if err := w.Journal.SavePath(t.Context(), id, []byte(`{"step":1,"at":["2026-11-23T12:00:00Z"]}`)); err != nil {
		t.Fatal(err)
	}
	restart(t, w)
	w.Run(t.Context(), 20*time.Second)
	if p := pathOf(t, w, id); len(p.At) < 5 || p.Step != time.Second {
		t.Errorf("the path: %+v", p)
	}
}

func pathOf(t *testing.T, w *sim.World, id string) (p stagger.Path) {
	t.Helper()
	kept, err := w.Journal.Path(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(kept, &p); err != nil {
		t.Fatalf("%q: %v", kept, err)
	}
	return p
}
