package risk

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/config"
)

// TestPassagesAreThoseOfAMotion simulates evidence that gathers with a drift and
// a noise of twice the drift, and holds the times at which it passes a level
// against the formula.
func TestPassagesAreThoseOfAMotion(t *testing.T) {
	const drift, step, lives = 0.02, 0.5, 3000
	for _, level := range []float64{4, 12, 30} {
		c, times := &chance{state: 5}, make([]float64, lives)
		for i := range times {
			for evidence := 0.0; evidence < level; times[i] += step {
				evidence += drift*step + math.Sqrt(2*drift*step)*c.normal()
			}
		}
		slices.Sort(times)
		p := passageOf(seconds(times[lives/2]), 0, level)
		for _, q := range []float64{0.1, 0.5, 0.9, 0.98} {
			if got, want := p.quantile(q), times[int(q*lives)]; !near(got, want, 0.12) {
				t.Errorf("level %g: %.0f s at %g, simulated %.0f s", level, got, q, want)
			}
		}
	}
}

func TestPassagesAreDistributions(t *testing.T) {
	for _, nats := range []float64{0.1, 3, 12, 1000} {
		p := passageOf(100*time.Second, 10*time.Second, nats)
		if got := p.quantile(0.5); !near(got, 100, 1e-6) || p.within(10) != 0 || p.within(math.Inf(1)) != 1 {
			t.Errorf("%g nats: median %g, %g within the offset, %g in the end", nats, got, p.within(10), p.within(math.Inf(1)))
		}
		before := 0.0
		for _, q := range []float64{0.01, 0.2, 0.5, 0.9, 0.99} {
			at := p.quantile(q)
			if at <= before || !near(p.within(at), q, 1e-6) {
				t.Errorf("%g nats: %g at %g, before it %g; within that %g", nats, at, q, before, p.within(at))
			}
			before = at
		}
	}
	if p := passageOf(0, 10*time.Second, 5); p.within(1e9) != 0 || p.quantile(0.5) != 0 {
		t.Error("what never comes comes")
	}
}

// TestWhatWasSlowerThanTheFormulaStaysSlower: 6 in 10 were in time where the
// formula says 9 in 10, so nine in ten take longer than there was time.
func TestWhatWasSlowerThanTheFormulaStaysSlower(t *testing.T) {
	p := passageOf(60*time.Second, 0, 12)
	watched := seconds(p.quantile(0.9))
	slower := p.slower(p.lag(0.6, watched))
	if !near(slower.within(watched.Seconds()), 0.6, 1e-6) || slower.quantile(0.9) <= watched.Seconds() {
		t.Errorf("%g within the time, nine in ten in %g s of %s", slower.within(watched.Seconds()), slower.quantile(0.9), watched)
	}
	for _, share := range []float64{0.9, 0.95, 1} {
		if got := p.lag(share, watched); got != 1 {
			t.Errorf("%g in time: %g times as slow", share, got)
		}
	}
	var fates []fate
	for i := range 10 {
		fates = append(fates, fate{rollback: []time.Duration{watched * 9 / 10, 0}[i/6]})
	}
	if d := lived(60*time.Second, p, watched, fates, func(f fate) time.Duration { return f.rollback }); d.Most <= watched.Seconds() || d.P90 != 0 || d.Share != 0.6 {
		t.Errorf("%+v", d)
	}
}

// TestTheSpreadAgreesWithTheJudge simulates stages and compares when nine in ten
// are decided, and how many are in time.
func TestTheSpreadAgreesWithTheJudge(t *testing.T) {
	for _, c := range []struct {
		rate, weight float64
		harm         string
		timebox      time.Duration
	}{
		{1000, 5, "errors=3x", 6 * time.Minute},
		{1000, 25, "errors=+1%", 10 * time.Minute},
		{1000, 25, "p50=+10%", 10 * time.Minute},
	} {
		t.Run(fmt.Sprint(c.harm, c.timebox), func(t *testing.T) {
			t.Parallel()
			q := question(t, c.rate, c.weight, c.harm)
			q.Replicates, q.Plan.Stages[0].Timebox = 15, c.timebox
			simulated, formula := q.Stage(0), q.Estimate(0)
			for name, d := range map[string][2]Delay{
				"rollback": {simulated.Prospect[0].Rollback, formula.Prospect[0].Rollback}, "healthy": {simulated.Healthy, formula.Healthy},
			} {
				if d[0].P90 > 0 && !(d[1].Most > d[0].P90/2 && d[1].Most < 2*d[0].P90) {
					t.Errorf("%s: nine in ten after %.0f s, by formula %.0f s", name, d[0].P90, d[1].Most)
				}
				if math.Abs(d[0].Share-d[1].Share) > 0.35 {
					t.Errorf("%s: %.2f in time, by formula %.2f", name, d[0].Share, d[1].Share)
				}
			}
		})
	}
}

// TestTheTimeThatIsSaidToBeEnoughIs writes what a sentence says into the plan,
// and simulates.
func TestTheTimeThatIsSaidToBeEnoughIs(t *testing.T) {
	q := question(t, 1000, 2, "errors=1%")
	q.Replicates, q.Plan.Stages[0].Timebox = 15, time.Minute
	p := q.Stage(0).Prospect[0]
	if p.Sees || p.Remedy == nil || !strings.Contains(p.Sentence, "2% for 1m cannot") || !strings.HasSuffix(p.Sentence, p.Remedy.Timebox+" can") {
		t.Fatalf("%+v", p)
	}
	longer, err := time.ParseDuration(p.Remedy.Timebox)
	if err != nil {
		t.Fatal(err)
	}
	wider, err := stagger.ParseWeight(p.Remedy.Weight)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*stagger.Stage){
		"time": func(s *stagger.Stage) { s.Timebox = longer }, "weight": func(s *stagger.Stage) { s.Weight = wider },
	} {
		better := q
		better.Plan.Stages = slices.Clone(q.Plan.Stages)
		change(&better.Plan.Stages[0])
		if p := better.Stage(0).Prospect[0]; p.Rollback.Share < 0.75 {
			t.Errorf("%s: seen in %g of lives", name, p.Rollback.Share)
		}
	}
}

