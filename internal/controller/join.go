package controller

import (
	"cmp"
	"slices"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
)

// join adds up two neighbours. It changes the observations of a, but nothing
// they point to: that is shared with the ticks as they were sealed.
func join(a, b stagger.Tick) stagger.Tick {
	a.To, a.Age = b.To, min(a.Age, b.Age)
	if a.Share == nil || b.Share == nil || *a.Share != *b.Share {
		a.Share = nil // it was not the same all the time
	}
	for _, o := range b.Observations {
		i := slices.IndexFunc(a.Observations, func(p stagger.Observation) bool {
			return p.Version == o.Version && p.Route == o.Route && p.Proxy == o.Proxy
		})
		if i < 0 {
			a.Observations = append(a.Observations, o)
			continue
		}
		joinObservation(&a.Observations[i], o)
	}
	return a
}

func joinObservation(p *stagger.Observation, o stagger.Observation) {
	p.To = o.To
	p.Started += o.Started
	p.Unfinished += o.Unfinished
	p.Outcomes = p.Outcomes.Add(o.Outcomes)
	p.FirstFailed += o.FirstFailed
	p.Groups, p.Hosts = nil, nil // of no use in what is remembered
	p.Latency = histogram.Sum(p.Latency, o.Latency)
	p.Arrived += o.Arrived
	p.Senders = joinSenders(p.Senders, o.Senders)
	p.Counts = joinCounts(p.Counts, o.Counts)
	p.Gauges = joinGauges(p.Gauges, o.Gauges)
}

// joinSenders adds up subjects by how many requests they sent.
func joinSenders(a, b []stagger.Senders) []stagger.Senders {
	if len(b) == 0 {
		return a
	}
	sum := slices.Clone(a)
	for _, s := range b {
		i, found := slices.BinarySearchFunc(sum, s.Requests, func(s stagger.Senders, n uint64) int { return cmp.Compare(s.Requests, n) })
		if !found {
			sum = slices.Insert(sum, i, s)
			continue
		}
		for g, n := range s.Subjects {
			sum[i].Subjects[g] += n
		}
	}
	return sum
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

// joinGauges keeps the last level of every metric and instance.
func joinGauges(a, b []stagger.Gauge) []stagger.Gauge {
	last := slices.Clone(a)
	for _, g := range b {
		i := slices.IndexFunc(last, func(l stagger.Gauge) bool { return l.Metric == g.Metric && l.Instance == g.Instance })
		if i < 0 {
			last = append(last, g)
			continue
		}
		last[i] = g
	}
	return last
}
