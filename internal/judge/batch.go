package judge

import (
	"cmp"
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
	"github.com/stagger-dev/stagger/internal/sequential"
)

// The two sides of every comparison.
const (
	armBaseline = iota
	armCandidate
	arms
)

// A batch closes when it has batchRequests, within these lengths: with fewer
// there is little to compare.
const (
	batchRequests = 20
	shortestBatch = 250 * time.Millisecond
	longestBatch  = time.Minute
)

// arm is what one version did in a batch.
type arm struct {
	Started    int               `json:"started,omitempty"`
	Requests   int               `json:"requests,omitempty"` // that came to an end we may judge, or to none
	Failed     int               `json:"failed,omitempty"`
	Unfinished int               `json:"unfinished,omitempty"`
	Latency    stagger.Histogram `json:"latency"`
	First      int               `json:"first,omitempty"`   // failures that are their subject's first
	Grouped    bool              `json:"grouped,omitempty"` // the groups were measured
	Groups     []arm             `json:"groups,omitempty"`
}

// timed is the number of requests whose latency is known, if only as too long.
func (a *arm) timed() int { return int(a.Latency.Count()) + a.Unfinished }

// lost counts the requests that got no answer in time: unfinished, or given up
// by the client.
func (a *arm) lost() int { return a.Unfinished + a.Started - a.Requests }

// beyond counts the requests that took longer than bucket i.
func (a *arm) beyond(i int32) int {
	return int(histogram.Above(a.Latency, i)) + a.Unfinished
}

// batch is some ticks put together, by stratum. It is filled again and again,
// so that what it once needed room for needs none any more.
type batch struct {
	From   time.Time     `json:"from,omitzero"`
	To     time.Time     `json:"to,omitzero"`
	Age    time.Duration `json:"age,omitempty"`    // the least of its ticks
	Strata []stratum     `json:"strata,omitempty"` // by rising name

	// What was computed of the strata, once it was asked for.
	sums   [arms]arm
	summed [arms]bool
	tables []sequential.Table
}

// stratum is what is compared within itself: a route, as a rule. Those that met
// nobody in a batch stay empty in it.
type stratum struct {
	Name string    `json:"name"`
	Arms [arms]arm `json:"arms"`
}

// add puts a tick into b.
func (b *batch) add(t stagger.Tick, baseline, candidate string, stratum func(string) string) {
	if b.From.IsZero() {
		b.From, b.Age = t.From, t.Age
	}
	b.To, b.Age = t.To, min(b.Age, t.Age)
	b.summed = [arms]bool{}
	for i := range t.Observations {
		o := &t.Observations[i]
		switch o.Version {
		case baseline:
			a := b.arm(stratum(o.Route), armBaseline)
			a.add(o)
			a.addGroups(o.Groups) // of the baseline alone: dependence is measured there
		case candidate:
			b.arm(stratum(o.Route), armCandidate).add(o)
		}
	}
}

func (b *batch) arm(name string, side int) *arm {
	i, found := slices.BinarySearchFunc(b.Strata, name, func(s stratum, name string) int { return cmp.Compare(s.Name, name) })
	if !found {
		b.Strata = slices.Insert(b.Strata, i, stratum{Name: name})
	}
	return &b.Strata[i].Arms[side]
}

func (a *arm) add(o *stagger.Observation) {
	a.Started += int(o.Started)
	a.Requests += int(o.Started - min(o.Outcomes.ClientAbort, o.Started))
	a.Failed += int(o.Outcomes.Failed())
	a.Unfinished += int(o.Unfinished)
	a.First += int(o.FirstFailed)
	histogram.AddTo(&a.Latency, o.Latency)
}

func (a *arm) addGroups(gs []stagger.Group) {
	if len(gs) != stagger.Groups {
		return
	}
	a.Grouped = true
	if a.Groups == nil {
		a.Groups = make([]arm, stagger.Groups)
	}
	for i := range gs {
		g, to := &gs[i], &a.Groups[i]
		to.Started += int(g.Started)
		to.Requests += int(g.Started)
		to.Failed += int(g.Failed)
		to.Unfinished += int(g.Unfinished)
		to.First += int(g.FirstFailed)
		histogram.AddTo(&to.Latency, g.Latency)
	}
}

// plus adds b to a; the groups stay as they are.
func (a *arm) plus(b *arm) {
	a.Started += b.Started
	a.Requests += b.Requests
	a.Failed += b.Failed
	a.Unfinished += b.Unfinished
	a.First += b.First
	histogram.AddTo(&a.Latency, b.Latency)
}

// clear empties a and keeps its room.
func (a *arm) clear() {
	*a = arm{Latency: stagger.Histogram{Buckets: a.Latency.Buckets[:0]}, Groups: a.Groups}
	for i := range a.Groups {
		a.Groups[i].clear()
	}
}

// clear empties b and keeps its room.
func (b *batch) clear() {
	b.From, b.To, b.Age, b.summed = time.Time{}, time.Time{}, 0, [arms]bool{}
	for i := range b.Strata {
		for side := range arms {
			b.Strata[i].Arms[side].clear()
		}
	}
}

// groups visits the groups of the baseline, in every stratum; it says whether
// there are any.
func (b *batch) groups(visit func(group int, a *arm)) bool {
	found := false
	for i := range b.Strata {
		base := &b.Strata[i].Arms[armBaseline]
		if !base.Grouped {
			continue
		}
		found = true
		for g := range base.Groups {
			visit(g, &base.Groups[g])
		}
	}
	return found
}

// full says whether b is large enough to be judged. It depends on how many
// requests came, never on what became of them, so the evidence stays exact.
func (b *batch) full() bool {
	length := b.To.Sub(b.From)
	return length >= longestBatch || length >= shortestBatch && b.requests(armBaseline)+b.requests(armCandidate) >= batchRequests
}

// requests counts those of one side.
func (b *batch) requests(side int) int {
	n := 0
	for i := range b.Strata {
		n += b.Strata[i].Arms[side].Requests
	}
	return n
}

// whole is one side over all strata. Nobody changes what it points to.
func (b *batch) whole(side int) *arm {
	if len(b.Strata) == 1 {
		return &b.Strata[0].Arms[side]
	}
	sum := &b.sums[side]
	if !b.summed[side] {
		b.summed[side] = true
		sum.clear()
		for i := range b.Strata {
			sum.plus(&b.Strata[i].Arms[side])
		}
	}
	return sum
}
