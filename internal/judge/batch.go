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
	// Share is the one that the weight gave the candidate in every tick; nil
	// where it is not known.
	Share *float64 `json:"share,omitempty"`
	// Peers are the hosts of the baseline, by their index in peers; Hosted is
	// how many hosts each side had.
	Peers  []arm     `json:"peers,omitempty"`
	Hosted [arms]int `json:"hosted"`
	// Senders are the subjects by the requests they sent, nil where no
	// guardrail asks; Readings are the metrics that guardrails name.
	Senders  *[arms]senders `json:"senders,omitempty"`
	Readings []readings     `json:"readings,omitempty"`
	// Shadow is what comparing answers to mirrored requests found.
	Shadow stagger.Shadowed `json:"shadow,omitzero"`

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

// begin opens b with the tick that it starts with, or prolongs it.
func (b *batch) begin(t *stagger.Tick) {
	if b.From.IsZero() {
		b.From, b.Age, b.Share = t.From, t.Age, t.Share
	}
	b.To, b.Age = t.To, min(b.Age, t.Age)
	b.summed = [arms]bool{}
}

// continues says whether t may go into b: never two shares of the weight in one
// batch, or a change of the base rate between them would look like harm.
func (b *batch) continues(t *stagger.Tick) bool {
	return b.From.IsZero() || b.Share == nil && t.Share == nil || b.Share != nil && t.Share != nil && *b.Share == *t.Share
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
		a.Groups[i].addGroup(&gs[i])
	}
}

func (a *arm) addGroup(g *stagger.Group) {
	a.Started += int(g.Started)
	a.Requests += int(g.Started)
	a.Failed += int(g.Failed)
	a.Unfinished += int(g.Unfinished)
	a.First += int(g.FirstFailed)
	histogram.AddTo(&a.Latency, g.Latency)
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
	b.Share, b.Hosted, b.Shadow = nil, [arms]int{}, stagger.Shadowed{}
	for i := range b.Peers {
		b.Peers[i].clear()
	}
	if b.Senders != nil {
		*b.Senders = [arms]senders{}
	}
	clear(b.Readings)
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
