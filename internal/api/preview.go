package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/auth"
	"github.com/stagger-dev/stagger/internal/preview"
)

const previewDescription = `For each stage of a rollout file: how long a harm takes to be suspected and rolled back, how many requests meet it until then, how sure that is, and how long a healthy candidate takes to be proved so; with what would help where a stage cannot see a harm. Nothing is started or kept. It is what 'stagger plan' tells for the same input.

Times are seconds; 0 is never. Without replicates all figures are by formula; with them the judge itself watches that many simulated lives of each stage, one simulation at a time.`

// PreviewRequest is a plan to look at before anybody is exposed to it.
type PreviewRequest struct {
	// Rollout is a rollout file: its text, or as JSON.
	Rollout    any             `json:"rollout" doc:"A rollout file: its text, YAML or JSON, as a string; or the same as a JSON object."`
	Traffic    preview.Traffic `json:"traffic,omitzero" doc:"In place of what the server measured."`
	Harms      []string        `json:"harms,omitempty" maxItems:"10" doc:"What to look for: errors=2x, errors=+1%, errors=1%, p50=+10%, p99=+25%; the usual ones when absent."`
	Replicates int             `json:"replicates,omitempty" minimum:"0" maximum:"200" doc:"Lives to simulate for each stage and harm; none when absent."`
	Seed       uint64          `json:"seed,omitempty" doc:"Of all that is random; 1 when absent."`
}

type previewInput struct {
	Body PreviewRequest
}

func (s *server) registerPreview(api huma.API) {
	desk := preview.NewDesk(preview.Stored(s.Store, s.Services))
	huma.Register(api, needs(auth.Viewer, huma.Operation{
		OperationID: "preview-plan", Method: http.MethodPost, Path: "/api/v1/plans/preview",
		Summary: "Forecast what each stage of a plan can see", Description: previewDescription, MaxBodyBytes: maxBody,
		Errors: []int{http.StatusServiceUnavailable},
	}), func(ctx context.Context, in *previewInput) (*answer[preview.Outlook], error) {
		ask, err := in.Body.ask()
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		out, err := desk.Preview(ctx, ask)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return &answer[preview.Outlook]{Body: out}, nil
	})
}

func (b PreviewRequest) ask() (preview.Ask, error) {
	a := preview.Ask{File: "rollout.yaml", Traffic: b.Traffic, Harms: b.Harms, Replicates: b.Replicates, Seed: max(b.Seed, 1)}
	switch r := b.Rollout.(type) {
	case string:
		a.Rollout = []byte(r)
	case map[string]any:
		text, err := json.Marshal(r)
		if err != nil {
			return a, err
		}
		a.Rollout = text // JSON is YAML
	default:
		return a, &stagger.Error{Code: stagger.CodeInvalid, Message: "rollout is neither a text nor an object; write the rollout file as one of them"}
	}
	return a, nil
}
