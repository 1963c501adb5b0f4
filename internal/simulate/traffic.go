package simulate

import (
	"math/rand/v2"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
)

// The two sides of the comparison, as versions are called here.
const (
	Baseline  = "v1"
	Candidate = "v2"

	armBaseline  = 0
	armCandidate = 1
	arms         = 2
)

// epoch is when every life begins: a whole multiple of what the judge counts in.
var epoch = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

// patience is the age at which ticks are sealed, 2^3.5 s: what takes longer, of
// healthy requests not one in a billion, is unfinished. It is an edge of fine
// and of coarse buckets.
const (
	patience     = 11_313_708_498 * time.Nanosecond
	lastFinished = int32(112)
)

// Traffic draws the ticks of one service.
type Traffic struct {
	model    Model
	rate     float64 // requests per second, both versions
	subjects bool    // part the requests by subject, as the meter does

	hosts int // that the requests of both versions are spread over; 0 are not told

	random *rand.Rand
	apart  *rand.Rand // for what only tells more of the same requests
	now    time.Time
	clock  time.Duration // since the first tick
	shapes map[form]*shape
	sides  [arms]side
	clumps []clump
	fleets [arms]fleet
	extras extras
}

// NewTraffic returns the traffic of a model at rate requests per second; the
// same seed makes the same ticks. With subjects the ticks tell groups of
// subjects apart.
func NewTraffic(m Model, rate float64, subjects bool, seed uint64) *Traffic {
	t := &Traffic{
		model: m, rate: rate, subjects: subjects,
		random: rand.New(rand.NewPCG(seed, 0x57a66e5)), apart: rand.New(rand.NewPCG(seed, 0xa9a27)),
		now: epoch, shapes: make(map[form]*shape),
	}
	t.fleets = [arms]fleet{m.pods.fleet("b", m.pods.baseline, 1, t.apart), m.pods.fleet("c", m.pods.candidate, m.pods.harm, t.apart)}
	return t
}

// Tick draws the tick of length d that follows, with a share of the requests for
// the candidate. What it returns is good until the next call.
func (t *Traffic) Tick(d time.Duration, share float64, at Moment) stagger.Tick {
	var answers [arms]Answer
	answers[armBaseline], answers[armCandidate] = t.model.answers(at)
	t.model.bursts.begin(t, d, share)
	for i, part := range [arms]float64{1 - share, share * t.model.also.load()} {
		t.sides[i].clear()
		t.requests(i, answers[i], t.rate*part*d.Seconds(), d)
	}
	t.fall(t.clock+d, t.model.bursts.over == 0)
	t.clock += d
	from := t.now
	t.now = t.now.Add(d)
	tick := stagger.Tick{Service: "simulated", From: from, To: t.now, Age: patience}
	hosts := t.hostsOf(t.hosts, share)
	for i, version := range [arms]string{Baseline, Candidate} {
		s := &t.sides[i]
		s.seal(t, version, from)
		if hosts[i] > 0 && s.started > 0 {
			s.sealed.Hosts = t.fleets[i].seal(t.apart, s, hosts[i])
		}
	}
	t.add(d, share)
	tick.Observations = []stagger.Observation{t.sides[armBaseline].sealed, t.sides[armCandidate].sealed}
	return tick
}

// requests draws the requests of one side: a Poisson number, of which each fails
// and takes its time by itself.
func (t *Traffic) requests(i int, a Answer, mean float64, d time.Duration) {
	s := &t.sides[i]
	var n int
	if len(t.fleets[i].wandering) > 0 {
		n = t.ofPods(i, a, mean, d)
	} else {
		n = t.shape(form{slow: a.Slow, tail: a.Tail}).draw(t.random, mean, &s.counts)
	}
	s.started += uint64(n)
	s.failed += uint64(binomial(t.random, n, a.Errors))
	s.first = s.failed // of so many users that none comes twice
}

func (t *Traffic) shape(f form) *shape {
	s := t.shapes[f]
	if s == nil {
		s = newShape(f)
		t.shapes[f] = s
	}
	return s
}

