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
	// Replicates is how many lives are simulated for each stage and harm; 0 asks
	// for the formula alone, which answers at once.
	Replicates int
	Seed       uint64
	// Users is how many there are, 0 when nobody knows.
	Users float64
	// Halt ends a forecast that nobody waits for any more, once it says so; what
	// is forecast after that is worth nothing. It may be nil.
	Halt func() bool
}

// Forecast is what one stage can see. Times are seconds; 0 is never.
type Forecast struct {
	Stage string  `json:"stage"`
	Share float64 `json:"share"` // of traffic that meets the candidate
	Rate  float64 `json:"rate"`  // of its requests per second
	// Users is how many of them are on the candidate's side: as the same user
	// always meets the same version, no others can come to harm. 0 is unknown.
	Users     float64 `json:"users,omitempty"`
	Timebox   float64 `json:"timebox"`   // 0 never ends
	Simulated float64 `json:"simulated"` // how long each life is watched at most; 0 tells that the formula alone was asked
	// Healthy is how long a candidate as good as the baseline takes to be
	// proved so, Least how long the stage lasts for other reasons: its least
	// time, and its least samples.
	Healthy  Delay      `json:"healthy"`
	Least    float64    `json:"least"`
	Prospect []Prospect `json:"harms"`
	// Remedy is what would let it be proved so; nil where it mostly is.
	Remedy *Remedy `json:"remedy,omitempty"`
	// Notes say what the stage cannot do, and what would help.
	Notes []string `json:"notes"`
}

// Delay is how long something takes.
type Delay struct {
	Formula float64 `json:"formula"` // the median by formula
	Median  float64 `json:"median"`  // simulated; 0 when fewer than half of the lives came to it
	P90     float64 `json:"p90"`
	Share   float64 `json:"share"` // of the lives that came to it in time
	// Half and Most are when half and nine in ten come to it if the stage lasts
	// long enough: by formula where it does not.
	Half float64 `json:"half"`
	Most float64 `json:"most"`
}

// Remedy is what to write in a stage instead, as plans do; empty is what would
// not help.
type Remedy struct {
	Timebox string `json:"timebox,omitempty"`
	Weight  string `json:"weight,omitempty"`
	MinTime string `json:"min_time,omitempty"`
}

// Prospect is how one harm would go.
type Prospect struct {
	Harm     string         `json:"harm"`
	Means    string         `json:"means"` // the harm in words
	Signal   stagger.Signal `json:"signal"`
	Suspect  Delay          `json:"suspect"`
	Rollback Delay          `json:"rollback"`
	// Exposed is the median number of requests that meet the candidate until it
	// is rolled back or the time is up, Failed how many of them fail.
	Exposed float64 `json:"exposed"`
	Failed  float64 `json:"failed"`
	// Seen is the share of lives in which it is rolled back before the stage ends;
	// Passed of those in which the stage takes it for healthy and ends before,
	// which the formula alone does not know.
	Seen   float64 `json:"seen"`
	Passed float64 `json:"passed"`
	// Sees says whether it is seen in most lives.
	Sees bool `json:"sees"`
	// Sentence says so.
	Sentence string `json:"sentence"`
	// Remedy is what would let the stage see it; nil where it does.
	Remedy *Remedy `json:"remedy,omitempty"`
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

// Check refuses what cannot be simulated.
func (q Question) Check() error {
	if q.Replicates < 1 || q.Replicates > 10_000 {
		return fmt.Errorf("%d replicates cannot be simulated; write 1 to 10000", q.Replicates)
	}
	return q.CheckFormula()
}

// CheckFormula refuses what cannot be forecast at all.
func (q Question) CheckFormula() error {
	switch {
	case !(q.Rate > 0) || q.Rate > 1e7:
		return fmt.Errorf("%g requests per second cannot be forecast; write more than 0, up to 10 million", q.Rate)
	case len(q.Harms) == 0:
		return fmt.Errorf("no harm is named; %s", grammar)
	}
	for _, h := range q.Harms {
		if _, err := h.on(q.Baseline); err != nil {
			return err
		}
		if !q.Guarded(h) {
			return fmt.Errorf("%s: the plan has no guardrail on %s, so nobody would see it; add one, or name another harm", h.Text, h.Signal)
		}
	}
	return nil
}

// Guarded says whether the plan has a guardrail that looks for a harm.
func (q Question) Guarded(h Harm) bool {
	_, ok := q.guardrail(h.Signal)
	return ok
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
		Stage: s.Name, Share: s.Weight.Share(), Rate: q.Rate * s.Weight.Share(), Users: q.Users * s.Weight.Share(), Timebox: s.Timebox.Seconds(),
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
		f.Notes = append(f.Notes, advice(s, p)...)
	}
	return f
}

