package judge

import (
	"maps"
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
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
	Started    int               `json:"started"`
	Requests   int               `json:"requests"` // that came to an end we may judge, or to none
	Failed     int               `json:"failed"`
	Unfinished int               `json:"unfinished"`
	Latency    stagger.Histogram `json:"latency"`
	First      int               `json:"first"` // failures that are their subject's first
	Groups     []arm             `json:"groups,omitempty"`
}

// timed is the number of requests whose latency is known, if only as too long.
func (a arm) timed() int { return int(a.Latency.Count()) + a.Unfinished }

// lost counts the requests that got no answer in time: unfinished, or given up
// by the client.
func (a arm) lost() int { return a.Unfinished + a.Started - a.Requests }

// beyond counts the requests that took longer than bucket i.
func (a arm) beyond(i int32) int {
	return int(histogram.Above(a.Latency, i)) + a.Unfinished
}

// batch is some ticks put together, by stratum.
type batch struct {
	From   time.Time             `json:"from,omitzero"`
	To     time.Time             `json:"to,omitzero"`
	Age    time.Duration         `json:"age,omitempty"` // the least of its ticks
	Strata map[string]*[arms]arm `json:"strata,omitempty"`

	// What was computed of the strata, once it was asked for.
	sorted []string
	sums   [arms]*arm
}

// add puts a tick into b.
func (b *batch) add(t stagger.Tick, baseline, candidate string, stratum func(string) string) {
	if b.From.IsZero() {
		b.From, b.Age = t.From, t.Age
	}
	b.To, b.Age = t.To, min(b.Age, t.Age)
	b.sums = [arms]*arm{}
	for _, o := range t.Observations {
		switch o.Version {
		case baseline:
			b.arm(stratum(o.Route), armBaseline).add(o)
		case candidate:
			b.arm(stratum(o.Route), armCandidate).add(o)
		}
	}
}

func (b *batch) arm(stratum string, side int) *arm {
	if b.Strata == nil {
		b.Strata = make(map[string]*[arms]arm)
	}
	both := b.Strata[stratum]
	if both == nil {
		both = new([arms]arm)
		b.Strata[stratum] = both
	}
	return &both[side]
}

func (a *arm) add(o stagger.Observation) {
	a.Started += int(o.Started)
	a.Requests += int(o.Started - min(o.Outcomes.ClientAbort, o.Started))
	a.Failed += int(o.Outcomes.Failed())
	a.Unfinished += int(o.Unfinished)
	a.Latency = histogram.Sum(a.Latency, o.Latency)
	a.First += int(o.FirstFailed)
	if len(o.Groups) == stagger.Groups {
		a.addGroups(o.Groups)
	}
}

func (a *arm) addGroups(gs []stagger.Group) {
	if a.Groups == nil {
		a.Groups = make([]arm, stagger.Groups)
	}
	for i, g := range gs {
		a.Groups[i].plus(&arm{
			Started: int(g.Started), Requests: int(g.Started), Failed: int(g.Failed), Unfinished: int(g.Unfinished),
			First: int(g.FirstFailed), Latency: g.Latency,
		})
	}
}

// plus adds b to a; the groups stay as they are.
func (a *arm) plus(b *arm) {
	a.Started += b.Started
	a.Requests += b.Requests
	a.Failed += b.Failed
	a.Unfinished += b.Unfinished
	a.First += b.First
	a.Latency = histogram.Sum(a.Latency, b.Latency)
}

// groups visits the groups of the baseline, in every stratum; it says whether
// there are any.
func (b *batch) groups(visit func(group int, a *arm)) bool {
	found := false
	for _, name := range b.names() {
		groups := b.Strata[name][armBaseline].Groups
		for i := range groups {
			found = true
			visit(i, &groups[i])
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
	for _, both := range b.Strata {
		n += both[side].Requests
	}
	return n
}

// names lists the strata in a fixed order. Nobody changes the list.
func (b *batch) names() []string {
	if len(b.sorted) != len(b.Strata) {
		b.sorted = slices.Sorted(maps.Keys(b.Strata))
	}
	return b.sorted
}

// whole is one side over all strata. Nobody changes what it points to.
func (b *batch) whole(side int) arm {
	if b.sums[side] == nil {
		sum := b.sum(side)
		b.sums[side] = &sum
	}
	return *b.sums[side]
}

func (b *batch) sum(side int) arm {
	names := b.names()
	if len(names) == 1 {
		return b.Strata[names[0]][side]
	}
	var sum arm
	for _, name := range names {
		sum.plus(&b.Strata[name][side])
	}
	return sum
}
