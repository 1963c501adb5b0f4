package controller

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/config"
)

// TestAPieceOfMemoryAddsUpWhatItsTicksHold also holds that the ticks, which are
// shared, stay as they were.
func TestAPieceOfMemoryAddsUpWhatItsTicksHold(t *testing.T) {
	from := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tick := func(second int, share float64) stagger.Tick {
		at := from.Add(time.Duration(second) * time.Second)
		return stagger.Tick{Service: "shop", From: at, To: at.Add(time.Second), Age: time.Second, Share: &share, Observations: []stagger.Observation{{
			Service: "shop", Version: "v1", Route: "all", From: at, To: at.Add(time.Second),
			Started: 10, Unfinished: 1, Outcomes: stagger.Outcomes{OK: 8, ServerError: 1}, FirstFailed: 1,
			Groups: make([]stagger.Group, stagger.Groups), Hosts: []stagger.Host{{Name: "a:80"}}, Arrived: 2,
			Senders: []stagger.Senders{{Requests: 1, Subjects: [stagger.Groups]uint64{3, 1}}},
			Counts:  []stagger.Count{{Metric: "orders", N: 5}},
			Gauges:  []stagger.Gauge{{Metric: "heap", Instance: "a", Value: 1}},
		}}}
	}
	ticks := func() [3]stagger.Tick {
		all := [3]stagger.Tick{tick(0, 0.1), tick(1, 0.1), tick(2, 0.1)}
		o := &all[1].Observations[0]
		o.Senders = []stagger.Senders{{Requests: 1, Subjects: [stagger.Groups]uint64{0, 1}}, {Requests: 4, Subjects: [stagger.Groups]uint64{2}}}
		o.Counts = append(o.Counts, stagger.Count{Metric: "refunds", N: 1})
		o.Gauges = []stagger.Gauge{{Metric: "heap", Instance: "b", Value: 2}, {Metric: "heap", Instance: "a", Value: 3}}
		o = &all[2].Observations[0]
		o.Senders = nil
		elsewhere := *o
		elsewhere.Proxy = "east"
		all[2].Observations = append(all[2].Observations, elsewhere)
		return all
	}
	given := ticks()
	var m memory
	for _, one := range given {
		m.add(one)
	}
	elsewhere := remembered(given[2].Observations[1])
	want := []stagger.Tick{{Service: "shop", From: from, To: from.Add(3 * time.Second), Age: time.Second, Observations: []stagger.Observation{{
		Service: "shop", Version: "v1", Route: "all", From: from, To: from.Add(3 * time.Second),
		Started: 30, Unfinished: 3, Outcomes: stagger.Outcomes{OK: 24, ServerError: 3}, FirstFailed: 3,
		Counts: []stagger.Count{{Metric: "orders", N: 15}, {Metric: "refunds", N: 1}},
	}, elsewhere}}}
	if diff := cmp.Diff(want, m.pieces); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(ticks(), given); diff != "" {
		t.Errorf("the ticks were changed (-before +after):\n%s", diff)
	}
}

// TestABeginningRolloutIsNotToldOfTheSplitBefore replays the memory of a time in
// which another rollout split the traffic: with the candidate's part left out, a
// judge told of that split would find it broken.
func TestABeginningRolloutIsNotToldOfTheSplitBefore(t *testing.T) {
	share, from := 0.3, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var m memory
	for i := range 600 {
		at := from.Add(time.Duration(i) * time.Second)
		tick := stagger.Tick{Service: "shop", From: at, To: at.Add(time.Second), Age: time.Second, Share: &share}
		for _, version := range []string{"v1", "v2"} {
			tick.Observations = append(tick.Observations, stagger.Observation{
				Version: version, Route: "all", Started: 50, Arrived: 5, Outcomes: stagger.Outcomes{OK: 50},
			})
		}
		m.add(tick)
	}
	j, err := StatisticalJudge(Case{Baseline: "v1", Candidate: "v3", Guardrails: config.Standard().Guardrails}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tick := range m.of("v1") {
		j.Observe(tick)
	}
	if v := j.Verdict(from.Add(10 * time.Minute)); v.Advice != stagger.AdviseNothing {
		t.Errorf("%s: %s", v.Advice, v.Sentence)
	}
}
