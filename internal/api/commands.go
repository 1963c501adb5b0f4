package api

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stagger-dev/stagger"
)

// nobody is the actor of a command that names none.
const nobody = "api"

// StartRequest starts a rollout. Its plan is complete: presets and defaults
// were filled in before.
type StartRequest struct {
	stagger.Start

	Ask
}

// Ask says who asks, and why.
type Ask struct {
	Actor  string `json:"actor,omitempty" maxLength:"200" doc:"Who asks."`
	Reason string `json:"reason,omitempty" maxLength:"2000" doc:"Why; it is kept in the history."`
}

// PromoteRequest moves a rollout on.
type PromoteRequest struct {
	Ask

	All bool `json:"all,omitempty" doc:"To everybody, not just to the next stage."`
}

// WeightRequest sets the share of traffic by hand.
type WeightRequest struct {
	Ask

	Weight stagger.Weight `json:"weight"`
}

// ReviewRequest says what a person makes of a rollout that is over.
type ReviewRequest struct {
	Ask

	Judgement stagger.Judgement `json:"judgement"`
}

// WithKey makes a command idempotent.
type WithKey struct {
	Key string `header:"Idempotency-Key" maxLength:"200" doc:"A command sent again with the same key and content is carried out once."`
}

type startInput struct {
	WithKey

	Body StartRequest
}

// askInput is a command about a rollout.
type askInput[T any] struct {
	ByID
	WithKey

	Body *T
}

// outcome is what became of a command: the rollout (200), or the command that
// still waits (202).
type outcome struct {
	Status     int
	RetryAfter string `header:"Retry-After"`
	Body       any
}

func (s *server) registerCommands(api huma.API) {
	huma.Register(api, commandOperation(api, "/rollouts", "start-rollout", "Start a rollout"),
		func(ctx context.Context, in *startInput) (*outcome, error) {
			start := in.Body.Start
			return s.do(ctx, in.Body.command(stagger.Command{
				ID: in.Key, Verb: stagger.VerbStart, Service: start.Service, Start: &start,
			}))
		})
	ask := func(a *Ask, c *stagger.Command) { *c = a.command(*c) }
	registerVerb(s, api, stagger.VerbPause, "Stop the ramp; judging goes on", ask)
	registerVerb(s, api, stagger.VerbResume, "Let a paused or held rollout go on", ask)
	registerVerb(s, api, stagger.VerbRollback, "Send everybody back to the baseline", ask)
	registerVerb(s, api, stagger.VerbAbort, "Give up: back to the baseline, without blame", ask)
	registerVerb(s, api, stagger.VerbPromote, "Go to the next stage, or to everybody", func(b *PromoteRequest, c *stagger.Command) {
		*c = b.command(*c)
		c.All = b.All
	})
	registerVerb(s, api, stagger.VerbWeight, "Set the share of traffic by hand", func(b *WeightRequest, c *stagger.Command) {
		*c = b.command(*c)
		c.Weight = &b.Weight
	})
	registerVerb(s, api, stagger.VerbReview, "Say what became of a rollout that is over: a false alarm, a true one, or a harm that was missed", func(b *ReviewRequest, c *stagger.Command) {
		*c = b.command(*c)
		c.Judgement = b.Judgement
	})
}

// registerVerb registers the command about a rollout whose body fill adds.
func registerVerb[T any](s *server, api huma.API, verb stagger.Verb, summary string, fill func(*T, *stagger.Command)) {
	operation := commandOperation(api, "/rollouts/{id}/"+string(verb), string(verb)+"-rollout", summary)
	huma.Register(api, operation, func(ctx context.Context, in *askInput[T]) (*outcome, error) {
		c := stagger.Command{ID: in.Key, Verb: verb, Rollout: in.ID, Actor: nobody}
		if in.Body != nil {
			fill(in.Body, &c)
		}
		return s.do(ctx, c)
	})
}

func (a Ask) command(c stagger.Command) stagger.Command {
	c.Actor, c.Reason = a.Actor, a.Reason
	if c.Actor == "" {
		c.Actor = nobody
	}
	return c
}

// commandOperation describes a POST that is answered with a rollout, or with the command
// while it is still pending.
func commandOperation(api huma.API, path, id, summary string) huma.Operation {
	schemas := api.OpenAPI().Components.Schemas
	body := func(t reflect.Type, description string) *huma.Response {
		return &huma.Response{
			Description: description,
			Content:     map[string]*huma.MediaType{"application/json": {Schema: schemas.Schema(t, true, "")}},
		}
	}
	return huma.Operation{
		OperationID: id, Method: http.MethodPost, Path: "/api/v1" + path, Summary: summary,
		DefaultStatus: http.StatusOK, MaxBodyBytes: maxBody,
		Responses: map[string]*huma.Response{
			"200": body(reflect.TypeFor[stagger.Rollout](), "Carried out: the rollout as it is now."),
			"202": body(reflect.TypeFor[stagger.Command](), "Recorded, not carried out yet. Send it again with its id as the key to wait on."),
		},
		Errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable},
	}
}

// do puts c into the inbox and waits for what becomes of it.
func (s *server) do(ctx context.Context, c stagger.Command) (*outcome, error) {
	if c.ID == "" {
		c.ID = rand.Text()
	}
	c.At = time.Now().UTC()
	if err := s.admissible(ctx, c); err != nil {
		return nil, s.problem(ctx, err)
	}
	changed, cancel := s.Store.Watch() // before it is there, so that nothing is missed
	defer cancel()
	c, err := s.Store.Submit(ctx, c)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	s.Wake()
	if c, err = s.await(ctx, c, changed); err != nil {
		return nil, s.problem(ctx, err)
	}
	return s.outcome(ctx, c)
}

// admissible refuses what cannot be carried out before it is recorded. What was
// recorded already is past that.
func (s *server) admissible(ctx context.Context, c stagger.Command) error {
	_, err := s.Store.Command(ctx, c.ID)
	if stagger.CodeOf(err) != stagger.CodeNotFound {
		return err
	}
	if c.Verb != stagger.VerbStart {
		_, err := s.Store.Rollout(ctx, c.Rollout)
		return err
	}
	err = s.Check(*c.Start)
	if _, ok := errors.AsType[*stagger.Error](err); err == nil || ok {
		return err
	}
	return &stagger.Error{Code: stagger.CodeInvalid, Message: err.Error()}
}

// await returns c once it has a result, or as it is when patience ends.
func (s *server) await(ctx context.Context, c stagger.Command, changed <-chan struct{}) (stagger.Command, error) {
	patience := time.NewTimer(s.Patience)
	defer patience.Stop()
	for c.Result == nil {
		select {
		case <-ctx.Done():
			return c, ctx.Err()
		case <-patience.C:
			return c, nil
		case <-changed:
		}
		var err error
		if c, err = s.Store.Command(ctx, c.ID); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (s *server) outcome(ctx context.Context, c stagger.Command) (*outcome, error) {
	switch {
	case c.Result == nil:
		return &outcome{Status: http.StatusAccepted, RetryAfter: "1", Body: c}, nil
	case c.Result.Error != nil:
		return nil, s.problem(ctx, c.Result.Error)
	}
	r, err := s.Store.Rollout(ctx, c.Result.Rollout)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &outcome{Status: http.StatusOK, Body: r}, nil
}
