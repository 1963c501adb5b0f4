package sim

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
)

// Behaviour is how one version answers: log-normal latencies, some of them in
// a longer tail, and a share of failures.
type Behaviour struct {
	Errors float64       // share of requests that fail
	Median time.Duration // of the latency
	Tail   float64       // share of requests that take TailBy times as long
	TailBy float64
}

// Healthy is how a version should answer.
func Healthy() Behaviour { return Behaviour{Errors: 0.001, Median: 12 * time.Millisecond} }

const sigma = 0.4 // of the logarithm of every latency

// Traffic makes the requests of one service and observes them, as the split in
// force has it. It is the controller's source.
type Traffic struct {
	Rate float64 // requests per second
	// RuleShare is the part of subjects that any rule takes.
	RuleShare float64
	Versions  map[string]*Behaviour
	// Late is how long after its end a tick is seen.
	Late time.Duration
	// Lost, when set, says whether the next tick is lost.
	Lost func() bool
	// Down, when set, says whether the source fails now.
	Down func() bool

	service string
	random  *rand.Rand
	kept    []stagger.Tick
	now     time.Time
}

// NewTraffic returns traffic of rate requests per second.
func NewTraffic(service string, rate float64, random *rand.Rand) *Traffic {
	return &Traffic{
		Rate: rate, RuleShare: 0.02, Versions: map[string]*Behaviour{}, Late: 250 * time.Millisecond,
		service: service, random: random,
	}
}

// keptTicks bounds what a slow reader may still get: three minutes.
const keptTicks = 720

// Pass lets requests pass for d until now under split, and seals them as one tick.
func (t *Traffic) Pass(now time.Time, d time.Duration, split stagger.Split) {
	t.now = now
	tick := stagger.Tick{Service: t.service, From: now.Add(-d), To: now, Age: t.Late}
	n := t.poisson(t.Rate * d.Seconds())
	candidate := t.binomial(n, t.share(split))
	tick.Observations = append(tick.Observations, t.observe(split.Baseline, n-candidate, tick))
	if candidate > 0 {
		tick.Observations = append(tick.Observations, t.observe(split.Candidate, candidate, tick))
	}
	if t.Lost != nil && t.Lost() {
		return
	}
	t.kept = append(t.kept, tick)
	if len(t.kept) > keptTicks {
		t.kept = slices.Delete(t.kept, 0, len(t.kept)-keptTicks)
	}
}

// share is the part of requests that meet the candidate under split.
func (t *Traffic) share(split stagger.Split) float64 {
	if split.Candidate == "" {
		return 0
	}
	weight, rules := split.Weight.Share(), 0.0
	if len(split.Rules) > 0 {
		rules = t.RuleShare * split.RuleShare.Share()
	}
	return weight + (1-weight)*rules
}

// observe draws what became of count requests to version.
func (t *Traffic) observe(version string, count int, tick stagger.Tick) stagger.Observation {
	o := stagger.Observation{
		Service: t.service, Version: version, Route: "/", From: tick.From, To: tick.To, Started: uint64(count),
	}
	b := t.Versions[version]
	if b == nil {
		healthy := Healthy()
		b = &healthy
	}
	buckets := map[int32]uint64{}
	groups := make([]map[int32]uint64, stagger.Groups)
	o.Groups = make([]stagger.Group, stagger.Groups)
	for g := range groups {
		groups[g] = map[int32]uint64{}
	}
	for range count {
		g := t.random.IntN(stagger.Groups)
		o.Groups[g].Started++
		latency := float64(b.Median) * math.Exp(sigma*t.random.NormFloat64())
		if t.random.Float64() < b.Tail {
			latency *= b.TailBy
		}
		index := histogram.Index(time.Duration(latency))
		buckets[index]++
		groups[g][histogram.CoarseIndex(histogram.Coarse(index))]++
		o.Latency.Sum += latency / float64(time.Second)
		if t.random.Float64() < b.Errors {
			o.Outcomes.ServerError++
			o.Groups[g].Failed++
		} else {
			o.Outcomes.OK++
		}
	}
	o.Latency.Buckets = sorted(buckets)
	for g := range groups {
		o.Groups[g].Latency.Buckets = sorted(groups[g])
	}
	return o
}

func sorted(counts map[int32]uint64) []stagger.Bucket {
	out := make([]stagger.Bucket, 0, len(counts))
	for index, n := range counts {
		out = append(out, stagger.Bucket{Index: index, Count: n})
	}
	slices.SortFunc(out, func(a, b stagger.Bucket) int { return int(a.Index - b.Index) })
	return out
}

// Ticks returns what is sealed by now.
func (t *Traffic) Ticks(_ context.Context, _ string, after time.Time) ([]stagger.Tick, error) {
	if t.Down != nil && t.Down() {
		return nil, errDown
	}
	var out []stagger.Tick
	for _, tick := range t.kept {
		if tick.To.After(after) && !tick.To.Add(t.Late).After(t.now) {
			out = append(out, tick)
		}
	}
	return out, nil
}

// poisson draws a count with the given mean.
func (t *Traffic) poisson(mean float64) int {
	if mean > 50 {
		return max(int(math.Round(mean+math.Sqrt(mean)*t.random.NormFloat64())), 0)
	}
	n, p := 0, t.random.Float64()
	for limit := math.Exp(-mean); p > limit; n++ {
		p *= t.random.Float64()
	}
	return n
}

func (t *Traffic) binomial(n int, p float64) int {
	k := 0
	for range n {
		if t.random.Float64() < p {
			k++
		}
	}
	return k
}
