package recording

import (
	"cmp"
	"maps"
	"slices"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
)

// together says whether two lines are parts of one observation: of what one
// version did on one route, as one proxy counted it.
func (l *Line) together(other *Line) bool {
	return l.Route == other.Route && l.Proxy == other.Proxy
}

// byPlace puts lines that are together beside each other.
func byPlace(a, b Line) int {
	return cmp.Or(cmp.Compare(a.Route, b.Route), cmp.Compare(a.Proxy, b.Proxy), cmp.Compare(a.Host, b.Host))
}

// observations are lines of one version as the judge knows them.
func observations(version string, lines []Line, t Tick) []stagger.Observation {
	var out []stagger.Observation
	for first := 0; first < len(lines); {
		last := first + 1
		for last < len(lines) && lines[first].together(&lines[last]) {
			last++
		}
		out = append(out, observation(version, lines[first:last], t))
		first = last
	}
	return out
}

// observation adds up lines that are together. Without durations nothing is
// known about who took long, not even of those who are unfinished; and of some
// hosts alone it would be no fair sample.
func observation(version string, lines []Line, t Tick) stagger.Observation {
	o := stagger.Observation{Version: version, Route: lines[0].Route, Proxy: lines[0].Proxy, From: t.From, To: t.To}
	timed := !slices.ContainsFunc(lines, func(l Line) bool { return !l.Timed && l.Started > 0 })
	counts := make(map[string]uint64)
	for i := range lines {
		l := &lines[i]
		o.Started += l.Started
		o.Arrived += l.Arrived
		o.Outcomes = o.Outcomes.Add(stagger.Outcomes{OK: l.Started - l.Failed - l.Unfinished, ServerError: l.Failed})
		if timed {
			o.Unfinished += l.Unfinished
			o.Latency = histogram.Sum(o.Latency, l.Latency)
		}
		if l.Host != "" {
			o.Hosts = append(o.Hosts, l.host(timed))
		}
		for name, n := range l.Counts {
			counts[name] += n
		}
		for _, name := range slices.Sorted(maps.Keys(l.Gauges)) {
			o.Gauges = append(o.Gauges, stagger.Gauge{Metric: name, Instance: l.Host, Value: l.Gauges[name]})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		o.Counts = append(o.Counts, stagger.Count{Metric: name, N: counts[name]})
	}
	return o
}

// host is l as the part of its host, which has coarse buckets.
func (l *Line) host(timed bool) stagger.Host {
	h := stagger.Host{Name: l.Host}
	h.Started, h.Failed = l.Started, l.Failed
	if !timed {
		return h
	}
	h.Unfinished = l.Unfinished
	for _, b := range l.Latency.Buckets {
		index := histogram.CoarseIndex(histogram.Coarse(b.Index))
		if last := len(h.Latency.Buckets) - 1; last >= 0 && h.Latency.Buckets[last].Index == index {
			h.Latency.Buckets[last].Count += b.Count
		} else {
			h.Latency.Buckets = append(h.Latency.Buckets, stagger.Bucket{Index: index, Count: b.Count})
		}
	}
	return h
}
