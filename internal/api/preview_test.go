package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api/apitest"
	"github.com/stagger-dev/stagger/internal/preview"
)

const previewPath = "/api/v1/plans/preview"

// TestAPlanIsPreviewedFromTextAndFromJSON: both are the same file.
func TestAPlanIsPreviewedFromTextAndFromJSON(t *testing.T) {
	s := apitest.NewIdle(t)
	var answers []preview.Outlook
	for _, rollout := range []string{
		`"service: shop\ncandidate: v2\nplan:\n  preset: fast\n"`, `{"service": "shop", "candidate": "v2", "plan": {"preset": "fast"}}`,
		`"{\"service\": \"shop\", \"candidate\": \"v2\", \"plan\": {\"preset\": \"fast\"}}"`,
	} {
		a := call(t, s, "POST", previewPath, `{"rollout":`+rollout+`,"traffic":{"rate":1000,"users":5000}}`)
		answers = append(answers, read[preview.Outlook](t, a, http.StatusOK))
	}
	first := answers[0]
	if diff := cmp.Diff(first, answers[1]) + cmp.Diff(first, answers[2]); diff != "" {
		t.Error(diff)
	}
	if len(first.Stages) != 2 || len(first.Course) != 3 || first.Stages[0].Users != 500 || len(first.Stages[0].Prospect) != 3 ||
		first.FalseRollback != 0.02 || !strings.HasPrefix(first.Baseline.Source, "assumed") {
		t.Errorf("%+v", first)
	}
	list := read[struct{ Rollouts []stagger.Rollout }](t, call(t, s, "GET", "/api/v1/rollouts", ""), http.StatusOK)
	if len(list.Rollouts) != 0 {
		t.Error("a preview started something")
	}
}

func TestAPreviewThatCannotBeMadeSaysWhy(t *testing.T) {
	s := apitest.NewIdle(t)
	const file = "service: shop\ncandidate: v2\n"
	many := file + "plan: {growth: {kind: linear, from: 1, step: 1}}\n"
	for want, body := range map[string]map[string]any{
		"rollout.yaml:3:16: preset: \"hasty\"": {"rollout": file + "plan: {preset: hasty}\n", "traffic": map[string]any{"rate": 5}},
		"write how many requests per second":   {"rollout": file},
		"is not a harm; write errors=1%":       {"rollout": file, "traffic": map[string]any{"rate": 5}, "harms": []string{"slow"}},
		"no guardrail on errors":               {"rollout": file + "plan: {guardrails: [{signal: latency}]}\n", "traffic": map[string]any{"rate": 5}, "harms": []string{"errors=2x"}},
		"neither a text nor an object":         {"rollout": 7},
		"lives to simulate":                    {"rollout": many, "traffic": map[string]any{"rate": 5}, "replicates": 200},
		"are no distribution":                  {"rollout": file, "traffic": map[string]any{"rate": 5, "p50": 0.2, "p99": 0.1}},
		"expected number >= 0":                 {"rollout": file, "traffic": map[string]any{"rate": -5}},
		"expected number <= 200":               {"rollout": file, "traffic": map[string]any{"rate": 5}, "replicates": 201},
		"expected required property rollout":   {"traffic": map[string]any{"rate": 5}},
		"this is not YAML":                     {"rollout": "service: [\n"},
		"rollout.yaml:1:1: the file is empty":  {"rollout": "# nothing\n"},
	} {
		text, err := json.Marshal(body)
		must(t, err)
		wantProblem(t, call(t, s, "POST", previewPath, string(text)), http.StatusUnprocessableEntity, stagger.CodeInvalid, want)
	}
}
