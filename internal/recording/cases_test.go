package recording_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"iter"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/config"
	"github.com/stagger-dev/stagger/internal/histogram"
	"github.com/stagger-dev/stagger/internal/recording"
)

var update = flag.Bool("update", false, "write the recordings that are made here anew")

// cases is where recordings with their truth lie; its README.md says what a
// truth is.
const cases = "testdata/cases"

// largest is how many bytes a recorded case may have.
const largest = 150_000

// truth is what is known of a recording.
type truth struct {
	// Summary says what happened, for people.
	Summary string          `json:"summary"`
	Outcome stagger.Outcome `json:"outcome"`
	// Decisions must be taken, first between the two times, seconds.
	Decisions map[recording.Kind][2]float64 `json:"decisions,omitempty"`
	// Never must not be decided.
	Never []recording.Kind `json:"never,omitempty"`
	// Signal and Route, if there, are what must be blamed.
	Signal stagger.Signal `json:"signal,omitempty"`
	Route  string         `json:"route,omitempty"`
	// Guardrails are those of the plan besides the standard ones.
	Guardrails []stagger.Guardrail `json:"guardrails,omitempty"`
}

var (
	names = recording.Names{Baseline: "baseline", Candidate: "candidate"}
	epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

// trial is a case under the guardrails of the standard plan.
func trial() recording.Case {
	p := config.Standard()
	return recording.Case{Names: names, Guardrails: p.Guardrails, BlindAfter: p.Blind.After}
}

func TestEveryCaseComesToItsTruth(t *testing.T) {
	if *update {
		writeCases(t)
	}
	folders, err := filepath.Glob(filepath.Join(cases, "*", "truth.json"))
	if err != nil || len(folders) < len(made) {
		t.Fatalf("%d cases: %v", len(folders), err)
	}
	for _, file := range folders {
		folder := filepath.Dir(file)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			var want truth
			strictly(t, file, &want)
			text, err := os.ReadFile(filepath.Join(folder, "recording.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			if len(text) > largest {
				t.Errorf("the recording has %d bytes, more than %d", len(text), largest)
			}
			c := trial()
			c.Guardrails = append(c.Guardrails, want.Guardrails...)
			decisions, summary := tryCase(t, c, text)
			want.hold(t, decisions, summary)
		})
	}
}

func strictly(t *testing.T, file string, v any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// try shows a sound recording to the judge.
func try(t *testing.T, text []byte) ([]recording.Decision, recording.Summary) {
	t.Helper()
	return tryCase(t, trial(), text)
}

func tryCase(t *testing.T, c recording.Case, text []byte) ([]recording.Decision, recording.Summary) {
	t.Helper()
	h := recording.NewHearing(c)
	var all []recording.Decision
	for tick, err := range recording.Ticks(source("recording.jsonl", text), names) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, h.Hear(tick)...)
	}
	return all, h.Summary()
}

func source(file string, text []byte) recording.Source {
	return recording.Source{File: file, Lines: lines(text)}
}

func lines(text []byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for line := range bytes.Lines(text) {
			if !yield(bytes.TrimSuffix(line, []byte("\n")), nil) {
				return
			}
		}
	}
}

func (want truth) hold(t *testing.T, decisions []recording.Decision, got recording.Summary) {
	t.Helper()
	defer func() {
		if t.Failed() {
			for _, d := range decisions {
				t.Logf("%6.1f s  %s: %s", d.After, d.Kind, d.Sentence)
			}
			t.Logf("in the end %s: %s", got.Outcome, got.Verdict.Sentence)
		}
	}()
	if got.Outcome != want.Outcome {
		t.Errorf("outcome %s, in truth %s", got.Outcome, want.Outcome)
	}
	for kind, between := range want.Decisions {
		if at, ok := got.First[kind]; !ok || at < between[0] || at > between[1] {
			t.Errorf("%s after %g s (%t), in truth between %g and %g", kind, at, ok, between[0], between[1])
		}
	}
	for _, kind := range want.Never {
		if at, ok := got.First[kind]; ok {
			t.Errorf("%s after %g s, in truth never", kind, at)
		}
	}
	if want.Signal != "" && got.Verdict.Signal != want.Signal {
		t.Errorf("blamed %q, in truth %q", got.Verdict.Signal, want.Signal)
	}
	if want.Route != "" && (len(got.Verdict.Findings) == 0 || got.Verdict.Findings[0].Route != want.Route) {
		t.Errorf("findings %+v, in truth route %s", got.Verdict.Findings, want.Route)
	}
}

