package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/config"
)

var update = flag.Bool("update", false, "write the golden files anew")

// able is what the built-in proxy can do.
var able = stagger.Abilities{Precision: 1, Sticky: true, Header: true, Cookie: true, Claim: true, Mirror: true}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(read(t, path)), string(got)); diff != "" {
		t.Errorf("%s differs; run the test with -update\n%s", path, diff)
	}
}

func TestExamplesAreValid(t *testing.T) {
	server, err := config.ParseServer("stagger.yaml", read(t, "../../examples/stagger.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../examples/rollout-*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			start, err := config.ParseRollout(file, read(t, file))
			if err != nil {
				t.Fatal(err)
			}
			if err := config.Check(start, server.Services, able); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDefaultsOfAServer(t *testing.T) {
	got, err := config.ParseServer("s", []byte(`services: [{name: shop, baseline: v1, versions: {v1: {upstreams: ["http://a:1"]}}}]`))
	if err != nil {
		t.Fatal(err)
	}
	want := config.Server{
		Listeners: []config.Listener{{Name: "web", Address: "127.0.0.1:8080"}},
		Admin:     config.Admin{Address: "127.0.0.1:7979"},
		Store:     config.Store{Path: "stagger.db"},
		Services: []stagger.Service{{
			Name: "shop", Baseline: "v1", Listener: "web", VersionHeader: "Stagger-Version",
			Routes:   []stagger.Route{{Name: "all", Path: "/"}},
			Versions: []stagger.Version{{Name: "v1", Upstreams: []string{"http://a:1"}}},
		}},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Error(diff)
	}
}

func TestThreeLinesAreAPlan(t *testing.T) {
	for _, text := range []string{
		"service: shop\ncandidate: v2\nplan: {preset: standard}\n",
		"service: shop\ncandidate: v2\n",
		"\ufeffservice: shop\r\ncandidate: v2\r\n",
	} {
		got, err := config.ParseRollout("r", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var weights []stagger.Weight
		for _, s := range got.Plan.Stages {
			weights = append(weights, s.Weight)
		}
		want := []stagger.Weight{stagger.Percent(1), stagger.Percent(5), stagger.Percent(25), stagger.Percent(50)}
		if diff := cmp.Diff(weights, want); diff != "" || got.Plan.Bake.Time != 10*time.Minute || len(got.Plan.Guardrails) != 2 {
			t.Errorf("%q: %+v %s", text, got.Plan, diff)
		}
	}
}

func TestAPresetIsOverriddenFieldByField(t *testing.T) {
	got, err := config.ParseRollout("r", []byte(`
service: shop
candidate: v2
plan:
  preset: fast
  cohort: {key: {header: X-User}}
  guardrails: [{signal: latency, tolerance: 5%, floor: 3ms, action: hold}]
  shed: {probe: 0.25%}
`))
	if err != nil {
		t.Fatal(err)
	}
	p := got.Plan
	if p.Key != (stagger.Key{Header: "X-User"}) || p.Shed.Probe != 2500 || p.Shed.Patience != time.Minute || len(p.Stages) != 2 {
		t.Errorf("%+v", p)
	}
	want := stagger.Guardrail{Signal: stagger.SignalLatency, Tolerance: 0.05, Floor: 0.003, Healthy: 0.24, Alpha: 0.01, Action: stagger.ActionHold}
	if diff := cmp.Diff(p.Guardrails, []stagger.Guardrail{want}); diff != "" {
		t.Error(diff)
	}
}

func TestMetricsAreJudgedWithTheirDefaults(t *testing.T) {
	got, err := config.ParseRollout("r", []byte(`
service: shop
candidate: v2
plan:
  warm_up: 90s
  guardrails:
    - {signal: retries}
    - {signal: count, metric: 'failed_total{kind="card"}', floor: 0.01}
    - {signal: count, metric: 'failed_total{kind="gift"}', action: rollback}
    - {signal: gauge, metric: queue, limit: 2e3, floor: 12}
    - {signal: saturation, metric: cpu_seconds_total, tolerance: 50%}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []stagger.Guardrail{
		{Signal: stagger.SignalRetries, Tolerance: 1.5, Floor: 0.005, Alpha: 0.01, Action: stagger.ActionHold},
		{Signal: stagger.SignalCount, Metric: `failed_total{kind="card"}`, Tolerance: 1.5, Floor: 0.01, Alpha: 0.01, Action: stagger.ActionHold},
		{Signal: stagger.SignalCount, Metric: `failed_total{kind="gift"}`, Tolerance: 1.5, Alpha: 0.01, Action: stagger.ActionRollback},
		{Signal: stagger.SignalGauge, Metric: "queue", Tolerance: 0.25, Floor: 12, Limit: 2000, Alpha: 0.01, Action: stagger.ActionHold},
		{Signal: stagger.SignalSaturation, Metric: "cpu_seconds_total", Tolerance: 0.5, Alpha: 0.01, Action: stagger.ActionHold},
	}
	if diff := cmp.Diff(got.Plan.Guardrails, want); diff != "" || got.Plan.WarmUp != 90*time.Second {
		t.Error(diff, got.Plan.WarmUp)
	}
}

func TestMetricsOfAServiceHaveDefaults(t *testing.T) {
	for text, want := range map[string]stagger.Metrics{
		"{path: /metrics}":                          {Path: "/metrics", Every: 5 * time.Second, Timeout: 2 * time.Second},
		"{path: /metrics, every: 1s}":               {Path: "/metrics", Every: time.Second, Timeout: time.Second},
		"{path: /m?of=all, every: 1m, timeout: 1m}": {Path: "/m?of=all", Every: time.Minute, Timeout: time.Minute},
	} {
		got, err := config.ParseServer("s", []byte(`services: [{name: shop, baseline: v1, versions: {v1: {upstreams: ["http://a:1"]}}, metrics: `+text+`}]`))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got.Services[0].Metrics, want); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

func TestAMetricIsChosenByExactLabels(t *testing.T) {
	for text, want := range map[string]config.Metric{
		"up":                    {Name: "up"},
		"up{}":                  {Name: "up"},
		"a:b_c{}":               {Name: "a:b_c"},
		`up{ a = "x",}`:         {Name: "up", Labels: map[string]string{"a": "x"}},
		`up{b="}\"\\\n,",a=""}`: {Name: "up", Labels: map[string]string{"a": "", "b": "}\"\\\n,"}},
	} {
		got, err := config.ParseMetric(text)
		if diff := cmp.Diff(got, want); diff != "" || err != nil {
			t.Errorf("%s: %v %s", text, err, diff)
		}
		again, err := config.ParseMetric(got.String())
		if diff := cmp.Diff(again, got); diff != "" || err != nil {
			t.Errorf("%s is written as %s: %v %s", text, got, err, diff)
		}
	}
	many := ""
	for i := range 11 {
		many += fmt.Sprintf(`a%d="",`, i)
	}
	for _, text := range []string{
		"", " ", "{}", "9up", "up{", "up}", `up{a="x"`, `up{a=x}`, `up{a="x" b="y"}`, `up{a="x",a="y"}`, `up{a!="x"}`, `up{a="\x"}`,
		"up{" + many + "}", strings.Repeat("u", 501), "up\n{}x", `up{a="x"}[5m]`,
	} {
		if got, err := config.ParseMetric(text); err == nil {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

func TestGrowthMakesStages(t *testing.T) {
	for _, row := range []struct {
		growth string
		want   []float64
	}{
		{"{kind: linear, from: 10, step: 30}", []float64{10, 40, 70}},
		{"{kind: exponential, from: 1, factor: 3}", []float64{1, 3, 9, 27, 81}},
		{"{kind: exponential, from: 0.5%, to: 4}", []float64{0.5, 1, 2, 4}},
	} {
		t.Run(row.growth, func(t *testing.T) {
			got, err := config.ParseRollout("r", []byte("service: s\ncandidate: v\nplan: {growth: "+row.growth+"}\n"))
			if err != nil {
				t.Fatal(err)
			}
			var weights []float64
			for _, s := range got.Plan.Stages {
				weights = append(weights, s.Weight.Percent())
			}
			if diff := cmp.Diff(weights, row.want); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestEverythingWrongIsSaidAtOnce reads each testdata/*.yaml, whose name says
// which file it stands for, and compares what is said with the .txt beside it.
func TestEverythingWrongIsSaidAtOnce(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			err := parse(filepath.Base(file), read(t, file))
			if err == nil {
				t.Fatal("nothing is wrong")
			}
			if stagger.CodeOf(err) != stagger.CodeInvalid {
				t.Errorf("code %q", stagger.CodeOf(err))
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", []byte(err.Error()+"\n"))
		})
	}
}

func parse(name string, data []byte) error {
	if strings.HasPrefix(name, "rollout") {
		_, err := config.ParseRollout("rollout.yaml", data)
		return err
	}
	if strings.HasPrefix(name, "load") {
		_, err := config.ParseLoad("load.yaml", data)
		return err
	}
	_, err := config.ParseServer("stagger.yaml", data)
	return err
}

func TestProblemsTellWhere(t *testing.T) {
	_, err := config.ParseRollout("rollout.yaml", []byte(`service: shop
candidate: v2
plan:
  stages:
    - weight: 1
    - weight: 5
    - weight: 250
`))
	problems, ok := errors.AsType[config.Problems](err)
	if !ok || len(problems) != 1 {
		t.Fatal(err)
	}
	if got, want := problems[0].String(), "rollout.yaml:7:15: stages[2].weight: 250 is not a share of traffic; write 0 to 100"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestBoundsOfAFile(t *testing.T) {
	bomb := "a: &a [1,1,1,1,1,1,1,1,1]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+",", 9) + "]\n"
	}
	for name, data := range map[string]string{
		"ten megabytes":     strings.Repeat("# a long comment\n", 600_000),
		"deep brackets":     strings.Repeat("[", 100_000),
		"deep maps":         "a: " + strings.Repeat("{a: ", 50_000),
		"deep lists":        strings.Repeat("- ", 100_000) + "x",
		"deep indent":       strings.Repeat(" ", 5000) + "a: 1",
		"aliases in a bomb": "service: s\ncandidate: c\nplan:\n  stages: *k\n" + bomb,
		"not UTF-8":         "service: \xff\xfe",
		"nothing":           "",
		"only a comment":    "# nothing\n",
		"two documents":     "service: a\n---\nservice: b\n",
		"a list":            "- a\n- b\n",
		"a text":            "hello",
		"a tag":             "!!binary aGVsbG8=",
		"an alias of none":  "service: *nobody\ncandidate: v\n",
		"broken quotes":     "service: \"shop\ncandidate: v2",
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := config.ParseRollout("r", []byte(data))
			if stagger.CodeOf(err) != stagger.CodeInvalid {
				t.Errorf("got %v, want a problem", err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestCheckNamesWhatIsMissing(t *testing.T) {
	server, err := config.ParseServer("s", read(t, "../../examples/stagger.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	server.Services = append(server.Services, stagger.Service{Name: "till", Versions: server.Services[0].Versions})
	start := func(change func(*stagger.Start)) stagger.Start {
		s, err := config.ParseRollout("r", read(t, "../../examples/rollout-internal-first.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		change(&s)
		return s
	}
	for _, row := range []struct {
		rule   string
		change func(*stagger.Start)
		can    stagger.Abilities
		want   string
	}{
		{"an unknown service", func(s *stagger.Start) { s.Service = "shoop" }, able, `there is no service "shoop"; write one of shop, till`},
		{"an unknown candidate", func(s *stagger.Start) { s.Candidate = "v9" }, able, `shop has no version "v9"; write one of v1, v2`},
		{"no stages", func(s *stagger.Start) { s.Plan.Stages = nil }, able, "there is no stage"},
		{"a level that is none", func(s *stagger.Start) { s.Plan.Guardrails[0].Alpha = 1 }, able, "guardrails[0].alpha"},
		{"a metric that nobody exposes", func(s *stagger.Start) {
			s.Service = "till"
			s.Plan.Guardrails = append(s.Plan.Guardrails, stagger.Guardrail{
				Signal: stagger.SignalCount, Metric: "failed_total", Tolerance: 1.5, Alpha: 0.01, Action: stagger.ActionHold,
			})
		}, able, "guardrails[2].metric: till exposes no metrics; write metrics: {path: /metrics}"},
		{"too many guardrails", func(s *stagger.Start) {
			s.Plan.Guardrails = make([]stagger.Guardrail, 21)
		}, able, "there are 21 guardrails; write at most 20"},
		{"a half-life without end", func(s *stagger.Start) { s.Plan.WarmUp = -1 }, able, "warm_up"},
		{"no rules by header", func(*stagger.Start) {}, stagger.Abilities{Sticky: true}, "the data plane has no rules by header"},
		{"no stickiness", func(*stagger.Start) {}, stagger.Abilities{Header: true}, "cannot keep a subject on its version"},
		{"coarse weights", func(s *stagger.Start) { s.Plan.Stages[1].Weight = 12_345 }, stagger.Abilities{Sticky: true, Header: true, Precision: 10_000}, "splits in steps of 1% only"},
	} {
		t.Run(row.rule, func(t *testing.T) {
			err := config.Check(start(row.change), server.Services, row.can)
			if err == nil || !strings.Contains(err.Error(), row.want) || stagger.CodeOf(err) != stagger.CodeInvalid {
				t.Errorf("got %v, want %q", err, row.want)
			}
		})
	}
}

// TestTheSchemasAgree holds the published schemas against the parser: what an
// example says both accept, and the schema never refuses what the parser takes.
func TestTheSchemasAgree(t *testing.T) {
	for name, file := range map[string]struct {
		schema   []byte
		accepted []string
		refused  []string
	}{
		"stagger.yaml": {
			config.ServerSchema(),
			[]string{string(read(t, "../../examples/stagger.yaml"))},
			[]string{"services: 3", "{}", "services: []\nstore: {pth: x}", `services: [{name: a, baseline: b}]`, `services: [{name: a, baseline: b, versions: {b: {upstreams: [http://h:1]}}, metrics: {every: 5s}}]`},
		},
		"rollout.yaml": {
			config.RolloutSchema(),
			[]string{
				string(read(t, "../../examples/rollout-minimal.yaml")),
				string(read(t, "../../examples/rollout-internal-first.yaml")),
				string(read(t, "../../examples/rollout-full.yaml")),
				"service: s\ncandidate: 2\nchange:\nplan:\n  bake: {time: 1h30m}\n",
				"service: s\ncandidate: c\nplan: {guardrails: [{signal: gauge, metric: m, floor: 1e3, limit: 2e9, tolerance: 10%}]}",
				"service: s\ncandidate: c\nplan: {guardrails: [{signal: gauge, metric: m, limit: 0.5}, {signal: count, metric: m, floor: 0.5}]}",
			},
			[]string{
				"service: s", "service: s\ncandidate: c\nplan: {preset: brave}",
				"service: s\ncandidate: c\nplan: {stages: [{weight: 250}]}",
				"service: s\ncandidate: c\nplan: {bake: {time: 30}}",
				"service: s\ncandidate: c\nplan: {hlod: 3}",
				"service: s\ncandidate: c\nplan: {guardrails: [{signal: gauge, metric: m, limit: much}]}",
				"service: s\ncandidate: c\nplan: {warm_up: 30}",
				"service: s\ncandidate: c\nplan: {stages: [{weight: 1, min_samples: many}]}",
			},
		},
		"load.yaml": {
			config.LoadSchema(),
			[]string{
				string(read(t, "../../examples/load.yaml")), "rate: 10", "requests: [{name: a, headers: {X-A: 1}}]",
				"edge_cases:\nchecks: {p99.9: 1s, rate: 99%}", "profile: {kind: bursts, from: 1.5e2, every: 5s, burst: 100ms}",
			},
			[]string{"rate: fast", "for: 30", "profile: {kind: square}", "requests: [{path: /}]", "checks: {p98: 1s}", "edge_cases: {only: [none]}", "users: -1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			schema := compile(t, file.schema)
			for _, text := range file.accepted {
				if err := schema.Validate(document(t, text)); err != nil {
					t.Errorf("the schema refuses %q: %v", text, err)
				}
				if err := parse(name, []byte(text)); err != nil {
					t.Errorf("the parser refuses %q: %v", text, err)
				}
			}
			for _, text := range file.refused {
				if schema.Validate(document(t, text)) == nil {
					t.Errorf("the schema accepts %q", text)
				}
				if parse(name, []byte(text)) == nil {
					t.Errorf("the parser accepts %q", text)
				}
			}
		})
	}
}

func compile(t *testing.T, data []byte) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// document turns YAML into what JSON would have given.
func document(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTheReferenceIsTheCode(t *testing.T) {
	golden(t, "../../docs/reference/configuration.md", config.Reference())
}

func FuzzParseServer(f *testing.F) {
	f.Add(seed(f, "../../examples/stagger.yaml"))
	f.Add([]byte("services: [{name: &a x, baseline: *a, versions: {x: {upstreams: [http://h:1]}}}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := config.ParseServer("f", data); err == nil && len(s.Services) == 0 {
			t.Error("accepted without a service")
		}
	})
}

func FuzzParseRollout(f *testing.F) {
	for _, name := range []string{"minimal", "internal-first", "full"} {
		f.Add(seed(f, "../../examples/rollout-"+name+".yaml"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := config.ParseRollout("f", data); err == nil && (len(s.Plan.Stages) == 0 || s.Service == "") {
			t.Error("accepted without a stage or a service")
		}
	})
}

func seed(f *testing.F, path string) []byte {
	f.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	return data
}
