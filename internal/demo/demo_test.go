package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/config"
)

var all = flag.Bool("all", false, "run every scenario of the demo, in real time")

// TestMain lets the test binary be the demo's backends, too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == BackendCommand {
		if err := ServeBackend(context.Background(), os.Args[2:], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// promise is how long a scenario may take, wall time.
func promise(s Scenario) time.Duration {
	if s.Name == "errors" {
		return 30 * time.Second
	}
	return 58 * time.Second
}

// TestScenarios runs the stories in real time, one after the other: the one
// that newcomers see first, and with -all every one.
func TestScenarios(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds of real time")
	}
	for _, s := range Scenarios() {
		if s.Name != DefaultScenario && !*all {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			var out bytes.Buffer
			began := time.Now()
			summary, err := Run(t.Context(), Options{Scenario: s.Name, Rate: DefaultRate, Seed: 1, JSON: true, Out: &out})
			took := time.Since(began)
			if err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
			t.Logf("%s after %.1f s: %s", summary.Outcome, took.Seconds(), summary.Reason)
			if took > promise(s) {
				t.Errorf("it took %v, more than %v", took, promise(s))
			}
			checkLines(t, s, out.String(), summary)
		})
	}
}

// checkLines holds the output against the summary.
func checkLines(t *testing.T, s Scenario, out string, want Summary) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var got Summary
	must(t, json.Unmarshal([]byte(lines[len(lines)-1]), &got))
	if got != want || got.Outcome != s.Want || got.FalseAlarm {
		t.Errorf("the last line is %+v, the summary %+v", got, want)
	}
	if got.CandidateRequests == 0 || got.CandidateRequests > got.Requests || got.UsersExposed == 0 || got.UsersExposed > got.Users {
		t.Errorf("these counts cannot be: %+v", got)
	}
	if trouble := s.From != FromStart || s.troubled(); trouble != (got.DetectedAfter > 0) {
		t.Errorf("detected after %v seconds", got.DetectedAfter)
	}
	var met *stagger.Exposure
	for i, line := range lines[:len(lines)-1] {
		var e stagger.Event
		must(t, json.Unmarshal([]byte(line), &e))
		if e.Seq != uint64(i+1) {
			t.Errorf("line %d has event %d", i+1, e.Seq)
		}
		if e.Exposure != nil {
			met = e.Exposure
		}
	}
	if s.Name == DefaultScenario { // others lose telemetry
		checkExposure(t, met, want)
	}
}