// scene is a recording that is made here.
type scene struct {
	truth truth
	ticks int
	every int                                     // seconds a tick
	rate  [2]float64                              // requests per second of each version
	route string                                  // empty: none is named
	does  func(side, second int) behaviour        // nil: usual
	more  func(w *bytes.Buffer, at string)        // more lines for a tick
	skips func(side int, second int) (lacks bool) // ticks that a version does not report
	// writes, if there, writes all lines of a tick itself.
	writes func(w *bytes.Buffer, random *rand.Rand, at string)
}

// behaviour is how a version answers.
type behaviour struct {
	errors, slow, tail float64 // share failed, factor on all, share six times slower
}

var usually = behaviour{errors: 0.001, slow: 1}

func from(second int, b behaviour) func(int, int) behaviour {
	return func(side, now int) behaviour {
		if side == 1 && now >= second {
			return b
		}
		return usually
	}
}

var made = map[string]scene{
	"healthy": {
		truth: truth{
			Summary: "Both versions are alike.", Outcome: stagger.OutcomeHealthy,
			Decisions: map[recording.Kind][2]float64{recording.KindHealthy: {10, 300}}, Never: alarms,
		},
		ticks: 30, every: 10, rate: [2]float64{200, 200},
	},
	"errors": {
		truth: truth{
			Summary: "The candidate fails 3% of requests, the baseline 0.1%.", Outcome: stagger.OutcomeRegressed, Signal: stagger.SignalErrors,
			Decisions: map[recording.Kind][2]float64{recording.KindSuspect: {1, 20}, recording.KindRegressed: {5, 45}},
		},
		ticks: 60, every: 1, rate: [2]float64{100, 100}, does: from(0, behaviour{errors: 0.03, slow: 1}),
	},
	"errors-late": {
		truth: truth{
			Summary: "The candidate is fine for 200 s, then fails 3% of requests.", Outcome: stagger.OutcomeRegressed, Signal: stagger.SignalErrors,
			Decisions: map[recording.Kind][2]float64{recording.KindSuspect: {200, 240}, recording.KindRegressed: {210, 280}},
		},
		ticks: 140, every: 2, rate: [2]float64{36, 36}, does: from(200, behaviour{errors: 0.06, slow: 1}),
	},
	"tail": {
		truth: truth{
			Summary: "The median is the same, but 6% of the candidate's requests take six times as long.", Outcome: stagger.OutcomeRegressed,
			Signal:    stagger.SignalLatency,
			Decisions: map[recording.Kind][2]float64{recording.KindSuspect: {5, 120}, recording.KindRegressed: {5, 180}},
		},
		ticks: 45, every: 5, rate: [2]float64{60, 60}, does: from(0, behaviour{errors: 0.001, slow: 1, tail: 0.06}),
	},
	"slower": {
		truth: truth{
			Summary: "All of the candidate's requests take 30% longer.", Outcome: stagger.OutcomeRegressed, Signal: stagger.SignalLatency,
			Decisions: map[recording.Kind][2]float64{recording.KindSuspect: {2, 60}, recording.KindRegressed: {5, 120}},
		},
		ticks: 45, every: 5, rate: [2]float64{60, 60}, does: from(0, behaviour{errors: 0.001, slow: 1.3}),
	},
	"catastrophe": {
		truth: truth{
			Summary: "From second 30 on, the candidate fails six requests in ten.", Outcome: stagger.OutcomeRegressed, Signal: stagger.SignalErrors,
			Decisions: map[recording.Kind][2]float64{recording.KindShed: {30, 34}, recording.KindRegressed: {40, 60}},
		},
		ticks: 60, every: 1, rate: [2]float64{80, 20}, does: from(30, behaviour{errors: 0.6, slow: 1}),
	},
	"blip": {
		truth: truth{
			Summary: "For one block of five seconds the candidate fails half of its requests, and is fine again.", Outcome: stagger.OutcomeInconclusive,
			Decisions: map[recording.Kind][2]float64{recording.KindShed: {30, 33}}, Never: []recording.Kind{recording.KindRegressed, recording.KindBlind},
		},
		ticks: 90, every: 1, rate: [2]float64{60, 60}, does: func(side, second int) behaviour {
			if side == 1 && second >= 30 && second < 35 {
				return behaviour{errors: 0.5, slow: 1}
			}
			return usually
		},
	},
	"outage-of-both": {
		truth: truth{
			Summary: "For thirty seconds both versions fail three requests in ten: a dependency was away.", Outcome: stagger.OutcomeHealthy,
			Never: []recording.Kind{recording.KindRegressed, recording.KindShed, recording.KindBlind},
		},
		ticks: 90, every: 1, rate: [2]float64{60, 60}, does: func(_, second int) behaviour {
			if second >= 30 && second < 60 {
				return behaviour{errors: 0.3, slow: 2}
			}
			return usually
		},
	},
	"gap": {
		truth: truth{
			Summary: "The candidate does not report for forty seconds.", Outcome: stagger.OutcomeInconclusive,
			Decisions: map[recording.Kind][2]float64{recording.KindBlind: {50, 50}, recording.KindCleared: {81, 81}}, Never: []recording.Kind{recording.KindRegressed, recording.KindHealthy},
		},
		ticks: 120, every: 1, rate: [2]float64{30, 30}, skips: func(side, second int) bool { return side == 1 && second >= 40 && second < 80 },
	},
	"falls-silent": {
		truth: truth{
			Summary: "The candidate stops reporting for good, though it looked well.", Outcome: stagger.OutcomeBlind,
			Decisions: map[recording.Kind][2]float64{recording.KindBlind: {250, 250}}, Never: []recording.Kind{recording.KindRegressed},
		},
		ticks: 30, every: 10, rate: [2]float64{150, 150}, skips: func(side, second int) bool { return side == 1 && second >= 240 },
	},
	"no-candidate-traffic": {
		truth: truth{
			Summary: "Nobody meets the candidate.", Outcome: stagger.OutcomeInconclusive,
			Never: []recording.Kind{recording.KindHealthy, recording.KindBlind, recording.KindRegressed, recording.KindSuspect},
		},
		ticks: 60, every: 5, rate: [2]float64{100, 0},
	},
	"no-baseline-traffic": {
		truth: truth{
			Summary: "Everybody meets the candidate, which fails; there is nothing to compare it with.", Outcome: stagger.OutcomeInconclusive,
			Never: []recording.Kind{recording.KindHealthy, recording.KindBlind, recording.KindRegressed},
		},
		ticks: 60, every: 5, rate: [2]float64{0, 40}, does: from(0, behaviour{errors: 0.2, slow: 1}),
	},
	"one-an-hour": {
		truth: truth{
			Summary: "One request an hour, for three days.", Outcome: stagger.OutcomeInconclusive,
			Never: []recording.Kind{recording.KindHealthy, recording.KindBlind, recording.KindRegressed, recording.KindSuspect},
		},
		ticks: 72, every: 3600, rate: [2]float64{1.0 / 3600, 1.0 / 3600},
	},
	"a-million-in-one-bucket": {
		truth: truth{
			Summary: "A million requests a second, all of both in one bucket.", Outcome: stagger.OutcomeHealthy, Never: alarms,
		},
		ticks: 30, every: 1, more: func(w *bytes.Buffer, at string) {
			for _, version := range []string{"baseline", "candidate"} {
				w.WriteString(`{"at":"` + at + `","version":"` + version + `","started":1000000,"failed":1000,"latency":{"schema":5,"buckets":{"-180":1000000}}}` + "\n")
			}
		},
	},
	"one-route": {
		truth: truth{
			Summary: "Only /checkout fails, one request in five; it has a tenth of the traffic.", Outcome: stagger.OutcomeRegressed,
			Signal: stagger.SignalErrors, Route: "/checkout",
			Decisions: map[recording.Kind][2]float64{recording.KindRegressed: {5, 60}},
		},
		ticks: 60, every: 1, rate: [2]float64{60, 60}, route: "/", more: func(w *bytes.Buffer, at string) {
			w.WriteString(`{"at":"` + at + `","version":"baseline","route":"/checkout","started":10,"failed":0}` + "\n")
			w.WriteString(`{"at":"` + at + `","version":"candidate","route":"/checkout","started":10,"failed":2}` + "\n")
		},
	},
}

