package judge_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
	"github.com/stagger-dev/stagger/internal/judge"
)

// fleet is a world of hosts that are slow for a while each: the logarithm of
// their latency wanders with a memory of 20 s.
type fleet struct {
	*world
	hosts [2]int
	swing float64
	slow  [2][]float64
	told  bool // the ticks tell hosts apart
}

func newFleet(seed uint64, swing float64, told bool) *fleet {
	f := &fleet{world: newWorld(seed, 400), hosts: [2]int{12, 1}, swing: swing, told: told}
	f.share = 0
	for side, n := range f.hosts {
		f.slow[side] = make([]float64, n)
	}
	return f
}

func (f *fleet) tick() stagger.Tick {
	from := f.now
	f.now = f.now.Add(tickLength)
	keep := math.Exp(-tickLength.Seconds() / 20)
	var out [2]stagger.Observation
	for side := range out {
		o := &out[side]
		*o = stagger.Observation{Version: []string{"v1", "v2"}[side], Service: "shop", Route: "all", From: from, To: f.now}
		share := 1 - f.share
		if side == 1 {
			share = f.share
		}
		for i := range f.slow[side] {
			f.slow[side][i] = keep*f.slow[side][i] + math.Sqrt(1-keep*keep)*f.swing*f.random.NormFloat64()
			host := stagger.Host{Name: fmt.Sprint(side, i)}
			for range f.poisson(f.rate * share / float64(f.hosts[side]) * tickLength.Seconds()) {
				f.visit(o, &host.Group, math.Exp(f.slow[side][i]))
			}
			if f.told {
				o.Hosts = append(o.Hosts, host)
			}
		}
		sortBuckets(o.Latency.Buckets)
		for i := range o.Hosts {
			sortBuckets(o.Hosts[i].Latency.Buckets)
		}
	}
	return stagger.Tick{Service: "shop", From: from, To: f.now, Age: 500 * time.Millisecond, Observations: out[:]}
}

func (f *fleet) visit(o *stagger.Observation, g *stagger.Group, slow float64) {
	o.Started++
	o.Outcomes.OK++
	g.Started++
	index := histogram.Index(time.Duration(0.012 * slow * math.Exp(0.4*f.random.NormFloat64()) * float64(time.Second)))
	put(&o.Latency, index)
	for index%stagger.GroupSteps != 0 {
		index++
	}
	put(&g.Latency, index)
}

// TestASlowHostIsNotASlowVersion runs one host of the candidate beside twelve of
// the baseline, all of which are slow for a while now and then.
func TestASlowHostIsNotASlowVersion(t *testing.T) {
	const lives, length = 8, 10 * time.Minute
	live := func(seed uint64, told bool) stagger.Advice {
		f := newFleet(seed, 0.15, told)
		j := judge.New(judge.Config{Baseline: "v1", Candidate: "v2", Guardrails: strict(), Planned: length})
		for range 5 * 60 * 4 {
			j.Observe(f.tick())
		}
		f.share = 0.08
		j.BeginStage(f.now)
		for range int(length / tickLength) {
			j.Observe(f.tick())
			if v := j.Verdict(f.now); v.Advice == stagger.AdviseRollback {
				return v.Advice
			}
		}
		return stagger.AdviseNothing
	}
	rolled := map[bool]int{}
	for seed := range uint64(lives) {
		for _, told := range []bool{true, false} {
			if live(seed, told) == stagger.AdviseRollback {
				rolled[told]++
			}
		}
	}
	t.Logf("of %d lives: %d rolled back with hosts told apart, %d without", lives, rolled[true], rolled[false])
	if rolled[true] > 0 {
		t.Errorf("%d of %d healthy candidates on a host of their own were rolled back", rolled[true], lives)
	}
	if rolled[false] == 0 {
		t.Error("without hosts some should have been: the test shows nothing")
	}
}

func sortBuckets(bs []stagger.Bucket) {
	slices.SortFunc(bs, func(a, b stagger.Bucket) int { return int(a.Index - b.Index) })
}

// strict tolerates nothing.
func strict() []stagger.Guardrail {
	return []stagger.Guardrail{
		{Signal: stagger.SignalErrors, Tolerance: 1, Alpha: 0.01, Healthy: 0.02, Action: stagger.ActionRollback},
		{Signal: stagger.SignalLatency, Alpha: 0.01, Healthy: 0.35, Action: stagger.ActionRollback},
	}
}
