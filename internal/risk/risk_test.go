package risk

import (
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/config"
	"github.com/stagger-dev/stagger/internal/histogram"
	"github.com/stagger-dev/stagger/internal/judge"
	"github.com/stagger-dev/stagger/internal/sequential"
)

var update = flag.Bool("update", false, "write the golden file anew")

// question asks about one harm and one stage.
func question(t *testing.T, rate float64, weight float64, harm string) Question {
	t.Helper()
	h, err := ParseHarm(harm)
	if err != nil {
		t.Fatal(err)
	}
	p := config.Standard()
	p.Stages = p.Stages[:1]
	p.Stages[0].Weight, p.Stages[0].Name = stagger.Percent(weight), "it"
	return Question{Plan: p, Rate: rate, Baseline: Usual(), Harms: []Harm{h}, Replicates: 15, Seed: 1}
}

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance*math.Abs(b) }

// TestInformationIsThatOfTheReferenceVectors holds the general formula, at a
// ratio of 1, against vectors D36 and D37 of internal/sequential.
func TestInformationIsThatOfTheReferenceVectors(t *testing.T) {
	for _, v := range []struct{ p0, p1, pi, want float64 }{
		{0.001, 0.003, 0.05, 6.00458073106931e-05},
		{0.001, 0.01, 0.05, 0.000614457164861286},
	} {
		if got := information(v.p0, v.p1, v.pi, 1); !near(got, v.want, 1e-9) {
			t.Errorf("%+v: %g", v, got)
		}
		if got := sequential.InformationLimit(v.p0, v.p1, v.pi, 0.01).Information; !near(got, v.want, 1e-9) {
			t.Errorf("%+v: the limit says %g", v, got)
		}
	}
}

// TestTheLimitIsThatOfTheSimulations compares log(100)/(rate I) with the limits
// of docs/how-it-decides.md's sources: 0.1% to 0.3% failures at a share of 1%,
// 5% and 25% of 1000 requests a second take 360 s, 77 s and 21 s.
func TestTheLimitIsThatOfTheSimulations(t *testing.T) {
	for pi, want := range map[float64]float64{0.01: 360, 0.05: 77, 0.25: 21} {
		g := stagger.Guardrail{Signal: stagger.SignalErrors, Tolerance: 1, Floor: 0}
		i := harmInformation(g, Baseline{Errors: 0.001}, Baseline{Errors: 0.003}, pi)
		if got := math.Log(100) / (1000 * i); !near(got, want, 0.03) {
			t.Errorf("a share of %g: %.1f s, want %.0f s", pi, got, want)
		}
	}
}

// TestTheFormulaAgreesWithPublishedMedians compares with what was measured on an
// independent implementation, at 5% of 1000 requests a second, with a tolerance
// of 1.5 times the odds, two buckets of latency and no floor: seconds.
func TestTheFormulaAgreesWithPublishedMedians(t *testing.T) {
	for harm, want := range map[string][2]float64{
		"errors=0.3%": {240, 440}, "errors=1%": {14, 41}, "p99=+20%": {250, 405}, "p99=+50%": {41, 85}, "p50=+10%": {188, 303},
	} {
		q := question(t, 1000, 5, harm)
		g, _ := q.guardrail(q.Harms[0].Signal)
		g.Floor = 0
		harmed, err := q.Harms[0].on(q.Baseline)
		if err != nil {
			t.Fatal(err)
		}
		e := expect(g, q.Baseline, harmed, 0.05, 1000)
		for i, got := range []time.Duration{e.Suspect, e.Rollback} {
			if r := got.Seconds() / want[i]; r < 1/1.5 || r > 1.5 {
				t.Errorf("%s: %s, measured %g s", harm, got, want[i])
			}
		}
	}
}

// TestAMedianSplitKeepsTwoThirds: for a log-normal that moves as a whole, a
// threshold at the median has 2/pi of all information, 64%. All of it makes the
// limit of p50 +10% at 5% of 1000 requests a second 21 s.
func TestAMedianSplitKeepsTwoThirds(t *testing.T) {
	base := LogNormal(0.020, 1)
	p0, p1 := slot(base, base.stretched(0.5, 0.10), 0.5, 0, 0)
	if got := math.Log(100) / (1000 * information(p0, p1, 0.05, 1)); !near(got, 21.3*math.Pi/2, 0.03) {
		t.Errorf("%.1f s, want %.1f s", got, 21.3*math.Pi/2)
	}
}