// otherCases are of what is measured besides answers.
var otherCases = map[string]scene{
	"wrong-split": {
		truth: truth{
			Summary: "Three in a hundred new users meet the candidate, where the weight says five.", Outcome: stagger.OutcomeInconclusive,
			Decisions: map[recording.Kind][2]float64{recording.KindSuspect: {10, 250}}, Never: []recording.Kind{recording.KindRegressed, recording.KindHealthy, recording.KindShed},
		},
		ticks: 80, every: 5, writes: func(w *bytes.Buffer, random *rand.Rand, at string) {
			for side, version := range versions {
				arrived := poisson(random, [2]float64{291, 9}[side])
				fmt.Fprintf(w, `{"at":%q,"version":%q,"started":%d,"failed":0,"seconds":5,"arrived":%d,"share":0.05}`+"\n", at, version, 2*arrived, arrived)
			}
		},
	},
	"refunds": {
		truth: truth{
			Summary: "Eight in a hundred requests to the candidate end in a refund, two of the baseline's.", Outcome: stagger.OutcomeRegressed,
			Signal: stagger.SignalCount, Decisions: map[recording.Kind][2]float64{recording.KindSuspect: {5, 240}, recording.KindRegressed: {15, 360}},
			Guardrails: []stagger.Guardrail{
				{Signal: stagger.SignalCount, Metric: "refunds", Tolerance: 1.5, Alpha: 0.01, Action: stagger.ActionRollback},
			},
		},
		ticks: 80, every: 5, writes: func(w *bytes.Buffer, random *rand.Rand, at string) {
			for side, version := range versions {
				fmt.Fprintf(w, `{"at":%q,"version":%q,"started":%d,"failed":0,"seconds":5,"counts":{"refunds":%d}}`+"\n",
					at, version, poisson(random, 250), poisson(random, [2]float64{5, 20}[side]))
			}
		},
	},
	"twice-the-memory": {
		truth: truth{
			Summary: "The candidate's hosts hold twice the memory; all else is alike.", Outcome: stagger.OutcomeInconclusive,
			Decisions: map[recording.Kind][2]float64{recording.KindSuspect: {60, 900}}, Never: []recording.Kind{recording.KindRegressed, recording.KindShed},
			Signal: stagger.SignalGauge,
			Guardrails: []stagger.Guardrail{
				{Signal: stagger.SignalGauge, Metric: "heap", Tolerance: 0.25, Alpha: 0.01, Action: stagger.ActionHold},
			},
		},
		ticks: 80, every: 15, writes: func(w *bytes.Buffer, random *rand.Rand, at string) {
			for side, version := range versions {
				for host := range 2 {
					fmt.Fprintf(w, `{"at":%q,"version":%q,"host":"%s-%d","started":%d,"failed":0,"seconds":15,"gauges":{"heap":%.3f}}`+"\n",
						at, version, version, host, poisson(random, 300), 0.4*float64(side+1)*math.Exp(0.1*random.NormFloat64()))
				}
			}
		},
	},
}

