package course

import (
	"math"
	"slices"

	"github.com/stagger-dev/stagger"
)

// Course returns how both versions did, the moment under way as the last. The
// lists are the caller's.
func (r *Recorder) Course() stagger.Course {
	s := &r.state
	c := s.Course
	c.At = slices.Clone(c.At)
	c.Baseline.Readings, c.Candidate.Readings = slices.Clone(c.Baseline.Readings), slices.Clone(c.Candidate.Readings)
	for _, list := range columns(&c) {
		*list = slices.Clone(*list)
	}
	if s.Open.Seen > 0 {
		s.Open.addTo(&c)
	}
	return c
}

// columns are all lists of numbers of a course, those of readings last.
func columns(c *stagger.Course) []*stagger.Series {
	lists := []*stagger.Series{&c.Seen, &c.Wished, &c.Observed}
	for _, v := range [...]*stagger.CourseVersion{&c.Baseline, &c.Candidate} {
		lists = append(lists, &v.Requests, &v.Failed, &v.Rate, &v.Errors)
		lists = append(lists, latencies(v)...)
		lists = append(lists, levels(v)...)
	}
	return lists
}

func latencies(v *stagger.CourseVersion) []*stagger.Series {
	return []*stagger.Series{&v.P50, &v.P95, &v.P99}
}

// levels are what was looked at now and then.
func levels(v *stagger.CourseVersion) []*stagger.Series {
	lists := []*stagger.Series{&v.InFlight, &v.Saturation, &v.Backlog}
	for i := range v.Readings {
		lists = append(lists, &v.Readings[i].Values)
	}
	return lists
}

// thin puts every two neighbours together. Counts add up and what follows from
// them is exact; percentiles are the mean of both by requests, levels that by the
// time that was measured.
func thin(c *stagger.Course) {
	n := len(c.At)
	for i := 0; i < n; i += 2 {
		join(c, i/2, i, min(i+1, n-1))
	}
	kept := (n + 1) / 2
	c.At = c.At[:kept]
	for _, list := range columns(c) {
		*list = (*list)[:kept]
	}
	for i := range kept {
		derive(c, i)
	}
	c.Step = min(2*c.Step, lastStep)
}

// join writes moments a and b, of which none lies before to, as one. They may be
// the same.
func join(c *stagger.Course, to, a, b int) {
	for _, v := range [...]*stagger.CourseVersion{&c.Baseline, &c.Candidate} {
		for _, list := range latencies(v) {
			(*list)[to] = weighed((*list)[a], v.Requests[a], (*list)[b], v.Requests[b])
		}
		for _, list := range levels(v) {
			(*list)[to] = weighed((*list)[a], c.Seen[a], (*list)[b], c.Seen[b])
		}
		v.Requests[to], v.Failed[to] = sum(v.Requests, a, b), sum(v.Failed, a, b)
	}
	c.Wished[to] = weighed(c.Wished[a], c.Seen[a], c.Wished[b], c.Seen[b])
	c.Seen[to] = sum(c.Seen, a, b)
	c.At[to] = c.At[b]
}

// sum adds up what is known of two moments.
func sum(list stagger.Series, a, b int) float64 {
	x, known := list.At(a)
	y, also := list.At(b)
	switch {
	case a == b, !also:
		return list[a]
	case !known:
		return y
	}
	return x + y
}

// weighed is the mean of what is known of x and y by their weights.
func weighed(x, m, y, n float64) float64 {
	switch {
	case math.IsNaN(x):
		return y
	case math.IsNaN(y) || !(m+n > 0):
		return x
	}
	return shown((x*m + y*n) / (m + n))
}
