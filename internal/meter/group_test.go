package meter_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
	"github.com/stagger-dev/stagger/internal/meter"
)

// TestGroupsPartTheRequests holds what the groups count against the whole.
func TestGroupsPartTheRequests(t *testing.T) {
	m := meter.New(meter.Options{})
	s := m.Series("shop", "v1", "all")
	const n = 400
	for i := range uint64(n) {
		x := s.Begin(start, i)
		switch {
		case i%50 == 0: // does not end
		case i%10 == 0:
			x.End(start.Add(50*time.Millisecond), meter.ServerError)
		default:
			x.End(start.Add(time.Duration(i)*time.Millisecond/4), meter.OK)
		}
	}
	m.Seal(start.Add(tick + 2*time.Second))
	o := ticks(t, m, start)[0].Observations[0]
	if len(o.Groups) != stagger.Groups {
		t.Fatalf("%d groups", len(o.Groups))
	}
	for i, g := range o.Groups {
		if g.Started != n/stagger.Groups {
			t.Errorf("group %d has %d requests", i, g.Started)
		}
	}
	sum := sumGroups(o.Groups)
	want := stagger.Group{Started: o.Started, Unfinished: o.Unfinished, Failed: o.Outcomes.Failed(), FirstFailed: o.FirstFailed, Latency: coarse(o.Latency)}
	if diff := cmp.Diff(want, sum); diff != "" {
		t.Errorf("the groups do not add up (-whole +sum):\n%s", diff)
	}
}

func sumGroups(groups []stagger.Group) stagger.Group {
	var sum stagger.Group
	for _, g := range groups {
		sum.Started += g.Started
		sum.Unfinished += g.Unfinished
		sum.Failed += g.Failed
		sum.FirstFailed += g.FirstFailed
		sum.Latency = histogram.Sum(sum.Latency, g.Latency)
	}
	return sum
}

// coarse puts every bucket of h into the one of a group's histogram that
// covers it.
func coarse(h stagger.Histogram) stagger.Histogram {
	var out []stagger.Bucket
	for _, b := range h.Buckets {
		index := b.Index
		for index%stagger.GroupSteps != 0 {
			index++
		}
		if n := len(out); n > 0 && out[n-1].Index == index {
			out[n-1].Count += b.Count
		} else {
			out = append(out, stagger.Bucket{Index: index, Count: b.Count})
		}
	}
	// A duration of zero has no bucket of its own in a group.
	if h.Zero > 0 {
		out = append([]stagger.Bucket{{Index: histogram.MinIndex, Count: h.Zero}}, out...)
	}
	return stagger.Histogram{Buckets: out}
}

// TestFailureCountsOncePerSubject lets one subject fail again and again.
func TestFailureCountsOncePerSubject(t *testing.T) {
	m := meter.New(meter.Options{})
	s := m.Series("shop", "v1", "all")
	now := start
	fail := func(subject uint64) { s.Begin(now, subject).End(now.Add(time.Millisecond), meter.ServerError) }
	first := func() uint64 {
		m.Seal(now.Add(tick + 2*time.Second))
		var n uint64
		for _, one := range ticks(t, m, now) {
			n += one.Observations[0].FirstFailed
		}
		return n
	}
	for range 10 {
		fail(1)
	}
	fail(2)
	if got := first(); got != 2 {
		t.Errorf("two subjects failed, counted as %d", got)
	}
	now = now.Add(16 * tick)
	fail(1)
	fail(3)
	if got := first(); got != 1 {
		t.Errorf("one more failed, counted as %d", got)
	}
	pass := func() {
		now = now.Add(11 * time.Minute)
		m.Seal(now)
	}
	for range 2 { // both generations pass
		pass()
		fail(4)
	}
	pass()
	fail(1)
	if got := first(); got != 1 {
		t.Errorf("half an hour later it counts as %d", got)
	}
}

// TestManyWhoFailAreBounded lets more subjects fail than are remembered.
func TestManyWhoFailAreBounded(t *testing.T) {
	m := meter.New(meter.Options{})
	s := m.Series("shop", "v1", "all")
	const n = 100_000
	for i := range uint64(n) {
		s.Begin(start, i).End(start.Add(time.Millisecond), meter.ServerError)
	}
	m.Seal(start.Add(tick + 2*time.Second))
	if got := ticks(t, m, start)[0].Observations[0].FirstFailed; got != n {
		t.Errorf("%d of %d subjects were counted", got, n)
	}
}
