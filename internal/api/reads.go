package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/auth"
	"github.com/stagger-dev/stagger/internal/store"
)

// answer is a response with a body.
type answer[T any] struct {
	Body T
}

// read registers a GET that viewers may call. The errors of f become problems.
func read[In, Out any](s *server, api huma.API, path, id, summary string, f func(context.Context, *In) (Out, error)) {
	operation := needs(auth.Viewer, huma.Operation{OperationID: id, Method: http.MethodGet, Path: "/api/v1" + path, Summary: summary})
	huma.Register(api, operation, func(ctx context.Context, in *In) (*answer[Out], error) {
		out, err := f(ctx, in)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return &answer[Out]{Body: out}, nil
	})
}

// problem turns err into what the client sees and keeps a record of what is
// nobody's fault but ours.
func (s *server) problem(ctx context.Context, err error) error {
	p := problemOf(err)
	if p.Code == stagger.CodeInternal && ctx.Err() == nil {
		s.Log.Error("request failed", "cause", err)
	}
	return p
}

// ByID names a rollout in the path.
type ByID struct {
	ID string `path:"id" doc:"The rollout."`
}

type none struct{}

func (s *server) registerReads(api huma.API) {
	read(s, api, "/services", "list-services", "Services, the baseline of each and the rollout under way", s.listServices)
	read(s, api, "/rollouts", "list-rollouts", "Rollouts, newest first", s.listRollouts)
	read(s, api, "/rollouts/{id}", "get-rollout", "One rollout", func(ctx context.Context, in *ByID) (stagger.Rollout, error) {
		return s.Store.Rollout(ctx, in.ID)
	})
	read(s, api, "/rollouts/{id}/progress", "get-progress", "How a rollout does now", s.getProgress)
	read(s, api, "/rollouts/{id}/evidence", "get-evidence", "How the evidence of a rollout grew, also of one that is over", func(ctx context.Context, in *ByID) (stagger.Path, error) {
		return s.Store.Evidence(ctx, in.ID)
	})
	read(s, api, "/rollouts/{id}/differences", "get-differences", "What the answers to mirrored requests of a rollout differ in, since the server started", s.getDifferences)
	read(s, api, "/rollouts/{id}/history", "get-history", "What happened to a rollout, oldest first", s.getHistory)
	read(s, api, "/verify", "verify-history", "Compute the hash chain over the whole history anew", func(ctx context.Context, _ *none) (stagger.Proof, error) {
		return s.Store.Verify(ctx)
	})
	read(s, api, "/version", "get-version", "The version of this server", func(context.Context, *none) (ServerVersion, error) {
		return ServerVersion{Version: s.Version}, nil
	})
}

// ServerVersion is the version of the server.
type ServerVersion struct {
	Version string `json:"version"`
}

// ServiceList is the answer to a list of services.
type ServiceList struct {
	Services []stagger.ServiceStatus `json:"services" nullable:"false"`
}

// RolloutList is the answer to a list of rollouts.
type RolloutList struct {
	Rollouts []stagger.Rollout `json:"rollouts" nullable:"false"`
}

// EventList is one page of a history.
type EventList struct {
	Events []stagger.Event `json:"events" nullable:"false"`
}

func (s *server) listServices(ctx context.Context, _ *none) (ServiceList, error) {
	list, err := s.Store.Statuses(ctx, s.Services())
	for i := range list {
		if s.Endpoints != nil {
			list[i].Endpoints = s.Endpoints(list[i].Service.Name)
		}
	}
	return ServiceList{Services: present(list)}, err
}

type rolloutQuery struct {
	Service string `query:"service" doc:"Only rollouts of this service."`
	Active  bool   `query:"active" doc:"Only rollouts that are not over."`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"At most so many."`
}

func (s *server) listRollouts(ctx context.Context, in *rolloutQuery) (RolloutList, error) {
	list, err := s.Store.Rollouts(ctx, store.Filter{Service: in.Service, Active: in.Active, Limit: in.Limit})
	return RolloutList{Rollouts: present(list)}, err
}

func (s *server) getProgress(ctx context.Context, in *ByID) (stagger.Progress, error) {
	if _, err := s.Store.Rollout(ctx, in.ID); err != nil {
		return stagger.Progress{}, err
	}
	return s.Store.Progress(ctx, in.ID)
}

func (s *server) getDifferences(ctx context.Context, in *ByID) (stagger.Differences, error) {
	if _, err := s.Store.Rollout(ctx, in.ID); err != nil {
		return stagger.Differences{}, err
	}
	if s.Differences != nil {
		if d, ok := s.Differences(in.ID); ok {
			return d, nil
		}
	}
	return stagger.Differences{}, &stagger.Error{
		Code: stagger.CodeNotFound, Message: fmt.Sprintf("nothing of rollout %s was mirrored since the server started", in.ID),
	}
}

type historyQuery struct {
	ByID
	After uint64 `query:"after" doc:"Only events whose seq is above."`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"1000" doc:"At most so many."`
}

func (s *server) getHistory(ctx context.Context, in *historyQuery) (EventList, error) {
	if _, err := s.Store.Rollout(ctx, in.ID); err != nil {
		return EventList{}, err
	}
	list, err := s.Store.History(ctx, in.ID, in.After, in.Limit)
	return EventList{Events: present(list)}, err
}

// present makes an empty list of none, so that clients read [] and not null.
func present[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