func TestTolerancesCostInformation(t *testing.T) {
	for name, c := range map[string]struct{ tight, wide float64 }{
		"a ratio of odds": {information(0.001, 0.003, 0.05, 1), information(0.001, 0.003, 0.05, 1.5)},
		"far from it":     {information(0.01, 0.05, 0.5, 1), information(0.01, 0.05, 0.5, 2)},
	} {
		if !(c.wide > 0 && c.wide < c.tight) {
			t.Errorf("%s: %g without tolerance, %g with it", name, c.tight, c.wide)
		}
	}
	g := stagger.Guardrail{Signal: stagger.SignalErrors, Tolerance: 3.1, Floor: 0.0005}
	if i := errorInformation(g, 0.001, 0.003, 0.05); i != 0 {
		t.Errorf("what is tolerated tells %g", i)
	}
	g = stagger.Guardrail{Signal: stagger.SignalErrors, Tolerance: 1, Floor: 0.01}
	if i := errorInformation(g, 0.001, 0.009, 0.05); i != 0 {
		t.Errorf("what is below the floor tells %g", i)
	}
}

func TestCurvesHaveTheirQuantiles(t *testing.T) {
	for name, c := range map[string]struct {
		curve Curve
		want  map[float64]float64 // seconds by quantile
	}{
		"log-normal": {LogNormal(0.020, 1), map[float64]float64{0.5: 0.020, 0.9: 0.0720, 0.99: 0.2048}},
		"through":    {Through(0.010, 0.050, 0.300), map[float64]float64{0.5: 0.010, 0.95: 0.050, 0.99: 0.300}},
		"all slower": {LogNormal(0.020, 1).stretched(0.5, 0.5), map[float64]float64{0.5: 0.030, 0.9: 0.1081, 0.99: 0.3073}},
		"the tail":   {LogNormal(0.020, 1).stretched(0.99, 0.5), map[float64]float64{0.5: 0.020, 0.9: 0.0720, 0.995: 1.5 * 0.2628}},
		"counted": {
			CurveOf(stagger.Histogram{Zero: 1, Buckets: []stagger.Bucket{{Index: -100, Count: 8}, {Index: 0, Count: 1}}}),
			map[float64]float64{0.5: histogram.Upper(-100), 0.95: 1},
		},
	} {
		sum := 0.0
		for _, p := range c.curve {
			sum += p
		}
		if !near(sum, 1, 1e-9) {
			t.Errorf("%s: adds up to %g", name, sum)
		}
		for q, want := range c.want {
			if got := histogram.Upper(c.curve.quantile(q)); !near(got, want, 0.03) {
				t.Errorf("%s: %g at %g, want %g", name, got, q, want)
			}
		}
	}
	if Through(0.1, 0.05, 0.3) != nil || Through(0, 0.05, 0.3) != nil || CurveOf(stagger.Histogram{}) != nil {
		t.Error("something was made of nothing")
	}
}

