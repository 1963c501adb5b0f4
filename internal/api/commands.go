package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/auth"
	"github.com/stagger-dev/stagger/internal/inbox"
)

// StartRequest starts a rollout. Its plan is complete: presets and defaults
// were filled in before.
type StartRequest struct {
	stagger.Start

	Ask
}

// Ask says who asks, and why.
type Ask struct {
	Actor  string `json:"actor,omitempty" maxLength:"200" doc:"For whom. The history keeps who is signed in; beside the name of a token it keeps this too, as 'ana via ci'."`
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
		c := stagger.Command{ID: in.Key, Verb: verb, Rollout: in.ID}
		if in.Body != nil {
			fill(in.Body, &c)
		}
		return s.do(ctx, c)
	})
}

func (a Ask) command(c stagger.Command) stagger.Command {
	c.Actor, c.Reason = a.Actor, a.Reason
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
	return needs(auth.Operator, huma.Operation{
		OperationID: id, Method: http.MethodPost, Path: "/api/v1" + path, Summary: summary,
		DefaultStatus: http.StatusOK, MaxBodyBytes: maxBody,
		Responses: map[string]*huma.Response{
			"200": body(reflect.TypeFor[stagger.Rollout](), "Carried out: the rollout as it is now."),
			"202": body(reflect.TypeFor[stagger.Command](), "Recorded, not carried out yet. Send it again with its id as the key to wait on."),
		},
		Errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable},
	})
}

// do asks for c and answers with what became of it.
func (s *server) do(ctx context.Context, c stagger.Command) (*outcome, error) {
	who, _ := auth.Of(ctx) // permit was here
	c.Actor = who.Actor(c.Actor)
	c, err := inbox.Inbox{Store: s.Store, Check: s.Check, Wake: s.Wake, Patience: s.Patience}.Ask(ctx, c)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return s.outcome(ctx, c)
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
