package controller

import (
	"slices"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
)

// join adds up two neighbours. It changes the observations of a, but nothing
// they point to: that is shared with the ticks as they were sealed.
func join(a, b stagger.Tick) stagger.Tick {
	a.To, a.Age = b.To, min(a.Age, b.Age)
	for _, o := range b.Observations {
		i := slices.IndexFunc(a.Observations, func(p stagger.Observation) bool {
			return p.Version == o.Version && p.Route == o.Route && p.Proxy == o.Proxy
		})
		if i < 0 {
			a.Observations = append(a.Observations, remembered(o))
			continue
		}
		joinObservation(&a.Observations[i], o)
	}
	return a
}

// remembered is what is kept of an observation. Who came by which split is the
// matter of the rollout that split; subjects outside a rollout are told by
// address, so what they send says nothing of those in one; and how far requests
// depend on each other the watch knows.
func remembered(o stagger.Observation) stagger.Observation {
	o.Groups, o.Hosts, o.Senders, o.Gauges, o.Arrived = nil, nil, nil, nil, 0
	return o
}

func joinObservation(p *stagger.Observation, o stagger.Observation) {
	p.To = o.To
	p.Started += o.Started
	p.Unfinished += o.Unfinished
	p.Outcomes = p.Outcomes.Add(o.Outcomes)
	p.FirstFailed += o.FirstFailed
	p.Latency = histogram.Sum(p.Latency, o.Latency)
	p.Counts = joinCounts(p.Counts, o.Counts)
}

// joinCounts adds up what happened, by metric.
func joinCounts(a, b []stagger.Count) []stagger.Count {
	sum := slices.Clone(a)
	for _, c := range b {
		i := slices.IndexFunc(sum, func(s stagger.Count) bool { return s.Metric == c.Metric })
		if i < 0 {
			sum = append(sum, c)
			continue
		}
		sum[i].N += c.N
	}
	return sum
}