// health forecasts how long a stage without harm takes.
func (q Question) health(i int, f *Forecast) {
	s := q.Plan.Stages[i]
	nats := rhoHealthy * math.Log(1/judge.AlphaHealthy)
	proved := func(pi float64) passage {
		return passageOf(after(nats, q.Rate*healthInformation(q.Plan.Guardrails, q.Baseline, pi)), 0, nats)
	}
	expected := after(nats, q.Rate*healthInformation(q.Plan.Guardrails, q.Baseline, f.Share))
	watched, p := horizon(s, expected), proved(f.Share)
	slow := 1.0
	f.Healthy = p.delay(expected, watched)
	if q.Replicates > 0 {
		f.Simulated = watched.Seconds()
		l := newStageLife(q, i, q.Baseline)
		l.horizon = watched
		f.Healthy = lived(expected, p, watched, q.lives(l, seedOf(q.Seed, i, -1), false), func(f fate) time.Duration { return f.healthy })
		slow = p.lag(f.Healthy.Share, watched)
	}
	switch {
	case f.Healthy.Share >= enough:
	case s.Timebox == 0:
		f.Notes = append(f.Notes, fmt.Sprintf("a healthy candidate is proved so in %.0f of 100 rollouts within %s; choose wider healthy margins or a larger weight",
			100*f.Healthy.Share, span(watched)))
	default:
		f.Remedy = remedy(s, func(pi float64) passage { return proved(pi).slower(slow) })
		f.Notes = append(f.Notes, fmt.Sprintf("a healthy candidate is proved so in %.0f of 100 rollouts before the timebox of %s ends; %s",
			100*f.Healthy.Share, span(s.Timebox), f.Remedy.offer("or choose wider healthy margins")))
	}
}

// prospect forecasts one harm in a stage.
func (q Question) prospect(i, k int, h Harm, f *Forecast) Prospect {
	s := q.Plan.Stages[i]
	g, _ := q.guardrail(h.Signal) // Check has seen to it
	harmed, _ := h.on(q.Baseline) // and to this
	e := expect(g, q.Baseline, harmed, f.Share, q.Rate)
	watched := horizon(s, e.Rollback)
	p := Prospect{
		Harm: h.Text, Means: h.Words(), Signal: h.Signal, Tolerated: e.Rollback == 0,
		Suspect: e.suspicion(g).delay(e.Suspect, watched), Rollback: e.proof(g).delay(e.Rollback, watched),
	}
	p.Seen = p.Rollback.Share
	p.Exposed = f.Rate * watched.Seconds()
	if p.Rollback.Median > 0 {
		p.Exposed = f.Rate * p.Rollback.Median
	}
	p.Failed = p.Exposed * harmed.Errors
	if q.Replicates > 0 {
		f.Simulated = max(f.Simulated, watched.Seconds())
		l := newStageLife(q, i, harmed)
		l.horizon = watched
		p.live(e, g, watched, q.lives(l, seedOf(q.Seed, i, k), true))
	}
	p.Sees = p.Seen >= enough
	if !p.Sees && !p.Tolerated {
		slow := 1.0
		if q.Replicates > 0 {
			slow = e.proof(g).lag(p.Rollback.Share, watched)
		}
		p.Remedy = remedy(s, func(pi float64) passage { return expect(g, q.Baseline, harmed, pi, q.Rate).proof(g).slower(slow) })
		if p.Passed > 1-enough && p.Rollback.Most > 0 {
			p.Remedy.MinTime = span(roundUp(seconds(p.Rollback.Most)))
		}
	}
	p.Sentence = p.sentence(s)
	return p
}

// live puts what was simulated in the place of the formula.
func (p *Prospect) live(e Expected, g stagger.Guardrail, watched time.Duration, fates []fate) {
	p.Suspect = lived(e.Suspect, e.suspicion(g), watched, fates, func(f fate) time.Duration { return f.suspect })
	p.Rollback = lived(e.Rollback, e.proof(g), watched, fates, func(f fate) time.Duration { return f.rollback })
	p.Exposed = median(fates, func(f fate) float64 { return f.exposed })
	p.Failed = median(fates, func(f fate) float64 { return f.failed })
	p.Seen = portion(fates, func(f fate) bool { return f.rollback > 0 && (f.passed == 0 || f.rollback <= f.passed) })
	p.Passed = portion(fates, func(f fate) bool { return f.passed > 0 && (f.rollback == 0 || f.passed < f.rollback) })
}