var versions = [...]string{"baseline", "candidate"}

func init() { maps.Copy(made, otherCases) }

// alarms are the decisions that a healthy candidate must not meet.
var alarms = []recording.Kind{recording.KindSuspect, recording.KindShed, recording.KindRegressed, recording.KindBlind}

func writeCases(t *testing.T) {
	t.Helper()
	for name, s := range made {
		folder := filepath.Join(cases, name)
		text, err := json.MarshalIndent(s.truth, "", "  ")
		if err == nil {
			err = os.MkdirAll(folder, 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, "truth.json"), append(text, '\n'), 0o644)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, "recording.jsonl"), s.record(7), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// record writes the recording of a seed.
func (s scene) record(seed uint64) []byte {
	random := rand.New(rand.NewPCG(seed, uint64(s.ticks)))
	var w bytes.Buffer
	for i := range s.ticks {
		second := i * s.every
		at := epoch.Truncate(time.Hour).Add(time.Duration(second) * time.Second).Format(time.RFC3339)
		for side, version := range []string{"baseline", "candidate"} {
			if s.rate == [2]float64{} || s.skips != nil && s.skips(side, second) {
				continue
			}
			b := usually
			if s.does != nil {
				b = s.does(side, second)
			}
			s.line(&w, random, at, version, s.rate[side]*float64(s.every), b)
		}
		if s.more != nil {
			s.more(&w, at)
		}
		if s.writes != nil {
			s.writes(&w, random, at)
		}
	}
	return w.Bytes()
}

func (s scene) line(w *bytes.Buffer, random *rand.Rand, at, version string, mean float64, b behaviour) {
	n, failed := poisson(random, mean), 0
	counts := map[string]int{}
	for range n {
		if random.Float64() < b.errors {
			failed++
		}
		seconds := 0.02 * b.slow * math.Exp(0.35*random.NormFloat64())
		if random.Float64() < b.tail {
			seconds *= 6
		}
		counts[strconv.Itoa(int(histogram.Index(time.Duration(seconds*float64(time.Second)))))]++
	}
	line := map[string]any{
		"at": at, "version": version, "started": n, "failed": failed, "seconds": s.every,
		"latency": map[string]any{"schema": 5, "buckets": counts},
	}
	if s.route != "" {
		line["route"] = s.route
	}
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	w.Write(append(text, '\n'))
}

func poisson(random *rand.Rand, mean float64) int {
	n := 0
	for at := random.ExpFloat64(); at < mean; at += random.ExpFloat64() {
		n++
	}
	return n
}
