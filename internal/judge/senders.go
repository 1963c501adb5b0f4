package judge

import (
	"math"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/sequential"
)

// Retries are judged by subject: how many of them send more requests within a
// minute than 95 % of the baseline's used to. A version that fails softly, or
// answers so late that people press the button again, shows there first.
const (
	sendersQuantile = 0.95
	// leastSenders is how many subjects make known what is usual.
	leastSenders = 200
	// sendersHalfLife is after how many subjects what is usual has faded by half.
	sendersHalfLife = 5000
	// senderBins tell 1, 2, 3, 4, 6, 8, 12, ... requests apart, up to 1024.
	senderBins = 20
)

// senderBin is the bin of a number of requests.
func senderBin(requests uint64) int {
	bin := 0
	for bin+1 < senderBins && leastOf(bin+1) <= requests {
		bin++
	}
	return bin
}

// leastOf is the least number of requests in a bin: powers of two, and half as
// many again.
func leastOf(bin int) uint64 {
	switch half := uint(bin+1) / 2; {
	case bin == 0:
		return 1
	case bin%2 == 1:
		return 1 << half
	default:
		return 3 << (half - 1)
	}
}

// senders counts subjects by how many requests each sent, and by group.
type senders [senderBins][stagger.Groups]uint32

// add takes in what an observation says.
func (s *senders) add(of []stagger.Senders) {
	for _, each := range of {
		bin := &s[senderBin(each.Requests)]
		for g, n := range each.Subjects {
			bin[g] += uint32(min(n, mostRequests))
		}
	}
}

// beyond counts all subjects, and those in a bin above limit.
func (s *senders) beyond(limit int) (n, hits int) {
	for bin := range s {
		in := 0
		for _, c := range s[bin] {
			in += int(c)
		}
		n += in
		if bin > limit {
			hits += in
		}
	}
	return n, hits
}

// byGroup adds what beyond counts to every group.
func (s *senders) byGroup(limit int, n, hits *[stagger.Groups]float64) {
	for bin := range s {
		for g, c := range s[bin] {
			n[g] += float64(c)
			if bin > limit {
				hits[g] += float64(c)
			}
		}
	}
}

// habit is how many requests the baseline's subjects used to send.
type habit struct {
	Subjects [senderBins]float64 `json:"subjects"`
	Total    float64             `json:"total"`
	// Limit is the bin that 95 % of them stayed within, once it is Known.
	Limit int  `json:"limit"`
	Known bool `json:"known"`
}

// learn takes in subjects after they were judged, and lets older ones fade.
func (h *habit) learn(s *senders) {
	fresh, _ := s.beyond(senderBins)
	if fresh == 0 {
		return
	}
	for bin := range s {
		for _, c := range s[bin] {
			h.Subjects[bin] += float64(c)
		}
	}
	h.Total += float64(fresh)
	h.relearn()
	keep := sendersHalfLife / (sendersHalfLife + float64(fresh))
	for bin := range h.Subjects {
		h.Subjects[bin] *= keep
	}
	h.Total *= keep
}

// relearn sets the limit for the subjects to come.
func (h *habit) relearn() {
	if h.Known = h.Known || h.Total >= leastSenders; !h.Known {
		return
	}
	seen := 0.0
	for bin, n := range h.Subjects {
		if seen += n; seen >= sendersQuantile*h.Total {
			h.Limit = bin
			return
		}
	}
}

// beyond is how many of the past were beyond the limit.
func (h *habit) beyond() float64 {
	hits := 0.0
	for _, n := range h.Subjects[h.Limit+1:] {
		hits += n
	}
	return hits
}

// sound says whether what was read back can be a habit.
func (h *habit) sound() bool { return h.Limit >= 0 && h.Limit < senderBins && h.Total >= 0 }

// sent compares how many subjects send more requests than is usual.
func (s slot) sent(at sight) evidence {
	e := evidence{judged: true}
	habit := &at.usual.Habit
	if !habit.Known || at.batch.Senders == nil {
		e.judged = false
		return e.neutral()
	}
	g := s.guardrail
	n, k := at.batch.Senders[armCandidate].beyond(habit.Limit)
	m, x := at.batch.Senders[armBaseline].beyond(habit.Limit)
	if at.reference != nil {
		exp(&e.ratio, oneSample(k, n, worse(at.reference.Senders, s.tolerated(at)), sequential.Tilts[:], +1))
	} else {
		at.batch.tables = at.batch.tables[:0]
		if t := (sequential.Table{Total: n + m, Candidate: n, Outcomes: k + x, Hits: k}); !t.Empty() {
			at.batch.tables = append(at.batch.tables, t)
		}
		e.curve = at.batch.tables
		exp(&e.ratio, conditional(e.curve, math.Log(s.tolerated(at)), sequential.Tilts[:], +1))
		keep(&e.healthyRatio, conditional(e.curve, math.Log(HealthyOdds), sequential.HealthyTilts[:], -1))
	}
	exp(&e.floor, oneSample(k, n, g.Floor, sequential.Tilts[:], +1))
	keep(&e.healthyCap, oneSample(k, n, g.Healthy, sequential.HealthyTilts[:], -1))
	return e
}

// measureSenders takes in how groups of the baseline differ in what they send.
func (l *ladder) measureSenders(at sight) {
	if at.batch.Senders == nil || !at.usual.Habit.Known {
		return
	}
	var n, x [stagger.Groups]float64
	at.batch.Senders[armBaseline].byGroup(at.usual.Habit.Limit, &n, &x)
	l.Known = true
	l.Requests.observe(at.batch.To, &n, &x)
}

// cutSenders lets the first groups of the baseline play the candidate.
func (p *placebo) cutSenders(from, into *batch) {
	if from.Senders == nil {
		return
	}
	if into.Senders == nil {
		into.Senders = new([arms]senders)
	}
	for bin := range senderBins {
		for g, n := range from.Senders[armBaseline][bin] {
			side := armBaseline
			if g < p.Size {
				side = armCandidate
			}
			into.Senders[side][bin][g] = n
		}
	}
}
