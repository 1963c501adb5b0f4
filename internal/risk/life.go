package risk

import (
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
	"github.com/stagger-dev/stagger/internal/judge"
)

// What the judge has seen of the baseline when a stage begins, as a controller
// remembers it.
const (
	remembered = 10 * time.Minute
	rememberBy = 5 * time.Second
)

// The names of the versions that are simulated, and how old ticks are sealed.
const (
	theBaseline  = "baseline"
	theCandidate = "candidate"
	sealed       = 2 * time.Second
)

// epoch is when simulated lives begin; nothing depends on it.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// stageLife is one stage, to be lived through many times.
type stageLife struct {
	config  judge.Config
	rate    float64 // requests per second of both versions
	share   float64 // of the candidate
	probe   float64 // its share after a catastrophe
	horizon time.Duration
	least   time.Duration // before it the stage does not end
	errors  [2]float64
	dice    [2]die
	told    stagger.Observation // of metrics, in every interval
}

// told is what both versions tell of the metrics that a plan names: that nothing
// happens and all is as it was. Of harm to them nothing is forecast.
func told(guardrails []stagger.Guardrail) stagger.Observation {
	var o stagger.Observation
	for _, g := range guardrails {
		switch g.Signal {
		case stagger.SignalCount:
			o.Counts = append(o.Counts, stagger.Count{Metric: g.Metric})
		case stagger.SignalSaturation, stagger.SignalGauge:
			o.Gauges = append(o.Gauges, stagger.Gauge{Metric: g.Metric})
		default:
		}
	}
	return o
}

// fate is how one life went. Times are from the beginning of the stage, 0 for
// never.
type fate struct {
	suspect, rollback, healthy time.Duration
	// passed is when the stage would have ended, for being healthy.
	passed          time.Duration
	exposed, failed float64 // requests that met the candidate until then
}

// newStageLife is a life of the i-th stage of a plan.
func newStageLife(q Question, i int, candidate Baseline) stageLife {
	stage := q.Plan.Stages[i]
	l := stageLife{
		config: judge.Config{
			Baseline: theBaseline, Candidate: theCandidate, Guardrails: q.Plan.Guardrails,
			Planned: planned(q.Plan), BlindAfter: time.Hour, Stages: len(q.Plan.Stages) + 1, Begun: i,
		},
		rate: q.Rate, share: stage.Weight.Share(), probe: q.Plan.Shed.Probe.Share(),
		errors: [2]float64{q.Baseline.Errors, candidate.Errors},
	}
	l.least = max(stage.MinTime, seconds(float64(stage.MinSamples)/(q.Rate*l.share)))
	if i == 0 {
		l.config.WarmUp = q.Plan.WarmUp // later the candidate has been running for a while
	}
	l.told = told(q.Plan.Guardrails)
	for side, c := range [2]Curve{q.Baseline.Latency, candidate.Latency} {
		if c == nil {
			c = CurveOf(stagger.Histogram{Buckets: []stagger.Bucket{{Index: histogram.MinIndex, Count: 1}}})
		}
		l.dice[side] = newDie(c, histogram.MinIndex)
	}
	return l
}

// planned is how long a rollout by the plan is meant to take, as a controller
// has it.
func planned(p stagger.Plan) time.Duration {
	all := p.Bake.Time
	for _, stage := range p.Stages {
		all += 2 * stage.MinTime
	}
	return all
}

// live lets a judge watch one life until it rolls back or, without harm, finds
// the stage healthy, or the horizon ends.
func (l stageLife) live(seed uint64, harmful bool) fate {
	c := &chance{state: seed}
	j := judge.New(l.config)
	now := epoch
	for ; now.Before(epoch.Add(remembered)); now = now.Add(rememberBy) {
		j.Observe(l.draw(c, now, rememberBy, 0))
	}
	begin, share := now, l.share
	j.BeginStage(begin)
	var f fate
	var looked time.Duration
	for now.Sub(begin) < l.horizon {
		t := l.draw(c, now, l.step(now.Sub(begin)), share)
		now = t.To
		j.Observe(t)
		f.exposed += float64(t.Observations[1].Started)
		f.failed += float64(t.Observations[1].Outcomes.Failed())
		age := now.Sub(begin)
		if age < looked+looked/fineness && age < l.horizon {
			continue
		}
		looked = age
		v := j.Verdict(now)
		if f.note(v, age); f.passed == 0 && age >= l.least && v.Outcome == stagger.OutcomeHealthy {
			f.passed = age
		}
		if f.rollback > 0 || !harmful && f.healthy > 0 {
			return f
		}
		if share = l.share; v.Advice == stagger.AdviseShed {
			share = min(l.share, l.probe)
		}
	}
	return f
}

// The steps in which a life is watched: fine at its beginning, then growing with
// its age, up to a block of the judge. What lasts days is watched in longer ones.
// The judge is asked whenever the life is about 2% older, which is how well
// every delay is known.
const (
	finest    = 250 * time.Millisecond
	coarsest  = 5 * time.Second
	fineness  = 60
	mostSteps = 1000
)

// step is how long the next interval is.
func (l stageLife) step(age time.Duration) time.Duration {
	return min(max((age/fineness).Truncate(finest), finest), max(coarsest, l.horizon/mostSteps))
}

func (f *fate) note(v stagger.Verdict, after time.Duration) {
	bad := v.Advice == stagger.AdviseHold || v.Advice == stagger.AdviseShed || v.Advice == stagger.AdviseRollback
	if bad && f.suspect == 0 {
		f.suspect = after
	}
	if v.Outcome == stagger.OutcomeRegressed && f.rollback == 0 {
		f.rollback = after
	}
	if v.Outcome == stagger.OutcomeHealthy && f.healthy == 0 {
		f.healthy = after
	}
}

// draw is what both versions do in one interval.
func (l stageLife) draw(c *chance, from time.Time, length time.Duration, share float64) stagger.Tick {
	t := stagger.Tick{From: from, To: from.Add(length), Age: sealed}
	for side, part := range [2]float64{1 - share, share} {
		t.Observations = append(t.Observations, l.observe(c, side, l.rate*part*length.Seconds()))
	}
	return t
}

func (l stageLife) observe(c *chance, side int, mean float64) stagger.Observation {
	d := l.dice[side]
	counts := make([]uint64, len(d.index))
	n := d.roll(c, mean, counts)
	failed := c.binomial(n, l.errors[side])
	o := stagger.Observation{
		Version: [2]string{theBaseline, theCandidate}[side], Route: "all", Started: uint64(n),
		Outcomes: stagger.Outcomes{OK: uint64(n - failed), ServerError: uint64(failed)},
		Counts:   l.told.Counts, Gauges: l.told.Gauges,
	}
	for i, count := range counts {
		if count > 0 {
			o.Latency.Buckets = append(o.Latency.Buckets, stagger.Bucket{Index: d.index[i], Count: count})
		}
	}
	return o
}
