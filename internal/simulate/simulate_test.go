package simulate_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
	"github.com/stagger-dev/stagger/internal/judge"
	"github.com/stagger-dev/stagger/internal/simulate"
)

// strict tolerates nothing, so that models without harm are at the very edge of
// what is allowed.
func strict() []stagger.Guardrail {
	return []stagger.Guardrail{
		{Signal: stagger.SignalErrors, Tolerance: 1, Alpha: 0.01, Action: stagger.ActionRollback},
		{Signal: stagger.SignalLatency, Alpha: 0.01, Action: stagger.ActionRollback},
	}
}

func model(t *testing.T, text string) simulate.Model {
	t.Helper()
	m, err := simulate.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func trial(t *testing.T, text string) simulate.Trial {
	return simulate.Trial{
		Model: model(t, text), Rate: 1000, Share: 0.05, Shares: []float64{0.01, 0.05, 0.25, 0.5},
		Length: 10 * time.Minute, Guardrails: strict(),
	}
}

// gathered adds up what both versions did while a model plays, from a time on.
func gathered(t *testing.T, tr simulate.Trial, from time.Duration) (sum [2]stagger.Observation) {
	t.Helper()
	err := tr.Play(t.Context(), 1, func(s simulate.Scene) bool {
		for i, o := range s.Tick.Observations {
			if s.At <= from {
				continue
			}
			sum[i].Started += o.Started
			sum[i].FirstFailed += o.FirstFailed
			sum[i].Unfinished += o.Unfinished
			sum[i].Outcomes = sum[i].Outcomes.Add(o.Outcomes)
			sum[i].Latency = histogram.Sum(sum[i].Latency, o.Latency)
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestModelsDoWhatTheySay(t *testing.T) {
	quantile := func(o stagger.Observation, q float64) float64 {
		_, high := histogram.Quantile(o.Latency, q)
		return high
	}
	near := func(t *testing.T, what string, got, want, part float64) {
		t.Helper()
		if math.Abs(got-want) > part*want {
			t.Errorf("%s is %g, want %g", what, got, want)
		}
	}
	for _, row := range []struct {
		model          string
		from           time.Duration
		errors         [2]float64
		p50, p95, p99  float64 // of the candidate, over the usual
		share          float64
		failedPerFirst float64
	}{
		{"healthy", 0, [2]float64{0.001, 0.001}, 1, 1, 1, 0.25, 1},
		{"odds=3", 0, [2]float64{0.001, 0.002994}, 1, 1, 1, 0.25, 1},
		{"errors=2%", 0, [2]float64{0.001, 0.02}, 1, 1, 1, 0.25, 1},
		{"p50=10%", 0, [2]float64{0.001, 0.001}, 1.1, 1.1, 1.1, 0.25, 1},
		{"p99=50%", 0, [2]float64{0.001, 0.001}, 1, 1, 1.5, 0.25, 1},
		{"intermittent=6%", 0, [2]float64{0.001, 0.001 + (0.06-0.001)/6}, 1, 1, 1, 0.25, 1},
		{"late=1%", 30 * time.Minute, [2]float64{0.001, 0.01}, 1, 1, 1, 0.25, 1},
		{"late-p99=50%", 30 * time.Minute, [2]float64{0.001, 0.001}, 1, 1, 1.5, 0.25, 1},
		{"jump=5", 20 * time.Minute, [2]float64{0.005, 0.005}, 1, 1, 1, 0.375, 1},
		{"skew=1.2", 0, [2]float64{0.001, 0.001}, 1, 1, 1, 0.3, 1},
		{"bursts=5", 0, [2]float64{0.001, 0.001}, 1, 1, 1, 0.25, 5},
		{"bursts-10s=5", 0, [2]float64{0.001, 0.001}, 1, 1, 1, 0.25, 5},
		{"bursts-30s=20", 0, [2]float64{0.001, 0.001}, 1, 1, 1, 0.25, 20},
		{"bursts-harm=3", 0, [2]float64{0.001, 0.003}, 1, 1, 1, 0.25, 5},
	} {
		t.Run(row.model, func(t *testing.T) {
			tr := trial(t, row.model)
			tr.Rate, tr.Share, tr.Length = 5000, 0.25, 40*time.Minute
			got := gathered(t, tr, row.from)
			all := float64(got[0].Started + got[1].Started)
			near(t, "the rate", all/(tr.Length-row.from).Seconds(), 5000, 0.01)
			near(t, "the share", float64(got[1].Started)/all, row.share, 0.01)
			for i, o := range got {
				near(t, "the share of failures", float64(o.Outcomes.Failed())/float64(o.Started), row.errors[i], 0.2)
				near(t, "failures of a subject", float64(o.Outcomes.Failed())/float64(o.FirstFailed), row.failedPerFirst, 0.15)
			}
			near(t, "p50", quantile(got[1], 0.5)/0.020, row.p50, 0.03)
			near(t, "p95", quantile(got[1], 0.95)/0.1036, row.p95, 0.03)
			near(t, "p99", quantile(got[1], 0.99)/0.2048, row.p99, 0.04)
			near(t, "p99 of the baseline", quantile(got[0], 0.99)/0.2048, 1, 0.04)
		})
	}
}

func TestAnIncidentStrikesBothForFiveMinutes(t *testing.T) {
	tr := trial(t, "incident=5%")
	tr.Length, tr.Share = 40*time.Minute, 0.5
	got := gathered(t, tr, 0)
	want := 0.5 * 1000 * (0.05*300 + 0.001*(2400-300))
	for i, o := range got {
		if failed := float64(o.Outcomes.Failed()); math.Abs(failed-want) > 0.05*want {
			t.Errorf("version %d failed %g times, want about %g", i, failed, want)
		}
	}
}

func TestWhatTakesTooLongIsUnfinished(t *testing.T) {
	tr := trial(t, "p50=100") // a median of two seconds
	got := gathered(t, tr, 0)
	candidate := got[1]
	// The share beyond 2^3.5 s of a log-normal latency of median 2.02 s.
	want := 0.5 * math.Erfc(math.Log(math.Exp2(3.5)/2.02)/math.Sqrt2)
	if share := float64(candidate.Unfinished) / float64(candidate.Started); math.Abs(share-want) > 0.1*want {
		t.Errorf("%g are unfinished, want about %g", share, want)
	}
	if n := candidate.Latency.Count() + candidate.Unfinished; n != candidate.Started {
		t.Errorf("%d of %d requests are in the histogram or unfinished", n, candidate.Started)
	}
	if got[0].Unfinished > 0 {
		t.Errorf("%d of the baseline are unfinished", got[0].Unfinished)
	}
}

// The groups of every tick add up to the whole, in coarse buckets.
func TestGroupsAddUp(t *testing.T) {
	for _, name := range []string{"healthy", "errors=50%", "bursts=50", "bursts-10s", "p50=100", "pods"} {
		t.Run(name, func(t *testing.T) {
			tr := trial(t, name)
			tr.Subjects, tr.Length = true, time.Minute
			for _, rate := range []float64{3, 1000, 20_000} {
				tr.Rate = rate
				err := tr.Play(t.Context(), 5, func(s simulate.Scene) bool {
					for _, o := range s.Tick.Observations {
						compareGroups(t, o)
					}
					return !t.Failed()
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func compareGroups(t *testing.T, o stagger.Observation) {
	t.Helper()
	var sum stagger.Group
	for _, g := range o.Groups {
		if n := g.Latency.Count() + g.Unfinished; n != g.Started || g.Failed > n || g.FirstFailed > g.Failed {
			t.Errorf("%d requests in a group, %d in its histogram or unfinished, %d failed, %d of them first", g.Started, n, g.Failed, g.FirstFailed)
		}
		sum.Started += g.Started
		sum.Failed += g.Failed
		sum.FirstFailed += g.FirstFailed
		sum.Unfinished += g.Unfinished
		sum.Latency = histogram.Sum(sum.Latency, g.Latency)
	}
	want := stagger.Group{Started: o.Started, Failed: o.Outcomes.Failed(), FirstFailed: o.FirstFailed, Unfinished: o.Unfinished}
	for _, b := range o.Latency.Buckets {
		up := int32(math.Ceil(float64(b.Index)/stagger.GroupSteps)) * stagger.GroupSteps
		want.Latency = histogram.Sum(want.Latency, stagger.Histogram{Buckets: []stagger.Bucket{{Index: up, Count: b.Count}}})
	}
	if diff := cmp.Diff(want, sum, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func TestASeedMakesOneLife(t *testing.T) {
	for _, name := range []string{"errors=5%", "bursts-harm", "pods", "ramp"} {
		tr := trial(t, name)
		tr.Subjects = true
		told := func(seed uint64) string {
			var b strings.Builder
			encoder := json.NewEncoder(&b)
			if err := tr.Play(t.Context(), seed, func(s simulate.Scene) bool {
				if err := encoder.Encode(s.Tick); err != nil {
					t.Fatal(err)
				}
				return s.At < time.Minute
			}); err != nil {
				t.Fatal(err)
			}
			return b.String()
		}
		if first, again := told(7), told(7); first != again {
			t.Errorf("%s: one seed made two lives", name)
		}
		if told(7) == told(8) {
			t.Errorf("%s: two seeds made one life", name)
		}
	}
}

func TestTheJudgeIsMeasured(t *testing.T) {
	for _, row := range []struct {
		model             string
		suspect, rollback [2]time.Duration // the least and the most that the median may be
	}{
		{"errors=50%", [2]time.Duration{time.Second, 2 * time.Second}, [2]time.Duration{9 * time.Second, 12 * time.Second}},
		{"burst", [2]time.Duration{time.Second, 2 * time.Second}, [2]time.Duration{9 * time.Second, 12 * time.Second}},
		{"blip", [2]time.Duration{time.Second, 2 * time.Second}, [2]time.Duration{simulate.Never, simulate.Never}},
		{"healthy", [2]time.Duration{simulate.Never, simulate.Never}, [2]time.Duration{simulate.Never, simulate.Never}},
	} {
		t.Run(row.model, func(t *testing.T) {
			got, err := trial(t, row.model).Run(t.Context(), 7, 1, nil)
			if err != nil {
				t.Fatal(err)
			}
			if m := got.Suspect.Median; m < row.suspect[0] || m > row.suspect[1] {
				t.Errorf("suspected after %v, want %v", m, row.suspect)
			}
			if m := got.Rollback.Median; m < row.rollback[0] || m > row.rollback[1] {
				t.Errorf("rolled back after %v, want %v", m, row.rollback)
			}
		})
	}
}

// Reading verdicts rarely changes when they are heard, and nothing else.
func TestSparseLooksAreAHundredthLate(t *testing.T) {
	often, sparse := trial(t, "p99=50%"), trial(t, "p99=50%")
	sparse.Sparse = true
	for seed := range uint64(6) {
		a, err := often.Live(t.Context(), seed)
		if err != nil {
			t.Fatal(err)
		}
		b, err := sparse.Live(t.Context(), seed)
		if err != nil {
			t.Fatal(err)
		}
		if b.Rollback < a.Rollback || b.Rollback > a.Rollback+a.Rollback/100+time.Second {
			t.Errorf("seed %d: rolled back after %v, seen after %v", seed, a.Rollback, b.Rollback)
		}
	}
}

func TestHealthIsMeasuredByTheMarginsOfThePlan(t *testing.T) {
	tr := trial(t, "healthy")
	for i, healthy := range []float64{0.02, 0.5} {
		tr.Guardrails[i].Healthy = healthy
	}
	got, err := tr.Run(t.Context(), 5, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Healthy.Seen != 5 || got.Healthy.Median > 5*time.Minute {
		t.Errorf("healthy in %d of 5 lives, after %v", got.Healthy.Seen, got.Healthy.Median)
	}
}

func TestWhatCannotBeSimulatedIsRefused(t *testing.T) {
	for _, row := range []struct {
		change func(*simulate.Trial)
		want   string
	}{
		{func(tr *simulate.Trial) { tr.Rate = 0 }, "0 requests per second"},
		{func(tr *simulate.Trial) { tr.Rate = math.NaN() }, "NaN requests per second"},
		{func(tr *simulate.Trial) { tr.Rate = 2e6 }, "1000000 at most"},
		{func(tr *simulate.Trial) { tr.Share = 0 }, "share of 0"},
		{func(tr *simulate.Trial) { tr.Share = 1 }, "share of 1"},
		{func(tr *simulate.Trial) { tr.Length = time.Second }, "a life of 1s"},
		{func(tr *simulate.Trial) { tr.Guardrails = nil }, "no guardrail"},
		{func(tr *simulate.Trial) { tr.Hosts = 1 }, "1 hosts cannot"},
		{func(tr *simulate.Trial) { tr.Model = model(t, "late") }, "late begins after 30m0s"},
		{func(tr *simulate.Trial) { tr.Model = model(t, "ramp"); tr.Shares = nil }, "climbs through stages"},
		{func(tr *simulate.Trial) { tr.Model = model(t, "ramp"); tr.Shares = []float64{0.5, 1} }, "stage of 1"},
		{func(tr *simulate.Trial) { tr.Model = model(t, "skew=5"); tr.Share = 0.3 }, "share of 0.3"},
	} {
		tr := trial(t, "healthy")
		row.change(&tr)
		if _, err := tr.Run(t.Context(), 1, 1, nil); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("got %v, want %q", err, row.want)
		}
	}
}

func TestModelsAreFoundByName(t *testing.T) {
	for _, m := range simulate.Names() {
		if strings.Contains(m.Summary, "%!") || strings.Contains(m.Summary, "%s") {
			t.Errorf("%s: %s", m.Name, m.Summary)
		}
		if got := model(t, m.Name); got.Name != m.Name || got.Truth == "" {
			t.Errorf("%q is called %q, and is %q", m.Name, got.Name, got.Truth)
		}
	}
	for text, want := range map[string]string{
		"errors=0.3%": "errors=0.3%", "errors=0.003": "errors=0.3%", "blip=10": "blip=10", "errors=1%": "errors",
	} {
		if got := model(t, text).Name; got != want {
			t.Errorf("%s is called %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"":            `no model ""; there are healthy, odds,`,
		"error":       `no model "error"`,
		"healthy=1":   "has no size",
		"errors=":     `"" is no size of the model errors; write a number from 0% to 100%`,
		"errors=150%": "from 0% to 100%",
		"errors=NaN":  "is no size",
		"blip=60":     "from 1 to 10",
	} {
		if _, err := simulate.Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func TestAnInterruptLeavesWhatIsKnown(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("enough")
	tr := trial(t, "errors=50%")
	got, err := tr.Run(ctx, 100_000, 1, func(done int) {
		if done == 3 {
			cancel(stop)
		}
	})
	if !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	if got.Runs < 3 || got.Runs > 1000 || got.Asked != 100_000 || got.Rollback.Seen != got.Runs {
		t.Errorf("%d of %d runs are known, %d rolled back", got.Runs, got.Asked, got.Rollback.Seen)
	}
}

func TestProgressIsToldInOrder(t *testing.T) {
	last := 0
	if _, err := trial(t, "errors=50%").Run(t.Context(), 20, 1, func(done int) {
		if done != last+1 {
			t.Errorf("%d after %d", done, last)
		}
		last = done
	}); err != nil || last != 20 {
		t.Errorf("told of %d runs, %v", last, err)
	}
}

func TestDelaysAreSummedUp(t *testing.T) {
	const never = simulate.Never
	for _, row := range []struct {
		delays      []time.Duration
		seen        int
		median, p90 time.Duration
	}{
		{nil, 0, never, never},
		{[]time.Duration{never, never}, 0, never, never},
		{[]time.Duration{3, 1, 2}, 3, 2, 3},
		{[]time.Duration{1, never, never}, 1, never, never},
		{[]time.Duration{5, never, 4}, 2, 5, never},
		{[]time.Duration{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 10, 5, 9},
	} {
		m := simulate.MeasureOf(row.delays)
		if m.Seen != row.seen || m.Median != row.median || m.P90 != row.p90 || m.Runs != len(row.delays) {
			t.Errorf("%v: got %+v", row.delays, m)
		}
	}
	text, err := json.Marshal(simulate.MeasureOf([]time.Duration{time.Second, time.Second, never}))
	if err != nil || !strings.Contains(string(text), `"median_seconds":1,"p90_seconds":null`) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestBounds(t *testing.T) {
	for _, row := range []struct {
		k, n      int
		alpha     float64
		low, high float64
	}{
		{0, 0, 0.05, 0, 1},
		{0, 10, 0.05, 0, 1 - math.Pow(0.025, 0.1)},
		{10, 10, 0.05, math.Pow(0.025, 0.1), 1},
		{1, 2, 0.1, 1 - math.Sqrt(0.95), math.Sqrt(0.95)},
		{5, 10, 0.05, 0.18708603, 0.81291397}, // from tables
	} {
		low, high := simulate.Bounds(row.k, row.n, row.alpha)
		if math.Abs(low-row.low) > 1e-7 || math.Abs(high-row.high) > 1e-7 {
			t.Errorf("%d of %d: %.8f to %.8f, want %.8f to %.8f", row.k, row.n, low, high, row.low, row.high)
		}
	}
	if got := simulate.AtMost(1, 3, 0.5); math.Abs(got-0.5) > 1e-12 {
		t.Errorf("at most one of three: %g", got)
	}
}

// The limits are those of the research behind the judge, which were found on
// the continuous curves.
func TestInformation(t *testing.T) {
	for _, row := range []struct {
		model   string
		share   float64
		seconds float64 // to the level 0.01 at 1000 requests per second
	}{
		{"errors=0.3%", 0.05, 77},
		{"errors=0.3%", 0.25, 21},
		{"errors=1%", 0.01, 34},
		{"p99=20%", 0.05, 45},
		{"p50=5%", 0.05, 81},
		{"p50=10%", 0.05, 21},
		{"p99=50%", 0.01, 49},
		{"late-p99=50%", 0.01, 49},
	} {
		got := math.Log(100) / 1000 / model(t, row.model).Information(row.share)
		if math.Abs(got-row.seconds) > 0.03*row.seconds+0.5 {
			t.Errorf("%s at %g: %.1f s, want %g s", row.model, row.share, got, row.seconds)
		}
	}
	if got := model(t, "healthy").Information(0.5); got != 0 {
		t.Errorf("of two versions alike: %g", got)
	}
}

// Every tick is one that the judge takes for true: it is blind to the others.
func TestEveryTickCanBeTrue(t *testing.T) {
	for _, m := range simulate.Names() {
		t.Run(m.Name, func(t *testing.T) {
			tr := trial(t, m.Name)
			tr.Subjects, tr.Length = true, m.Onset+3*time.Minute
			j := judge.New(judge.Config{Baseline: simulate.Baseline, Candidate: simulate.Candidate, Guardrails: strict()})
			if err := tr.Play(t.Context(), 2, func(s simulate.Scene) bool {
				j.Observe(s.Tick)
				// So much later that one more second without a tick is too long.
				if v := j.Verdict(s.Tick.To.Add(21 * time.Second)); v.Outcome == stagger.OutcomeBlind {
					t.Errorf("after %v: %s", s.At, v.Sentence)
				}
				return !t.Failed()
			}); err != nil {
				t.Fatal(err)
			}
		})
	}
}
