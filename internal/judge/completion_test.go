package judge_test

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
	"github.com/stagger-dev/stagger/internal/judge"
)

// slowRequest is one of a service of two identical versions whose median answer
// takes two seconds.
type slowRequest struct {
	start, took time.Duration
	side        int
}

// The share of the candidate is cut at cutAt; what has not finished
// slowestAnswer after its tick is unfinished.
const (
	cutAt         = 90 * time.Second
	slowLife      = 120 * time.Second
	slowestAnswer = 20 * time.Second
)

func slowRequests(seed uint64) []slowRequest {
	random := rand.New(rand.NewPCG(seed, 11))
	var out []slowRequest
	for at := time.Duration(0); at < slowLife; {
		at += time.Duration(random.ExpFloat64() / 600 * float64(time.Second))
		share := 0.0
		switch {
		case at >= cutAt:
			share = 0.05
		case at >= slowLife/2:
			share = 0.25
		}
		r := slowRequest{start: at, took: time.Duration(2 * math.Exp(0.8*random.NormFloat64()) * float64(time.Second))}
		if random.Float64() < share {
			r.side = 1
		}
		out = append(out, r)
	}
	return out
}

// judgedBy puts the requests into ticks by what when says of them, and returns
// whether the candidate was ever suspected.
func judgedBy(requests []slowRequest, when func(slowRequest) time.Duration) bool {
	const length = time.Second
	ticks := make([][2]stagger.Observation, slowLife/length)
	for _, r := range requests {
		i := int(when(r) / length)
		if i >= len(ticks) {
			continue
		}
		o := &ticks[i][r.side]
		o.Started++
		if r.took > slowestAnswer {
			o.Unfinished++
			continue
		}
		o.Outcomes.OK++
		put(&o.Latency, histogram.Index(r.took))
	}
	j := judge.New(judge.Config{
		Baseline: "v1", Candidate: "v2", Planned: time.Minute,
		Guardrails: []stagger.Guardrail{{Signal: stagger.SignalLatency, Healthy: 0.24, Alpha: 0.01, Action: stagger.ActionRollback}},
	})
	suspected := false
	for i := range ticks {
		tick := stagger.Tick{From: epoch.Add(time.Duration(i) * length), Age: slowestAnswer}
		tick.To = tick.From.Add(length)
		for side, version := range []string{"v1", "v2"} {
			o := ticks[i][side]
			o.Version, o.Route, o.From, o.To = version, "all", tick.From, tick.To
			slices.SortFunc(o.Latency.Buckets, func(a, b stagger.Bucket) int { return cmp.Compare(a.Index, b.Index) })
			tick.Observations = append(tick.Observations, o)
		}
		j.Observe(tick)
		suspected = suspected || j.Suspected()
	}
	return suspected
}

// TestOnlyBatchesByStartAreFair cuts the share of the candidate. What completes
// just after the cut is the candidate's slow requests from before it beside the
// baseline's quick ones from after it, so by completion a healthy candidate
// looks slow. Our ticks are by start.
func TestOnlyBatchesByStartAreFair(t *testing.T) {
	const lives = 30
	byStart, byCompletion := 0, 0
	for seed := range uint64(lives) {
		requests := slowRequests(seed)
		if judgedBy(requests, func(r slowRequest) time.Duration { return r.start }) {
			byStart++
		}
		if judgedBy(requests, func(r slowRequest) time.Duration { return r.start + r.took }) {
			byCompletion++
		}
	}
	t.Logf("of %d healthy lives, %d are suspected by start and %d by completion", lives, byStart, byCompletion)
	if byStart > 0 {
		t.Errorf("by start %d of %d healthy candidates are suspected", byStart, lives)
	}
	if byCompletion <= lives/2 {
		t.Errorf("by completion only %d of %d are: the test shows nothing", byCompletion, lives)
	}
}
