// Package apitest runs the API on a real store for tests, with a stand-in for
// the controller that carries out every command in the simplest way.
package apitest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api"
	"github.com/stagger-dev/stagger/internal/store"
)

// Epoch is when the stand-in's first rollout is created.
var Epoch = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// Services are what the server serves.
func Services() []stagger.Service {
	return []stagger.Service{{
		Name: "shop", Baseline: "v1", Listener: "web",
		Versions: []stagger.Version{
			{Name: "v1", Upstreams: []string{"http://127.0.0.1:9001"}},
			{Name: "v2", Upstreams: []string{"http://127.0.0.1:9002"}},
		},
	}}
}

// Start is a start that is accepted.
func Start() stagger.Start {
	return stagger.Start{
		Service: "shop", Candidate: "v2", Change: stagger.Change{Kind: "code", Commit: "4f2a91c"},
		Plan: stagger.Plan{
			Key: stagger.Key{Cookie: "user"},
			Stages: []stagger.Stage{
				{Name: "few", Weight: stagger.WeightPercent, MinTime: time.Minute, AtTimebox: stagger.TimeboxHold, MinSamples: 100},
				{Name: "all", Weight: stagger.WeightFull, MinTime: time.Minute, AtTimebox: stagger.TimeboxHold, MinSamples: 100},
			},
			Guardrails: []stagger.Guardrail{{
				Signal: stagger.SignalErrors, Tolerance: 1.5, Floor: 0.0005, Healthy: 0.002, Alpha: 0.01, Action: stagger.ActionRollback,
			}},
			Bake: stagger.Bake{Time: time.Hour}, Shed: stagger.Shed{Probe: stagger.WeightPercent, Patience: time.Minute},
			Blind: stagger.Blind{After: 10 * time.Second},
		},
	}
}

// Check refuses a start that is not about what Services has.
func Check(s stagger.Start) error {
	for _, service := range Services() {
		if service.Name != s.Service {
			continue
		}
		if _, ok := service.Version(s.Candidate); !ok {
			return fmt.Errorf("candidate: service %s has no version %q", s.Service, s.Candidate)
		}
		if s.Candidate == service.Baseline {
			return fmt.Errorf("candidate: %s is the baseline already", s.Candidate)
		}
		return nil
	}
	return fmt.Errorf("service: there is no service %q", s.Service)
}

// Server is a running API.
type Server struct {
	URL   string
	Store *store.Store
	HTTP  *http.Client
	Stop  func() // drops every connection
}