// TestHarmWithinTheHealthyMarginIsTakenForHealthy: 7% is more than tolerated and
// less than the margin, so a stage goes on before it is proved.
func TestHarmWithinTheHealthyMarginIsTakenForHealthy(t *testing.T) {
	q := question(t, 400, 25, "p99=+7%")
	q.Plan.Stages[0].MinTime, q.Replicates = 0, 10
	p := q.Stage(0).Prospect[0]
	if p.Passed < 0.5 || p.Sees || p.Seen+p.Passed > 1 || !strings.Contains(p.Sentence, "take it for healthy and go on") {
		t.Errorf("%+v", p)
	}
}

func TestTheFormulaAnswersWithoutLives(t *testing.T) {
	q := question(t, 1000, 5, "errors=+1%")
	q.Users = 2000
	f := q.Estimate(0)
	p := f.Prospect[0]
	if f.Simulated != 0 || f.Users != 100 || !p.Sees || p.Rollback.Median != p.Rollback.Half || p.Rollback.Half != p.Rollback.Formula {
		t.Errorf("%+v", f)
	}
	if want := 50 * p.Rollback.Median; !near(p.Exposed, want, 1e-9) || !near(p.Failed, 0.011*want, 1e-9) {
		t.Errorf("%g exposed, %g failed; want %g", p.Exposed, p.Failed, want)
	}
}

func TestNobodySimulatesForThoseWhoAreGone(t *testing.T) {
	q := question(t, 1000, 5, "errors=100%")
	asked := 0
	q.Replicates, q.Halt = 100, func() bool { asked++; return asked > 3 }
	if q.Stage(0); asked > 10 {
		t.Errorf("%d lives were lived after they were not wanted any more", asked)
	}
}

func TestHarmsAreSaidInWords(t *testing.T) {
	for text, want := range map[string]string{
		"errors=2x": "a doubled error rate", "errors=3x": "a tripled error rate", "errors=2.5x": "2.5 times the error rate",
		"errors=+1%": "1% more of all requests failing", "errors=1%": "1% of all requests failing", "errors=100%": "every request failing",
		"p99=+25%": "a p99 that is 25% slower", "p99.9=+25%": "a p99.9 that is 25% slower", "p50=+10%": "every request taking 10% longer",
	} {
		h, err := ParseHarm(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := h.Words(); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestWhatIsTypedIsABaseline(t *testing.T) {
	b, err := Typed(0.01, 0.020, 0.250)
	if err != nil || b.Errors != 0.01 || !near(b.Level(0.5), 0.020, 0.03) || !near(b.Level(0.99), 0.250, 0.03) {
		t.Errorf("%v: %g, %g, %g", err, b.Errors, b.Level(0.5), b.Level(0.99))
	}
	for _, wrong := range [][3]float64{{0, 0.02, 0.02}, {0, 0, 1}, {1, 0.02, 0.2}, {-0.1, 0.02, 0.2}, {0, 0.1, math.Inf(1)}, {math.NaN(), 0.1, 1}} {
		if _, err := Typed(wrong[0], wrong[1], wrong[2]); err == nil {
			t.Errorf("%v was taken", wrong)
		}
	}
}

// TestTheCourseAddsUp: least times, forecasts and timeboxes, with a stage that
// never ends by itself.
func TestTheCourseAddsUp(t *testing.T) {
	q := Question{Plan: config.Standard(), Rate: 100}
	q.Plan.Stages = q.Plan.Stages[:2]
	q.Plan.Stages[0].Name = ""
	forecasts := []Forecast{
		{Share: 0.01, Rate: 1, Least: 500, Healthy: Delay{Median: 2000}}, {Share: 0.05, Rate: 5, Least: 300, Healthy: Delay{Median: 100}},
	}
	want := []Lap{
		{Name: "stage 1", Share: 0.01, Least: 500, Most: 3600, Earliest: 500, Usual: 2000, Latest: 3600, Then: stagger.TimeboxHold},
		{Name: "5%", Share: 0.05, Least: 300, Most: 3600, Earliest: 800, Usual: 2300, Latest: 7200, Then: stagger.TimeboxHold},
		{Name: "bake", Share: 1, Least: 600, Most: 600, Earliest: 1400, Usual: 2900, Latest: 7800},
	}
	if diff := cmp.Diff(want, q.Course(forecasts)); diff != "" || Usually(want) != 2900 {
		t.Error(diff)
	}
	q.Plan.Stages[1].Timebox, forecasts[1].Healthy.Median = 0, 0
	if end := q.Course(forecasts)[2]; end.Latest != 0 || end.Usual != 0 || end.Earliest != 1400 {
		t.Errorf("without an end: %+v", end)
	}
	q.Plan.Stages[1].Timebox, q.Plan.Bake.Time = time.Hour, 0
	if end := q.Course(forecasts)[2]; end.Latest != 7200 || end.Earliest != 800 {
		t.Errorf("without a bake: %+v", end)
	}
}
