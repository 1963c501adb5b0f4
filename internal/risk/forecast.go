package risk

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/judge"
)

// Question is what to forecast.
type Question struct {
	Plan     stagger.Plan
	Rate     float64 // requests per second that the service gets, both versions
	Baseline Baseline
	Harms    []Harm
	// Replicates is how many lives are simulated for each stage and harm.
	Replicates int
	Seed       uint64
}

// Forecast is what one stage can see. Times are seconds; 0 is never.
type Forecast struct {
	Stage     string  `json:"stage"`
	Share     float64 `json:"share"`     // of traffic that meets the candidate
	Rate      float64 `json:"rate"`      // of its requests per second
	Timebox   float64 `json:"timebox"`   // 0 never ends
	Simulated float64 `json:"simulated"` // how long each life is watched at most
	// Healthy is how long a candidate as good as the baseline takes to be
	// proved so, Least how long the stage lasts for other reasons: its least
	// time, and its least samples.
	Healthy  Delay      `json:"healthy"`
	Least    float64    `json:"least"`
	Prospect []Prospect `json:"harms"`
	// Notes say what the stage cannot do, and what would help.
	Notes []string `json:"notes"`
}

// Delay is how long something takes.
type Delay struct {
	Formula float64 `json:"formula"` // the median by formula
	Median  float64 `json:"median"`  // simulated; 0 when fewer than half of the lives came to it
	P90     float64 `json:"p90"`
	Share   float64 `json:"share"` // of the lives that came to it in time
}

// Prospect is how one harm would go.
type Prospect struct {
	Harm     string         `json:"harm"`
	Signal   stagger.Signal `json:"signal"`
	Suspect  Delay          `json:"suspect"`
	Rollback Delay          `json:"rollback"`
	// Exposed is the median number of requests that meet the candidate until it
	// is rolled back or the time is up, Failed how many of them fail.
	Exposed float64 `json:"exposed"`
	Failed  float64 `json:"failed"`
	// Sees says whether it is rolled back in time in most lives.
	Sees bool `json:"sees"`
	// Tolerated says that the guardrails allow this harm.
	Tolerated bool `json:"tolerated"`
}

// enough is the share of lives in which a stage must see a harm to be said to
// see it.
const enough = 0.8

// A stage without end is watched for so many times as long as a decision takes
// by formula, within these bounds.
const (
	endless    = 4
	leastWatch = 10 * time.Minute
	mostWatch  = 24 * time.Hour
)

// Check refuses what cannot be forecast.
func (q Question) Check() error {
	switch {
	case !(q.Rate > 0) || q.Rate > 1e7:
		return fmt.Errorf("%g requests per second cannot be forecast; write more than 0, up to 10 million", q.Rate)
	case q.Replicates < 1 || q.Replicates > 10_000:
		return fmt.Errorf("%d replicates cannot be simulated; write 1 to 10000", q.Replicates)
	case len(q.Harms) == 0:
		return fmt.Errorf("no harm is named; %s", grammar)
	}
	for _, h := range q.Harms {
		if _, err := h.on(q.Baseline); err != nil {
			return err
		}
		if _, ok := q.guardrail(h.Signal); !ok {
			return fmt.Errorf("%s: the plan has no guardrail on %s, so nobody would see it; add one, or name another harm", h.Text, h.Signal)
		}
	}
	return nil
}

func (q Question) guardrail(s stagger.Signal) (stagger.Guardrail, bool) {
	i := slices.IndexFunc(q.Plan.Guardrails, func(g stagger.Guardrail) bool { return g.Signal == s })
	if i < 0 {
		return stagger.Guardrail{}, false
	}
	return q.Plan.Guardrails[i], true
}