// horizon is how long a stage is watched; expected is how long a decision takes.
func horizon(s stagger.Stage, expected time.Duration) time.Duration {
	if s.Timebox > 0 {
		return s.Timebox
	}
	return min(max(endless*expected, leastWatch, s.MinTime), mostWatch)
}

// giveUp is after how many lives without an answer no more are tried: then
// nearly all would be the same.
const giveUp = 10

// lives simulates the lives of a stage.
func (q Question) lives(l stageLife, seed uint64, harmful bool) []fate {
	var fates []fate
	answers := 0
	for n := range q.Replicates {
		if len(fates) > 0 && q.Halt != nil && q.Halt() {
			break
		}
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

// lived sums up when lives came to something. What most never came to, because
// the stage ended, is told by the formula, which is made as slow as they were.
func lived(expected time.Duration, p passage, watched time.Duration, fates []fate, of func(fate) time.Duration) Delay {
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
	share := float64(len(came)) / float64(len(fates))
	d := p.slower(p.lag(share, watched)).delay(expected, watched)
	d.Median, d.P90, d.Share = at(0.5), at(0.9), share
	if d.Median > 0 {
		d.Half = d.Median
	}
	if d.Most = max(d.Most, d.Half); d.P90 > 0 {
		d.Most = d.P90
	}
	return d
}

func portion(fates []fate, is func(fate) bool) float64 {
	n := 0
	for _, f := range fates {
		if is(f) {
			n++
		}
	}
	return float64(n) / float64(len(fates))
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
func advice(s stagger.Stage, p Prospect) []string {
	switch {
	case p.Tolerated:
		return []string{fmt.Sprintf("%s is within what the guardrail tolerates: nothing is done about it at any traffic", p.Harm)}
	case p.Sees || s.Timebox == 0 && p.Rollback.Share > 0.5 && p.Passed <= 1-enough:
		return nil
	case p.Passed > 1-enough:
		return []string{fmt.Sprintf("this stage cannot be relied on to see %s: in %.0f of 100 rollouts it is taken for healthy first, since it is within the healthy margin or near it; %schoose a narrower healthy margin",
			p.Harm, 100*p.Passed, p.Remedy.longer())}
	}
	seen := fmt.Sprintf("it is rolled back in %.0f of 100 rollouts before the timebox of %s ends", 100*p.Rollback.Share, span(s.Timebox))
	if s.Timebox == 0 {
		seen = fmt.Sprintf("it is rolled back in %.0f of 100 rollouts within a day", 100*p.Rollback.Share)
	}
	return []string{fmt.Sprintf("this stage cannot be relied on to see %s: %s; %s", p.Harm, seen,
		p.Remedy.offer("or mirror the baseline's traffic to the candidate, so that it meets all of it and nobody waits for its answers"))}
}

// remedy finds a longer timebox and a larger weight in which nine in ten come to
// what needs the share of traffic to be proved.
func remedy(s stagger.Stage, needs func(share float64) passage) *Remedy {
	var r Remedy
	if t := seconds(min(needs(s.Weight.Share()).quantile(0.9), longest.Seconds())); t > 0 && t < mostWatch*7 {
		r.Timebox = span(roundUp(t))
	}
	if s.Timebox == 0 {
		return &r
	}
	for _, percent := range []float64{1, 2, 5, 10, 15, 20, 25, 30, 40, 50} {
		w := stagger.Percent(percent)
		if w > s.Weight && needs(w.Share()).within(s.Timebox.Seconds()) >= 0.9 {
			r.Weight = w.String()
			break
		}
	}
	return &r
}

// offer says what to write, and something else.
func (r *Remedy) offer(other string) string {
	var parts []string
	if r.Timebox != "" {
		parts = append(parts, "write a timebox of "+r.Timebox)
	}
	if r.Weight != "" {
		parts = append(parts, "or a weight of "+r.Weight)
	}
	if len(parts) == 0 {
		return strings.TrimPrefix(other, "or ")
	}
	return strings.TrimPrefix(strings.Join(append(parts, other), ", "), "or ")
}

// longer offers a longer stay before the stage may end.
func (r *Remedy) longer() string {
	if r.MinTime == "" {
		return ""
	}
	return "write a min_time of " + r.MinTime + ", or "
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

// Estimate forecasts one stage by formula alone, at once. It knows nothing of
// shed traffic, nor of stages that take a harm for healthy.
func (q Question) Estimate(i int) Forecast {
	q.Replicates = 0
	return q.Stage(i)
}