// Open opens a store in a new directory, closed when the test ends.
func Open(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "stagger.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Handler is the API on s, changed by the functions given.
func Handler(s *store.Store, change ...func(*api.Config)) http.Handler {
	c := api.Config{Store: s, Services: Services, Check: Check, Wake: func() {}, Differences: Differences, Traffic: still{}, Version: "1.2.3"}
	for _, f := range change {
		f(&c)
	}
	return api.New(c)
}

// New runs the API and a stand-in for the controller.
func New(t *testing.T, change ...func(*api.Config)) *Server {
	t.Helper()
	s := NewIdle(t, change...)
	s.CarryOut(t)
	return s
}

// NewIdle runs the API where nobody carries out commands.
func NewIdle(t *testing.T, change ...func(*api.Config)) *Server {
	t.Helper()
	s := Open(t)
	server := httptest.NewServer(Handler(s, change...))
	stop := sync.OnceFunc(func() {
		server.CloseClientConnections()
		server.Close()
	})
	t.Cleanup(stop)
	return &Server{URL: server.URL, Store: s, HTTP: server.Client(), Stop: stop}
}

// CarryOut carries out commands until the test ends.
func (s *Server) CarryOut(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

// Run carries out commands until ctx ends or the store fails.
func (s *Server) Run(ctx context.Context) error {
	changed, unwatch := s.Store.Watch()
	defer unwatch()
	for {
		if err := s.carryOutAll(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

func (s *Server) carryOutAll(ctx context.Context) error {
	pending, err := s.Store.Pending(ctx)
	if err != nil {
		return err
	}
	for _, c := range pending {
		err := s.carryOut(ctx, c)
		if refused, ok := errors.AsType[*stagger.Error](err); ok {
			err = s.Store.Resolve(ctx, c.ID, stagger.Result{Error: refused, At: Epoch})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) carryOut(ctx context.Context, c stagger.Command) error {
	if c.Verb == stagger.VerbStart {
		last, err := s.Store.Last(ctx)
		if err != nil {
			return err
		}
		r, e := Create(fmt.Sprintf("%s-%d", c.Service, last+1), *c.Start)
		e.Command, e.Actor, e.Reason = c.ID, c.Actor, c.Reason
		return s.Store.Commit(ctx, r, []stagger.Event{e})
	}
	r, err := s.Store.Rollout(ctx, c.Rollout)
	if err != nil {
		return err
	}
	switch over, review := r.Phase.Final(), c.Verb == stagger.VerbReview; {
	case over && !review:
		return &stagger.Error{Code: stagger.CodeConflict, Message: fmt.Sprintf("rollout %s is over: %s", r.ID, r.Phase)}
	case review && !over:
		return &stagger.Error{Code: stagger.CodeConflict, Message: fmt.Sprintf("rollout %s is not over: %s", r.ID, r.Phase)}
	}
	r, e := Follow(r, c)
	return s.Store.Commit(ctx, r, []stagger.Event{e})
}

// Create is a rollout and the event that records it.
func Create(id string, start stagger.Start) (stagger.Rollout, stagger.Event) {
	r := stagger.Rollout{
		ID: id, Service: start.Service, Baseline: "v1", Candidate: start.Candidate, Change: start.Change,
		Plan: start.Plan, Seed: id, Phase: stagger.PhasePending, Stage: -1, CreatedAt: Epoch, UpdatedAt: Epoch, Events: 1,
	}
	first := r
	return r, stagger.Event{
		Rollout: id, Seq: 1, At: Epoch, Kind: stagger.EventCreated, Phase: r.Phase, Stage: -1, Created: &first, Actor: "ada",
	}
}

// Follow is what becomes of r by c.
func Follow(r stagger.Rollout, c stagger.Command) (stagger.Rollout, stagger.Event) {
	kinds := map[stagger.Verb]stagger.EventKind{
		stagger.VerbPause: stagger.EventPaused, stagger.VerbResume: stagger.EventResumed,
		stagger.VerbPromote: stagger.EventStageEntered, stagger.VerbRollback: stagger.EventRolledBack,
		stagger.VerbAbort: stagger.EventAborted, stagger.VerbWeight: stagger.EventWeightSet,
		stagger.VerbReview: stagger.EventReviewed,
	}
	switch c.Verb {
	case stagger.VerbPause:
		r.Phase = stagger.PhasePaused
	case stagger.VerbRollback:
		r.Phase, r.Weight = stagger.PhaseRolledBack, 0
	case stagger.VerbAbort:
		r.Phase, r.Weight = stagger.PhaseAborted, 0
	case stagger.VerbWeight:
		r.Weight, r.Manual = *c.Weight, true
	case stagger.VerbPromote:
		r.Phase, r.Stage = stagger.PhaseProgressing, r.Stage+1
		if c.All {
			r.Stage = len(r.Plan.Stages)
		}
	case stagger.VerbResume, stagger.VerbStart:
		r.Phase = stagger.PhaseProgressing
	case stagger.VerbReview:
		r.Review = &stagger.Review{Judgement: c.Judgement, Reason: c.Reason, Actor: c.Actor, At: Epoch.Add(time.Duration(r.Events+1) * time.Second)}
	}
	r.Events++
	if c.Verb != stagger.VerbReview {
		r.Reason = c.Reason
	}
	r.UpdatedAt = Epoch.Add(time.Duration(r.Events) * time.Second)
	return r, stagger.Event{
		Rollout: r.ID, Seq: r.Events, At: r.UpdatedAt, Kind: kinds[c.Verb], Actor: c.Actor, Reason: c.Reason,
		Phase: r.Phase, Stage: r.Stage, Weight: r.Weight, Manual: r.Manual, Command: c.ID, Review: reviewed(r, c.Verb),
	}
}

// reviewed is what the event of a review brings.
func reviewed(r stagger.Rollout, verb stagger.Verb) *stagger.Review {
	if verb != stagger.VerbReview {
		return nil
	}
	return r.Review
}

// Add records n events more of a rollout, outside of any command.
func (s *Server) Add(t *testing.T, rollout string, n int) {
	t.Helper()
	r, err := s.Store.Rollout(t.Context(), rollout)
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		next, e := Follow(r, stagger.Command{Verb: stagger.VerbResume, Actor: "stagger", Reason: "test"})
		if err := s.Store.Commit(t.Context(), next, []stagger.Event{e}); err != nil {
			t.Fatal(err)
		}
		r = next
	}
}

// Begin records a rollout of the one service, outside of any command.
func (s *Server) Begin(t *testing.T, id string) {
	t.Helper()
	r, e := Create(id, Start())
	if err := s.Store.Commit(t.Context(), r, []stagger.Event{e}); err != nil {
		t.Fatal(err)
	}
}

// still is traffic that can be paused at any time, as there is none.
type still struct{}

func (still) Pause(string, time.Duration) error { return nil }
func (still) Resume(string) error               { return nil }