// Stage forecasts one stage of a question that Check has passed. Stages may be
// forecast in any order, and at the same time.
func (q Question) Stage(i int) Forecast {
	s := q.Plan.Stages[i]
	f := Forecast{
		Stage: s.Name, Share: s.Weight.Share(), Rate: q.Rate * s.Weight.Share(), Timebox: s.Timebox.Seconds(),
		Prospect: []Prospect{}, Notes: []string{},
	}
	if len(s.Rules) > 0 {
		f.Notes = append(f.Notes, "whom the rules of this stage choose is not known here; the forecast is for its weight alone")
	}
	if s.Shadow > stagger.WeightNone {
		f.Notes = append(f.Notes, "what is mirrored in this stage shows answers that differ, and is not forecast")
	}
	if s.Weight == stagger.WeightNone {
		return f
	}
	f.Least = max(s.MinTime.Seconds(), float64(s.MinSamples)/f.Rate)
	q.health(i, &f)
	for k, h := range q.Harms {
		p := q.prospect(i, k, h, &f)
		f.Prospect = append(f.Prospect, p)
		f.Notes = append(f.Notes, q.advice(s, h, p)...)
	}
	return f
}

// health forecasts how long a stage without harm takes.
func (q Question) health(i int, f *Forecast) {
	s := q.Plan.Stages[i]
	least := healthInformation(q.Plan.Guardrails, q.Baseline, f.Share)
	expected := after(rhoHealthy*math.Log(1/judge.AlphaHealthy), q.Rate*least)
	l := newStageLife(q, i, q.Baseline)
	l.watch(s, expected)
	f.Simulated = l.horizon.Seconds()
	fates := q.lives(l, seedOf(q.Seed, i, -1), false)
	f.Healthy = delay(expected, fates, func(f fate) time.Duration { return f.healthy })
	switch {
	case f.Healthy.Share >= enough:
	case s.Timebox == 0:
		f.Notes = append(f.Notes, fmt.Sprintf("a healthy candidate is proved so in %.0f of 100 rollouts within %s; choose wider healthy margins or a larger weight",
			100*f.Healthy.Share, span(l.horizon)))
	default:
		f.Notes = append(f.Notes, fmt.Sprintf("a healthy candidate is proved so in %.0f of 100 rollouts before the timebox of %s ends; %s",
			100*f.Healthy.Share, span(s.Timebox), q.easier(s, func(pi float64) time.Duration {
				return after(rhoHealthy*math.Log(1/judge.AlphaHealthy), q.Rate*healthInformation(q.Plan.Guardrails, q.Baseline, pi))
			}, "or choose wider healthy margins")))
	}
}

// prospect forecasts one harm in a stage.
func (q Question) prospect(i, k int, h Harm, f *Forecast) Prospect {
	s := q.Plan.Stages[i]
	g, _ := q.guardrail(h.Signal) // Check has seen to it
	harmed, _ := h.on(q.Baseline) // and to this
	e := expect(g, q.Baseline, harmed, f.Share, q.Rate)
	l := newStageLife(q, i, harmed)
	l.watch(s, e.Rollback)
	f.Simulated = max(f.Simulated, l.horizon.Seconds())
	fates := q.lives(l, seedOf(q.Seed, i, k), true)
	p := Prospect{
		Harm: h.Text, Signal: h.Signal, Tolerated: e.Rollback == 0,
		Suspect:  delay(e.Suspect, fates, func(f fate) time.Duration { return f.suspect }),
		Rollback: delay(e.Rollback, fates, func(f fate) time.Duration { return f.rollback }),
		Exposed:  median(fates, func(f fate) float64 { return f.exposed }),
		Failed:   median(fates, func(f fate) float64 { return f.failed }),
	}
	p.Sees = p.Rollback.Share >= enough
	return p
}

// watch sets how long a life is; expected is how long a decision takes.
func (l *stageLife) watch(s stagger.Stage, expected time.Duration) {
	if l.horizon = s.Timebox; l.horizon == 0 {
		l.horizon = min(max(endless*expected, leastWatch, s.MinTime), mostWatch)
	}
}

// giveUp is after how many lives without an answer no more are tried: then
// nearly all would be the same.
const giveUp = 10

// lives simulates the lives of a stage.
func (q Question) lives(l stageLife, seed uint64, harmful bool) []fate {
	var fates []fate
	answers := 0
	for n := range q.Replicates {
		f := l.live(mixed(seed+uint64(n)), harmful)
		fates = append(fates, f)
		if f.rollback > 0 || !harmful && f.healthy > 0 {
			answers++
		}
		if answers == 0 && len(fates) == giveUp {
			break
		}
	}
	return fates
}

