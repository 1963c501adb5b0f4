package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/auth"
)

// Traffic lets the requests of services wait.
type Traffic interface {
	// Pause keeps them waiting until Resume, or for most at most.
	Pause(service string, most time.Duration) error
	Resume(service string) error
}

// PauseTraffic is for how long requests wait.
type PauseTraffic struct {
	For string `json:"for,omitempty" maxLength:"20" doc:"At most so long, as 10s; 10s when absent, a minute at most."`
}

// TrafficState says whether requests wait now.
type TrafficState struct {
	Service string `json:"service"`
	Paused  bool   `json:"paused"`
}

// usualPause is how long requests wait when nobody says.
const usualPause = 10 * time.Second

type pauseInput struct {
	Name string `path:"name" doc:"The service."`
	Body *PauseTraffic
}

type resumeInput struct {
	Name string `path:"name" doc:"The service."`
}

func (s *server) registerTraffic(api huma.API) {
	operation := func(verb, summary, description string) huma.Operation {
		return needs(auth.Operator, huma.Operation{
			OperationID: verb + "-traffic", Method: http.MethodPost, Path: "/api/v1/services/{name}/" + verb,
			Summary: summary, Description: description, MaxBodyBytes: maxBody,
			Errors: []int{http.StatusNotFound, http.StatusServiceUnavailable},
		})
	}
	huma.Register(api, operation("pause", "Let the requests to a service wait",
		"Requests that begin from now on wait for the resume, or for the time to be over, and are sent then; those under way go on."),
		func(ctx context.Context, in *pauseInput) (*answer[TrafficState], error) {
			most, err := in.most()
			if err != nil {
				return nil, s.problem(ctx, err)
			}
			return s.asked(ctx, TrafficState{in.Name, true}, func(t Traffic) error { return t.Pause(in.Name, most) })
		})
	huma.Register(api, operation("resume", "Let the requests to a service go on", "Without a pause it does nothing."),
		func(ctx context.Context, in *resumeInput) (*answer[TrafficState], error) {
			return s.asked(ctx, TrafficState{in.Name, false}, func(t Traffic) error { return t.Resume(in.Name) })
		})
}

func (in *pauseInput) most() (time.Duration, error) {
	if in.Body == nil || in.Body.For == "" {
		return usualPause, nil
	}
	most, err := time.ParseDuration(in.Body.For)
	if err != nil {
		return 0, &stagger.Error{Code: stagger.CodeInvalid, Message: "for is not a duration; write one such as 10s"}
	}
	return most, nil
}

// asked asks the data plane, if it can be asked.
func (s *server) asked(ctx context.Context, then TrafficState, f func(Traffic) error) (*answer[TrafficState], error) {
	if s.Traffic == nil {
		return nil, s.problem(ctx, &stagger.Error{Code: stagger.CodeUnavailable, Message: "no traffic passes here that could wait"})
	}
	if err := f(s.Traffic); err != nil {
		return nil, s.problem(ctx, err)
	}
	return &answer[TrafficState]{Body: then}, nil
}
