package judge_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
	"github.com/stagger-dev/stagger/internal/judge"
)

// version is how one version answers.
type version struct {
	errors float64
	slow   float64 // factor on every latency
	tail   float64 // share of requests that are six times slower
}

// world makes ticks of a service in virtual time.
type world struct {
	random *rand.Rand
	now    time.Time
	rate   float64
	share  float64 // of requests that meet the candidate
	v1, v2 version
}

const tickLength = 250 * time.Millisecond

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newWorld(seed uint64, rate float64) *world {
	healthy := version{errors: 0.001, slow: 1}
	return &world{random: rand.New(rand.NewPCG(seed, 7)), now: epoch, rate: rate, v1: healthy, v2: healthy}
}

// tick draws one tick: Poisson arrivals, log-normal latency of median 12 ms.
func (w *world) tick() stagger.Tick {
	from := w.now
	w.now = w.now.Add(tickLength)
	n := w.poisson(w.rate * tickLength.Seconds())
	var arms [2]stagger.Observation
	for range n {
		side, v := 0, w.v1
		if w.random.Float64() < w.share {
			side, v = 1, w.v2
		}
		w.request(&arms[side], v)
	}
	arms[0].Version, arms[1].Version = "v1", "v2"
	for i := range arms {
		arms[i].Service, arms[i].Route, arms[i].From, arms[i].To = "shop", "all", from, w.now
		slices.SortFunc(arms[i].Latency.Buckets, func(a, b stagger.Bucket) int { return int(a.Index - b.Index) })
	}
	return stagger.Tick{Service: "shop", From: from, To: w.now, Age: 500 * time.Millisecond, Observations: arms[:]}
}

func (w *world) request(o *stagger.Observation, v version) {
	o.Started++
	if w.random.Float64() < v.errors {
		o.Outcomes.ServerError++
	} else {
		o.Outcomes.OK++
	}
	seconds := 0.012 * v.slow * math.Exp(0.4*w.random.NormFloat64())
	if w.random.Float64() < v.tail {
		seconds *= 6
	}
	index := histogram.Index(time.Duration(seconds * float64(time.Second)))
	for i := range o.Latency.Buckets {
		if o.Latency.Buckets[i].Index == index {
			o.Latency.Buckets[i].Count++
			return
		}
	}
	o.Latency.Buckets = append(o.Latency.Buckets, stagger.Bucket{Index: index, Count: 1})
}

func (w *world) poisson(mean float64) int {
	// By arrivals: fast enough, and exact.
	n, at := 0, w.random.ExpFloat64()
	for at < mean {
		n++
		at += w.random.ExpFloat64()
	}
	return n
}

// guardrails are those of the demo: margins that seconds of traffic can exclude.
func guardrails() []stagger.Guardrail {
	return []stagger.Guardrail{
		{Signal: stagger.SignalErrors, Tolerance: 1.5, Floor: 0.002, Healthy: 0.02, Alpha: 0.01, Action: stagger.ActionRollback},
		{Signal: stagger.SignalLatency, Tolerance: 0.09, Floor: 0.004, Healthy: 0.35, Alpha: 0.01, Action: stagger.ActionRollback},
	}
}

func config() judge.Config {
	return judge.Config{
		Baseline: "v1", Candidate: "v2", Guardrails: guardrails(),
		Planned: time.Minute, BlindAfter: 3 * time.Second,
	}
}

// warm teaches a judge what is usual and begins a stage.
func (w *world) warm(j *judge.Judge, share float64) {
	for range 12 * 4 {
		j.Observe(w.tick())
	}
	w.share = share
	j.BeginStage(w.now)
}

// run observes until the verdict pleases, and returns how long it took; zero
// when it never did.
func (w *world) run(j *judge.Judge, longest time.Duration, done func(stagger.Verdict) bool) time.Duration {
	start := w.now
	for w.now.Sub(start) < longest {
		j.Observe(w.tick())
		if done(j.Verdict(w.now)) {
			return w.now.Sub(start)
		}
	}
	return 0
}

func advises(a stagger.Advice) func(stagger.Verdict) bool {
	return func(v stagger.Verdict) bool { return v.Advice == a }
}

func is(o stagger.Outcome) func(stagger.Verdict) bool {
	return func(v stagger.Verdict) bool { return v.Outcome == o }
}

func median(ds []time.Duration) time.Duration {
	slices.Sort(ds)
	return ds[len(ds)/2]
}