func TestHarmsAreReadAsWritten(t *testing.T) {
	base := Usual()
	for text, want := range map[string]float64{"errors=1%": 0.01, "errors=0.02": 0.02, "errors=3x": 0.003, "errors=9999x": 1} {
		h, err := ParseHarm(text)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := h.on(base); err != nil || !near(b.Errors, want, 1e-9) {
			t.Errorf("%s: %g, %v", text, b.Errors, err)
		}
	}
	for text, want := range map[string]string{
		"errors":       `"errors" is not a harm; write errors=1%`,
		"cpu=2x":       `"cpu" is not measured; write errors=1%`,
		"errors=1x":    `write a ratio above 1x`,
		"errors=0%":    `write a share above 0%`,
		"errors=NaN":   `write a share above 0%`,
		"errors=101%":  `write a share above 0%`,
		"p99=+0%":      `write an increase above 0%`,
		"p99=2x":       `write an increase above 0%`,
		"p99=-20%":     `write an increase above 0%`,
		"p42=+20%":     `"p42" is not measured`,
		"p99=+Inf%":    `write an increase above 0%`,
		"errors=+InfX": `write a share above 0%`,
	} {
		if _, err := ParseHarm(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestSenselessQuestionsAreRefused(t *testing.T) {
	for want, change := range map[string]func(*Question){
		"0 requests per second cannot be forecast":   func(q *Question) { q.Rate = 0 },
		"NaN requests per second cannot be forecast": func(q *Question) { q.Rate = math.NaN() },
		"0 replicates cannot be simulated":           func(q *Question) { q.Replicates = 0 },
		"no harm is named":                           func(q *Question) { q.Harms = nil },
		"the baseline never fails":                   func(q *Question) { q.Baseline.Errors = 0 },
		"the baseline fails 0.5% already": func(q *Question) {
			q.Baseline.Errors = 0.005
			q.Harms = []Harm{{Signal: stagger.SignalErrors, share: 0.005}}
		},
		"the baseline has no latency": func(q *Question) {
			q.Baseline.Latency = nil
			q.Harms = []Harm{{Signal: stagger.SignalLatency, quantile: 0.5, increase: 1}}
		},
		"the plan has no guardrail on errors": func(q *Question) { q.Plan.Guardrails = q.Plan.Guardrails[1:] },
	} {
		q := question(t, 1000, 5, "errors=3x")
		change(&q)
		if err := q.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestTheUsualHarmsAreThoseTheBaselineAndThePlanAllow(t *testing.T) {
	texts := func(change func(*Question)) []string {
		q := question(t, 1000, 5, "errors=3x")
		change(&q)
		var out []string
		for _, h := range q.Usually() {
			out = append(out, h.Text)
		}
		return out
	}
	for name, c := range map[string]struct {
		change func(*Question)
		want   []string
	}{
		"all":                {func(*Question) {}, []string{"errors=3x", "p99=+50%", "p50=+10%"}},
		"a perfect baseline": {func(q *Question) { q.Baseline.Errors = 0 }, []string{"errors=1%", "p99=+50%", "p50=+10%"}},
		"unknown latency":    {func(q *Question) { q.Baseline.Latency = nil }, []string{"errors=3x"}},
		"one guardrail":      {func(q *Question) { q.Plan.Guardrails = q.Plan.Guardrails[1:] }, []string{"p99=+50%", "p50=+10%"}},
	} {
		if diff := cmp.Diff(c.want, texts(c.change)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// TestTheFormulaAgreesWithTheJudge simulates stages and compares medians.
func TestTheFormulaAgreesWithTheJudge(t *testing.T) {
	for _, c := range []struct {
		rate, weight float64
		harm         string
	}{
		{1000, 5, "errors=3x"},
		{1000, 25, "errors=1%"},
		{1000, 5, "p99=+50%"},
		{1000, 25, "p50=+10%"},
		{10_000, 1, "errors=3x"},
	} {
		t.Run(c.harm, func(t *testing.T) {
			t.Parallel()
			f := question(t, c.rate, c.weight, c.harm).Stage(0)
			for name, d := range map[string]Delay{"suspect": f.Prospect[0].Suspect, "rollback": f.Prospect[0].Rollback, "healthy": f.Healthy} {
				if !(d.Median > d.Formula/2 && d.Median < 2*d.Formula) {
					t.Errorf("%s: %.1f s, by formula %.1f s", name, d.Median, d.Formula)
				}
				if d.P90 < d.Median || d.Share < enough {
					t.Errorf("%s: %+v", name, d)
				}
			}
			if p := f.Prospect[0]; !p.Sees || p.Tolerated || p.Suspect.Median > p.Rollback.Median {
				t.Errorf("%+v", p)
			}
		})
	}
}

// TestTheFormulaTellsWhatItDid holds what the formula says of the standard plan
// against what it said before.
func TestTheFormulaTellsWhatItDid(t *testing.T) {
	const file = "testdata/formula.txt"
	var b strings.Builder
	for _, rate := range []float64{10, 1000, 100_000} {
		for _, weight := range []float64{1, 5, 25, 50} {
			q := question(t, rate, weight, "errors=3x")
			pi := q.Plan.Stages[0].Weight.Share()
			health := after(rhoHealthy*math.Log(1/judge.AlphaHealthy), rate*healthInformation(q.Plan.Guardrails, q.Baseline, pi))
			fmt.Fprintf(&b, "%g/s %g%%: healthy %s\n", rate, weight, health.Round(time.Second/10))
			for _, text := range []string{"errors=3x", "errors=1%", "p99=+20%", "p99=+50%", "p50=+5%", "p50=+10%"} {
				h, err := ParseHarm(text)
				if err != nil {
					t.Fatal(err)
				}
				g, _ := q.guardrail(h.Signal)
				harmed, err := h.on(q.Baseline)
				if err != nil {
					t.Fatal(err)
				}
				e := expect(g, q.Baseline, harmed, pi, rate)
				fmt.Fprintf(&b, "    %-10s suspect %s, rollback %s\n", text, e.Suspect.Round(time.Second/10), e.Rollback.Round(time.Second/10))
			}
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("look at it with -update and git diff:\n%s", diff)
	}
}

// TestExposureIsWhatMeetsTheCandidate compares requests with rate and time.
func TestExposureIsWhatMeetsTheCandidate(t *testing.T) {
	q := question(t, 1000, 5, "errors=1%")
	p := q.Stage(0).Prospect[0]
	if want := 50 * p.Rollback.Median; !near(p.Exposed, want, 0.1) {
		t.Errorf("%g exposed in %g s, want about %g", p.Exposed, p.Rollback.Median, want)
	}
	if want := 0.01 * p.Exposed; !near(p.Failed, want, 0.25) {
		t.Errorf("%g of %g failed, want about %g", p.Failed, p.Exposed, want)
	}
}

// TestSheddingSparesRequests: a catastrophe is cut to a probe before it is
// proved.
func TestSheddingSparesRequests(t *testing.T) {
	q := question(t, 1000, 50, "errors=60%")
	p := q.Stage(0).Prospect[0]
	if most := 0.5 * 500 * p.Rollback.Median; p.Rollback.Median == 0 || p.Exposed > most {
		t.Errorf("%g exposed in %g s, want less than %g", p.Exposed, p.Rollback.Median, most)
	}
}

func TestAForecastIsTheSameForASeed(t *testing.T) {
	q := question(t, 2000, 25, "p99=+50%")
	q.Replicates = 2
	again := q
	if diff := cmp.Diff(q.Stage(0), again.Stage(0)); diff != "" {
		t.Error(diff)
	}
	again.Seed = 2
	if cmp.Equal(q.Stage(0), again.Stage(0)) {
		t.Error("another seed tells the same")
	}
}

// TestLivesAreNotAlike: neighbouring seeds must not share their chance.
func TestLivesAreNotAlike(t *testing.T) {
	q := question(t, 1000, 5, "errors=2%")
	harmed, _ := q.Harms[0].on(q.Baseline)
	l := newStageLife(q, 0, harmed)
	l.horizon = horizon(q.Plan.Stages[0], 0)
	var times []time.Duration
	for _, f := range q.lives(l, 1, true) {
		times = append(times, f.rollback)
	}
	slices.Sort(times)
	if n := len(slices.Compact(times)); n < q.Replicates/2 {
		t.Errorf("%d lives have %d times only", q.Replicates, n)
	}
}

func TestAStageThatCannotSeeSaysWhatWouldHelp(t *testing.T) {
	for name, c := range map[string]struct {
		rate, weight float64
		harm         string
		change       func(*stagger.Stage)
		want         string
	}{
		"too little traffic": {100, 1, "errors=3x", nil, "cannot be relied on to see errors=3x: it is rolled back in 0 of 100 rollouts before the timebox of 1h ends; write a timebox of 9h45m, or a weight of 15%, or mirror the baseline's traffic"},
		"next to none":       {0.01, 1, "errors=3x", nil, "before the timebox of 1h ends; mirror"},
		"not yet healthy":    {100, 1, "errors=60%", nil, "of 100 rollouts before the timebox of 1h ends; write a timebox of 8h, or a weight of 10%, or choose wider healthy margins"},
		"tolerated":          {100, 50, "p50=+3%", nil, "p50=+3% is within what the guardrail tolerates"},
		"by rule":            {1000, 50, "errors=60%", func(s *stagger.Stage) { s.Rules = []stagger.Rule{{Header: "X", Equals: "y"}} }, "whom the rules of this stage choose is not known here"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := question(t, c.rate, c.weight, c.harm)
			q.Replicates = 5
			if c.change != nil {
				c.change(&q.Plan.Stages[0])
			}
			if got := strings.Join(q.Stage(0).Notes, "\n"); !strings.Contains(got, c.want) {
				t.Errorf("got %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestNobodyMeansNoForecast(t *testing.T) {
	q := question(t, 1000, 5, "errors=3x")
	q.Plan.Stages[0].Weight, q.Plan.Stages[0].Rules = 0, []stagger.Rule{{Header: "X", Equals: "y"}}
	if f := q.Stage(0); len(f.Prospect) != 0 || len(f.Notes) != 1 {
		t.Errorf("%+v", f)
	}
}

func TestStagesWithoutEndAreForecast(t *testing.T) {
	q := question(t, 1000, 25, "errors=1%")
	q.Plan.Stages[0].Timebox, q.Replicates = 0, 10
	if f := q.Stage(0); !f.Prospect[0].Sees || f.Simulated < leastWatch.Seconds() {
		t.Errorf("%+v", f)
	}
}

// TestChanceIsFair holds drawn counts against their mean and variance.
func TestChanceIsFair(t *testing.T) {
	const n = 40_000
	c := &chance{state: 7}
	for name, d := range map[string]struct {
		draw           func() float64
		mean, variance float64
	}{
		"uniform":           {c.uniform, 0.5, 1.0 / 12},
		"normal":            {c.normal, 0, 1},
		"poisson, few":      {func() float64 { return float64(c.poisson(2.5)) }, 2.5, 2.5},
		"poisson, many":     {func() float64 { return float64(c.poisson(300)) }, 300, 300},
		"binomial, rare":    {func() float64 { return float64(c.binomial(1000, 0.003)) }, 3, 3},
		"binomial, few":     {func() float64 { return float64(c.binomial(40, 0.3)) }, 12, 8.4},
		"binomial, many":    {func() float64 { return float64(c.binomial(1000, 0.4)) }, 400, 240},
		"binomial, most":    {func() float64 { return float64(c.binomial(100, 0.9)) }, 90, 9},
		"binomial, nothing": {func() float64 { return float64(c.binomial(0, 0.9)) }, 0, 0},
	} {
		sum, squares := 0.0, 0.0
		for range n {
			v := d.draw() - d.mean
			sum, squares = sum+v, squares+v*v
		}
		deviation := math.Sqrt(d.variance / n)
		if math.Abs(sum/n) > 5*deviation+1e-12 || !near(squares/n, d.variance, 0.06) && d.variance > 0 {
			t.Errorf("%s: mean off by %g, variance %g; want 0 and %g", name, sum/n, squares/n, d.variance)
		}
	}
}

func TestSpansAreWrittenAsPlansAre(t *testing.T) {
	for want, d := range map[string]time.Duration{"45s": 45 * time.Second, "10m": 10 * time.Minute, "1h": time.Hour, "2h30m": 150 * time.Minute, "1m30s": 90 * time.Second} {
		if got := span(d); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for d, want := range map[time.Duration]time.Duration{61 * time.Second: 2 * time.Minute, 31 * time.Minute: 35 * time.Minute, 121 * time.Minute: 135 * time.Minute, 601 * time.Minute: 11 * time.Hour} {
		if got := roundUp(d); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestAPlanWithMetricsCanBeForecast names metrics that nobody simulates.
func TestAPlanWithMetricsCanBeForecast(t *testing.T) {
	q := question(t, 1000, 5, "errors=2%")
	plain := q.Stage(0)
	q.Plan.Guardrails = append(slices.Clone(q.Plan.Guardrails),
		stagger.Guardrail{Signal: stagger.SignalCount, Metric: "orders_lost", Tolerance: 1.5, Alpha: 0.01, Action: stagger.ActionHold},
		stagger.Guardrail{Signal: stagger.SignalGauge, Metric: "queue", Tolerance: 0.25, Alpha: 0.01, Action: stagger.ActionHold})
	named := q.Stage(0)
	if named.Healthy.Median == 0 || named.Healthy.Median > 3*plain.Healthy.Median {
		t.Errorf("healthy after %+v, and %+v without metrics", named.Healthy, plain.Healthy)
	}
}
