package config_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/config"
)

// again writes a start, reads it, and says what differs.
func again(start stagger.Start) (text, differs string) {
	data := config.WriteRollout(start)
	got, err := config.ParseRollout("written.yaml", data)
	if err != nil {
		return string(data), err.Error()
	}
	return string(data), cmp.Diff(start, got)
}

// TestARolloutThatIsWrittenReadsAsItWas takes every valid file there is, and the
// presets.
func TestARolloutThatIsWrittenReadsAsItWas(t *testing.T) {
	files, err := filepath.Glob("../../examples/rollout-*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	texts := map[string]string{
		"rules":     "service: a\ncandidate: b\nplan:\n  cohort: {key: {header: X-User}, seed: '7'}\n  stages:\n  - {name: \"1: staff\", cohort: [{header: X-Group, in: [a b, \"yes\", '5']}, {claim: sub, matches: '^a\\d\\\\\"{2}$'}], timebox: 0s}\n  - weight: 0.0125\n    min_time: 90s\n",
		"growth":    "service: a\ncandidate: b\nplan: {growth: {kind: exponential, from: 1, factor: 3}, warm_up: 2m, blind: {after: 1m30s}, shed: {probe: 0.5, patience: 90s}}\n",
		"shadow":    "service: a\ncandidate: b\nplan:\n  stages: [{shadow: 10%}, {weight: 5}]\n  shadow: {ignore: [$.at, header.location], numbers: 0.1%, keys: [{array: $.items, key: id}], repeat: 50%}\n",
		"metrics":   "service: a\ncandidate: b\nplan:\n  guardrails:\n  - {signal: latency, tolerance: 7%, floor: 1500us}\n  - {signal: gauge, metric: 'queue{kind=\"x\"}', limit: 1e6}\n  - {signal: count, metric: lost_total, tolerance: 2x, action: rollback}\n  - {signal: retries}\n",
		"a change":  "service: a\ncandidate: '2'\nchange: {kind: code, commit: '0123', summary: \"it: says \\\"#1\\\"\\n\\tand goes on\"}\n",
		"standard":  "service: a\ncandidate: b\n",
		"fast":      "service: a\ncandidate: b\nplan: {preset: fast}\n",
		"cautious":  "service: a\ncandidate: b\nplan: {preset: cautious}\n",
		"by cookie": "service: a\ncandidate: b\nplan: {cohort: {key: {cookie: user}}}\n",
	}
	for _, file := range files {
		texts[file] = string(read(t, file))
	}
	for name, text := range texts {
		start, err := config.ParseRollout(name, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if written, diff := again(start); diff != "" {
			t.Errorf("%s:\n%s\n%s", name, diff, written)
		}
	}
}

func TestAnyTextThatIsReadCanBeWritten(t *testing.T) {
	text := rapid.StringMatching(`[ -~äß→\n\t]{1,30}`)
	rapid.Check(t, func(t *rapid.T) {
		start := stagger.Start{
			Service: text.Draw(t, "service"), Candidate: text.Draw(t, "candidate"),
			Change: stagger.Change{Summary: text.Draw(t, "summary")}, Plan: config.Standard(),
		}
		start.Plan.Stages[0].Name = text.Draw(t, "name")
		start.Plan.Stages[0].Weight = stagger.Weight(rapid.Uint32Range(1, 9_999).Draw(t, "weight"))
		start.Plan.Stages[1].MinTime = time.Duration(rapid.Int64Range(0, int64(30*time.Minute)).Draw(t, "least"))
		start.Plan.Guardrails[1].Floor = (time.Duration(rapid.IntRange(0, 5000).Draw(t, "floor")) * time.Millisecond).Seconds()
		if written, diff := again(start); diff != "" {
			t.Fatalf("%s\n%s", diff, written)
		}
	})
}

func TestLinesTellWhereAPlanSaysIt(t *testing.T) {
	data := []byte("service: a\ncandidate: b\nplan:\n  stages:\n    - {weight: 1%, timebox: 1h}\n    - weight: 5%\n      timebox: 2h\n")
	at := config.Lines(data)
	for path, want := range map[string]int{
		"stages[0].timebox": 5, "stages[1].weight": 6, "stages[1].timebox": 7, "stages[1]": 6, "stages[1].min_time": 0, "guardrails": 0,
	} {
		if got := at(path); got != want {
			t.Errorf("%s: line %d, want %d", path, got, want)
		}
	}
}