// seedOf makes a seed for each stage and harm.
func seedOf(seed uint64, stage, harm int) uint64 {
	return mixed(mixed(seed) ^ uint64(stage+1)<<32 ^ uint64(harm+2)<<16)
}

// delay sums up when lives came to something.
func delay(expected time.Duration, fates []fate, of func(fate) time.Duration) Delay {
	var came []float64
	for _, f := range fates {
		if t := of(f); t > 0 {
			came = append(came, t.Seconds())
		}
	}
	slices.Sort(came)
	at := func(q float64) float64 {
		if i := int(math.Ceil(q*float64(len(fates)))) - 1; i < len(came) {
			return came[i]
		}
		return 0 // most never came to it
	}
	return Delay{
		Formula: round(expected.Seconds()), Median: at(0.5), P90: at(0.9),
		Share: float64(len(came)) / float64(len(fates)),
	}
}

// round leaves what a formula can know.
func round(seconds float64) float64 { return math.Round(seconds*10) / 10 }

func median(fates []fate, of func(fate) float64) float64 {
	all := make([]float64, len(fates))
	for i, f := range fates {
		all[i] = of(f)
	}
	slices.Sort(all)
	return all[(len(all)-1)/2]
}

// advice says what would help a stage that does not see a harm.
func (q Question) advice(s stagger.Stage, h Harm, p Prospect) []string {
	switch {
	case p.Tolerated:
		return []string{fmt.Sprintf("%s is within what the guardrail tolerates: nothing is done about it at any traffic", h.Text)}
	case p.Sees || s.Timebox == 0 && p.Rollback.Share > 0.5:
		return nil
	}
	g, _ := q.guardrail(h.Signal)
	harmed, _ := h.on(q.Baseline)
	seen := fmt.Sprintf("it is rolled back in %.0f of 100 rollouts before the timebox of %s ends", 100*p.Rollback.Share, span(s.Timebox))
	if s.Timebox == 0 {
		seen = fmt.Sprintf("it is rolled back in %.0f of 100 rollouts within a day", 100*p.Rollback.Share)
	}
	return []string{fmt.Sprintf("this stage cannot be relied on to see %s: %s; %s", h.Text, seen, q.easier(s, func(pi float64) time.Duration {
		return expect(g, q.Baseline, harmed, pi, q.Rate).Rollback
	}, "or mirror the baseline's traffic to the candidate, so that it meets all of it and nobody waits for its answers"))}
}

// safely is how much longer than the median by formula a timebox should be, so
// that most lives fit.
const safely = 2

// easier offers a longer timebox, a larger weight and something else.
func (q Question) easier(s stagger.Stage, needs func(share float64) time.Duration, other string) string {
	offer := ""
	if t := needs(s.Weight.Share()); t > 0 && t < mostWatch*7 {
		offer = fmt.Sprintf("write a timebox of %s, ", span(roundUp(safely*t)))
	}
	if s.Timebox > 0 {
		for _, percent := range []float64{1, 2, 5, 10, 15, 20, 25, 30, 40, 50} {
			w := stagger.Percent(percent)
			if t := needs(w.Share()); w > s.Weight && t > 0 && safely*t <= s.Timebox {
				return offer + fmt.Sprintf("or a weight of %s, ", w) + other
			}
		}
	}
	if offer == "" {
		return strings.TrimPrefix(other, "or ")
	}
	return offer + other
}

// roundUp leaves minutes, and hours of what takes many.
func roundUp(d time.Duration) time.Duration {
	unit := time.Minute
	switch {
	case d > 10*time.Hour:
		unit = time.Hour
	case d > 2*time.Hour:
		unit = 15 * time.Minute
	case d > 30*time.Minute:
		unit = 5 * time.Minute
	}
	if cut := d.Truncate(unit); cut < d {
		return cut + unit
	}
	return d
}

// span writes a duration as plans do: "90s", "2h30m".
func span(d time.Duration) string {
	text := d.Round(time.Second).String()
	for _, empty := range []string{"m0s", "h0m"} {
		if n := len(text) - len(empty); n > 0 && text[n:] == empty {
			text = text[:n+1]
		}
	}
	return text
}