// side is what one version did in a tick.
type side struct {
	started, failed, first uint64
	counts                 [buckets]uint32
	coarse                 [histogram.CoarseBuckets]uint64 // the same, when sealed
	bursts                 [stagger.Groups]burstTally      // what bursts brought, by group
	sealed                 stagger.Observation
}

// burstTally is what bursts brought to a group: failed requests, by coarse
// bucket.
type burstTally struct {
	failed, first uint64
	latency       [histogram.CoarseBuckets]uint64
}

func (s *side) clear() {
	s.started, s.failed, s.first = 0, 0, 0
	clear(s.counts[:])
	clear(s.bursts[:])
}

// fail adds a failed request of a burst.
func (s *side) fail(t *Traffic, group uint64, first bool) {
	usual := t.shape(form{slow: 1})
	index := usual.first + int32(usual.one(t.random))
	s.counts[index-histogram.MinIndex]++
	s.started++
	s.failed++
	b := &s.bursts[group]
	b.failed++
	b.latency[histogram.Coarse(index)]++
	if first {
		s.first++
		b.first++
	}
}

// seal makes an observation of what was counted.
func (s *side) seal(t *Traffic, version string, from time.Time) {
	o := &s.sealed
	kept, groups := o.Latency.Buckets[:0], o.Groups
	*o = stagger.Observation{
		Counts: o.Counts[:0], Gauges: o.Gauges[:0], Senders: o.Senders[:0],
		Service: "simulated", Version: version, Route: "all", From: from, To: t.now,
		Started: s.started, FirstFailed: s.first,
		Outcomes: stagger.Outcomes{OK: s.started - s.failed, ServerError: s.failed},
	}
	clear(s.coarse[:])
	for i, n := range s.counts {
		if n == 0 {
			continue
		}
		index := int32(i) + histogram.MinIndex
		s.coarse[histogram.Coarse(index)] += uint64(n)
		if index <= lastFinished {
			kept = append(kept, stagger.Bucket{Index: index, Count: uint64(n)})
		} else {
			o.Unfinished += uint64(n)
		}
	}
	o.Latency.Buckets = kept
	o.Outcomes.OK -= min(o.Unfinished, o.Outcomes.OK)
	if t.subjects {
		o.Groups = s.part(t.random, groups)
	}
}

// part parts the requests by group. What bursts brought stays with its user; all
// else falls where it may.
func (s *side) part(r *rand.Rand, groups []stagger.Group) []stagger.Group {
	if groups == nil {
		groups = make([]stagger.Group, stagger.Groups)
	}
	for i := range groups {
		groups[i] = stagger.Group{Latency: stagger.Histogram{Buckets: groups[i].Latency.Buckets[:0]}}
	}
	s.partLatency(r, groups)
	var left [stagger.Groups]uint64 // requests that no burst brought
	total, failed := s.started, s.failed
	for i, b := range s.bursts {
		groups[i].Failed, groups[i].FirstFailed = b.failed, b.first
		left[i] = groups[i].Started - b.failed
		total, failed = total-b.failed, failed-b.failed
	}
	urn(r, left[:], total, failed, func(i int) {
		groups[i].Failed++
		groups[i].FirstFailed++
	})
	return groups
}

// partLatency parts the histogram: each coarse bucket by itself.
func (s *side) partLatency(r *rand.Rand, groups []stagger.Group) {
	for place, n := range s.coarse {
		if n == 0 {
			continue
		}
		var parted [stagger.Groups]uint64
		for i := range s.bursts {
			parted[i] = s.bursts[i].latency[place]
			n -= parted[i]
		}
		scatter(r, n, &parted)
		for i, c := range parted {
			meet(&groups[i], histogram.CoarseIndex(place), c)
		}
	}
}

// meet adds n requests of one coarse bucket to a group.
func meet(g *stagger.Group, index int32, n uint64) {
	switch g.Started += n; {
	case n == 0:
	case index <= lastFinished:
		g.Latency.Buckets = append(g.Latency.Buckets, stagger.Bucket{Index: index, Count: n})
	default:
		g.Unfinished += n
	}
}