// checkExposure holds what the server kept of who met the candidate against what
// the people of the demo met.
func checkExposure(t *testing.T, kept *stagger.Exposure, met Summary) {
	t.Helper()
	if kept == nil {
		t.Fatal("the end does not say who met the candidate")
	}
	near := func(a, b uint64, least float64) bool {
		return math.Abs(float64(a)-float64(b)) <= 0.07*float64(b)+least
	}
	if !near(kept.Requests, met.CandidateRequests, 5) || !near(kept.Failed, met.CandidateFailed, 5) || !near(kept.Users, uint64(met.UsersExposed), 5) {
		t.Errorf("kept is %+v, of %+v", kept, met)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []Options{
		{Scenario: "errors", Rate: 99}, {Scenario: "errors", Rate: maxRate + 1}, {Scenario: "sabotage", Rate: 800},
	} {
		_, err := Run(t.Context(), o)
		var refused *stagger.Error
		if !errors.As(err, &refused) || refused.Code != stagger.CodeInvalid {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// TestPlanIsValid holds the demo's plan to the rules that everybody's plan is
// held to.
func TestPlanIsValid(t *testing.T) {
	services := []stagger.Service{{
		Name: service, Baseline: baseline, Listener: "web",
		Versions: []stagger.Version{{Name: baseline, Upstreams: []string{"http://a"}}, {Name: candidate, Upstreams: []string{"http://b"}}},
	}}
	can := stagger.Abilities{Precision: 1, Sticky: true, Header: true, Cookie: true, Claim: true}
	must(t, config.Check(stagger.Start{Service: service, Candidate: candidate, Plan: Plan(1)}, services, can))
}

func TestBackendAnswersAsItShould(t *testing.T) {
	b := &backend{random: rand.New(rand.NewPCG(1, 1))}
	const n = 20_000
	for name, c := range map[string]struct {
		now            Behaviour
		failed, median float64
	}{
		"healthy": {Behaviour{}, usualErrors, 1},
		"errors":  {Behaviour{Errors: 0.3}, 0.3 + usualErrors, 1},
		"slow":    {Behaviour{Slow: 1.6}, usualErrors, 1.6},
	} {
		t.Run(name, func(t *testing.T) {
			failed, slower := 0.0, 0.0
			for range n {
				wait, fails := b.draw(c.now)
				if fails {
					failed++
				}
				if wait > time.Duration(c.median*float64(usualMedian)) {
					slower++
				}
			}
			// Six standard deviations of a share of n.
			if share := failed / n; share < c.failed-0.02 || share > c.failed+0.02 {
				t.Errorf("a share of %.4f fails, not %.4f", share, c.failed)
			}
			if share := slower / n; share < 0.478 || share > 0.522 {
				t.Errorf("a share of %.4f takes longer than the median", share)
			}
		})
	}
}

// fixed is a source of one tick per second.
type fixed struct{ from time.Time }

func (f fixed) Ticks(_ context.Context, _ string, after time.Time) ([]stagger.Tick, error) {
	var ticks []stagger.Tick
	for i := range 10 {
		to := f.from.Add(time.Duration(i) * time.Second)
		if to.After(after) {
			ticks = append(ticks, stagger.Tick{To: to})
		}
	}
	return ticks, nil
}

func TestOutageLosesWhatIsSealedMeanwhile(t *testing.T) {
	from := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	o := &outage{Source: fixed{from}}
	count := func() int {
		ticks, err := o.Ticks(t.Context(), service, from.Add(-time.Second))
		must(t, err)
		return len(ticks)
	}
	whole := count()
	o.begin(from.Add(3500 * time.Millisecond))
	during := count()
	o.end(from.Add(6500 * time.Millisecond))
	after := count()
	if whole != 10 || during != 4 || after != 7 {
		t.Errorf("%d ticks without an outage, %d in one, %d after it", whole, during, after)
	}
	if o.InFlight(service, baseline) != 0 {
		t.Error("a source that does not count requests in flight has some")
	}
}

func TestStoryFitsTheWidth(t *testing.T) {
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	line := eventLine(stagger.Rollout{CreatedAt: at}, stagger.Event{
		Kind: stagger.EventHeld, At: at.Add(1500 * time.Millisecond), Weight: 10 * stagger.WeightPercent,
		Reason: "the evidence looks bad, not yet proved: v2 fails 40% of requests against 0% for v1",
	}, 80)
	want := `    1.5s  ◆ held               10%  the evidence looks bad, not yet proved: v2
                                    fails 40% of requests against 0% for v1
`
	if line != want {
		t.Errorf("the line is\n%s", line)
	}
}

// TestADemoThatCannotBeginSaysSo stops one before its backends are there.
func TestADemoThatCannotBeginSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if w, err := build(ctx, Options{Scenario: "healthy", Rate: 200, Seed: 1}); err == nil || w != nil {
		t.Errorf("%v, %v", w, err)
	}
}

// TestNothingStaysBehind stops a demo in its middle.
func TestNothingStaysBehind(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err := Run(ctx, Options{Scenario: "healthy", Rate: 200, Seed: 1, Plain: true, Out: &bytes.Buffer{}})
	if err == nil {
		t.Error("a demo that was stopped says nothing")
	}
	left, err := filepath.Glob(filepath.Join(folder, "*"))
	must(t, err)
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
