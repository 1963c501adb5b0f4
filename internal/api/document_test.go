package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api/apitest"
	"github.com/stagger-dev/stagger/internal/course"
)

var update = flag.Bool("update", false, "write the OpenAPI document anew")

var golden = filepath.Join("..", "..", "docs", "reference", "openapi.json")

func TestDocumentIsTheCommittedOne(t *testing.T) {
	got := call(t, apitest.NewIdle(t), "GET", "/api/openapi.json", "").body
	if again := call(t, apitest.NewIdle(t), "GET", "/api/openapi.json", "").body; !bytes.Equal(got, again) {
		t.Fatal("two servers describe themselves differently")
	}
	if *update {
		must(t, os.MkdirAll(filepath.Dir(golden), 0o755))
		must(t, os.WriteFile(golden, got, 0o644))
	}
	want, err := os.ReadFile(golden)
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("the API changed; look at it with 'go test ./internal/api -update' and 'git diff %s'", golden)
	}
}

// document is what the test needs of an OpenAPI document.
type document struct {
	OpenAPI string `json:"openapi"`
	Paths   map[string]map[string]struct {
		Responses map[string]struct {
			Content map[string]struct {
				Schema json.RawMessage `json:"schema"`
			} `json:"content"`
		} `json:"responses"`
	} `json:"paths"`
}

// TestEveryDocumentedPathAnswersAsDocumented calls every operation and checks
// the status and the body against the schema that the document has for it.
func TestEveryDocumentedPathAnswersAsDocumented(t *testing.T) {
	content, err := os.ReadFile(golden)
	must(t, err)
	var d document
	must(t, json.Unmarshal(content, &d))
	if d.OpenAPI != "3.1.0" || len(d.Paths) != 25 {
		t.Errorf("openapi %s with %d paths", d.OpenAPI, len(d.Paths))
	}
	schemas := compiler(t, content)
	for path, operations := range d.Paths {
		for method := range operations {
			t.Run(method+" "+path, func(t *testing.T) {
				if strings.HasSuffix(path, "/events") || strings.HasSuffix(path, "/capture") {
					t.Skip("streams have tests of their own")
				}
				s := apitest.New(t)
				body := prepare(t, s, path, method)
				a := call(t, s, strings.ToUpper(method), strings.ReplaceAll(path, "{id}", "r1"), body)
				response, ok := operations[method].Responses["200"]
				if a.status != 200 || !ok {
					t.Fatalf("status %d: %s", a.status, a.body)
				}
				pointer := "#/paths/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(path) +
					"/" + method + "/responses/200/content/application~1json/schema"
				if len(response.Content) != 1 {
					t.Fatalf("content: %v", response.Content)
				}
				schema, err := schemas.Compile(documentURL + pointer)
				must(t, err)
				value, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.body))
				must(t, err)
				if err := schema.Validate(value); err != nil {
					t.Errorf("%s\n%v", a.body, err)
				}
			})
		}
	}
}

const documentURL = "file:///openapi.json"

func compiler(t *testing.T, content []byte) *jsonschema.Compiler {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
	must(t, err)
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	must(t, c.AddResource(documentURL, value))
	return c
}

// prepare makes rollout r1, unless the path starts one, and returns a body.
func prepare(t *testing.T, s *apitest.Server, path, method string) string {
	t.Helper()
	if path == "/api/v1/rollouts" && method == "post" {
		return text(t, apitest.Start())
	}
	s.Begin(t, "r1")
	s.Add(t, "r1", 3)
	must(t, s.Store.SaveProgress(t.Context(), stagger.Progress{
		Rollout: "r1", At: time.Now(), Verdict: stagger.Verdict{Findings: []stagger.Finding{{Signal: stagger.SignalErrors}}},
	}))
	must(t, s.Store.SavePath(t.Context(), "r1", []byte(`{"step":1000000000,"at":["2026-11-23T12:00:00Z"],"advice":["none"],"slots":[{
		"signal":"errors","tolerance":1.5,"estimate":[1],"low":[0],"high":[0],"suspect":[0],"rollback":[0],"healthy":[0.5]}]}`)))
	must(t, s.Store.SaveCourse(t.Context(), "r1", someCourse(t)))
	switch {
	case strings.HasPrefix(path, "/api/v1/services/"):
		return ""
	case strings.HasSuffix(path, "/review"):
		read[stagger.Rollout](t, call(t, s, "POST", "/api/v1/rollouts/r1/abort", "{}"), 200)
		return `{"judgement":"true_alarm"}`
	case strings.HasSuffix(path, "/preview"):
		return `{"rollout":"service: shop\ncandidate: v2\n","traffic":{"rate":400,"users":9000},"harms":["errors=2x"]}`
	case strings.HasSuffix(path, "/weight"):
		return `{"weight":50}`
	case method == "post":
		return `{"actor":"ada"}`
	}
	return ""
}

// someCourse has what is known, and what is not.
func someCourse(t *testing.T) []byte {
	r := course.New("v1", "v2")
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	saturation := 0.5
	r.Look(0.1, stagger.Level{InFlight: 3, Readings: []stagger.Reading{{Signal: stagger.SignalGauge, Metric: "depth", Value: 2}}}, stagger.Level{Saturation: &saturation})
	r.Observe(&stagger.Tick{From: at, To: at.Add(time.Second), Observations: []stagger.Observation{{
		Version: "v1", Started: 2, Outcomes: stagger.Outcomes{OK: 2}, Latency: stagger.Histogram{Sum: 0.02, Buckets: []stagger.Bucket{{Index: -200, Count: 2}}},
	}}})
	state, err := r.State()
	must(t, err)
	return state
}

func TestDocumentNamesEveryProblem(t *testing.T) {
	content, err := os.ReadFile(golden)
	must(t, err)
	var d document
	must(t, json.Unmarshal(content, &d))
	for path, operations := range d.Paths {
		for method, operation := range operations {
			for status, response := range operation.Responses {
				if slices.Contains([]string{"200", "202"}, status) {
					continue
				}
				if _, ok := response.Content["application/problem+json"]; !ok {
					t.Errorf("%s %s: %s is no problem document", method, path, status)
				}
			}
		}
	}
}
