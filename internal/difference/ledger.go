package difference

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/sequential"
)

// What a ledger keeps at most. Places are the larger part of its memory: about
// 400 KiB when all are used and all that is shown is long.
const (
	maxEntries  = 200
	maxExamples = 3
)

// AlphaPlaces is the chance that a ledger ever calls a place a difference at
// which versions that do the same differ by chance: over all places, and however
// often one looks. The i-th place that appears has the part 1/(i(i+1)) of it.
const AlphaPlaces = 0.05

// learning is how many pairs are looked at before any counts as evidence that
// the versions differ: by then what always differs is known to be noise.
const learning = 10

// Outcome is one mirrored request.
type Outcome struct {
	At             time.Time
	Method, Target string
	// Candidate is where the candidate's answer differs from the baseline's,
	// Noise where the baseline's second one does, of a Pair.
	Candidate, Noise []Place
	Pair             bool
}

// Ledger counts differences by place. It is not safe for concurrent use.
type Ledger struct {
	entries map[where]*entry
	total   stagger.Shadowed // of all, noise and all
	learned uint64           // pairs
	beyond  uint64
	counted stagger.Shadowed
}

// where is what differences are told apart by.
type where struct {
	path string
	kind stagger.DifferenceKind
}

// entry is what is known of a place.
type entry struct {
	order       int // from 1, by appearance
	candidate   uint64
	paired      uint64 // of them, in pairs
	noise       uint64
	only        [2]uint64 // pairs in which only the candidate differs, or only the baseline
	called      bool      // a difference, for good
	first, last time.Time
	examples    []stagger.Example
	now         [2]bool // in the outcome that is being added
}

// NewLedger returns a ledger without entries.
func NewLedger() *Ledger { return &Ledger{entries: make(map[where]*entry)} }

// Add takes in an outcome, and returns what it says about the candidate as a
// whole: nothing while what is noise is being learned. Places that are known to
// be noise are left out, by what was known before this outcome, so that what is
// left is as fair as it was.
func (l *Ledger) Add(o Outcome) stagger.Shadowed {
	said := l.weigh(&o)
	touched := l.mark(&o)
	for _, e := range touched {
		e.close(&o)
	}
	l.total.Compared++
	if len(o.Candidate) > 0 {
		l.total.Differing++
	}
	if o.Pair {
		l.learned++
		l.total.Pairs++
		if len(o.Noise) > 0 {
			l.total.Noisy++
		}
	}
	l.counted = l.counted.Plus(said)
	return said
}

// weigh says what the outcome means, by what is known already.
func (l *Ledger) weigh(o *Outcome) stagger.Shadowed {
	if l.learned < learning {
		return stagger.Shadowed{}
	}
	s := stagger.Shadowed{Compared: 1}
	differs := slices.ContainsFunc(o.Candidate, l.matters)
	s.Differing = one(differs)
	if !o.Pair {
		return s
	}
	noisy := slices.ContainsFunc(o.Noise, l.matters)
	s.Pairs, s.Noisy = 1, one(noisy)
	s.OnlyCandidate, s.OnlyBaseline = one(differs && !noisy), one(noisy && !differs)
	return s
}

func one(is bool) uint64 {
	if is {
		return 1
	}
	return 0
}

// matters says whether a place is not known to be noise.
func (l *Ledger) matters(p Place) bool {
	e := l.entries[where{p.Path, p.Kind}]
	return e == nil || e.called || !e.isNoise()
}

// mark notes at which places the outcome differs.
func (l *Ledger) mark(o *Outcome) []*entry {
	var touched []*entry
	for side, places := range [...][]Place{o.Candidate, o.Noise} {
		for _, p := range places {
			e := l.entry(p, o.At)
			if e == nil {
				l.beyond++
				continue
			}
			if !e.now[0] && !e.now[1] {
				touched = append(touched, e)
			}
			e.now[side] = true
			if side == 0 {
				e.show(o, p)
			}
		}
	}
	return touched
}

// entry returns that of a place, nil when there is no room for another.
func (l *Ledger) entry(p Place, at time.Time) *entry {
	key := where{p.Path, p.Kind}
	e := l.entries[key]
	if e == nil && len(l.entries) < maxEntries {
		e = &entry{order: len(l.entries) + 1, first: at}
		l.entries[key] = e
	}
	return e
}

func (e *entry) show(o *Outcome, p Place) {
	if len(e.examples) < maxExamples {
		e.examples = append(e.examples, stagger.Example{At: o.At, Method: o.Method, Target: short(o.Target), Baseline: p.A, Candidate: p.B})
	}
}

// close counts the outcome. The one with which a place appears is no evidence:
// it chose the place.
func (e *entry) close(o *Outcome) {
	appears := e.last.IsZero()
	candidate, noise := e.now[0], e.now[1]
	e.now, e.last = [2]bool{}, o.At
	e.candidate += one(candidate)
	if !o.Pair {
		return
	}
	e.paired += one(candidate)
	e.noise += one(noise)
	if candidate != noise && !appears {
		e.only[one(noise)]++
	}
	e.called = e.called || e.evidence() >= 1
}

// evidence is how far the place is from being called a difference.
func (e *entry) evidence() float64 {
	k, n := int(e.only[0]), int(e.only[0]+e.only[1])
	var logs [len(sequential.Tilts)]float64
	for i, tilt := range sequential.Tilts {
		logs[i] = sequential.TiltLogE(k, n, 0.5, tilt)
	}
	needed := math.Log(float64(e.order) * float64(e.order+1) / AlphaPlaces)
	return min(max(sequential.LogMeanExp(logs[:])/needed, 0), 1)
}

// isNoise says whether the baseline differs from itself here, at least half as
// often as the candidate does from it.
func (e *entry) isNoise() bool { return e.noise >= 2 && 2*e.noise >= e.paired }

func (e *entry) finding() stagger.DifferenceFinding {
	switch {
	case e.called:
		return stagger.FoundDifference
	case e.isNoise():
		return stagger.FoundNoise
	}
	return stagger.FoundUnclear
}

// Counted returns what all outcomes said about the candidate as a whole.
func (l *Ledger) Counted() stagger.Shadowed { return l.counted }

// Beyond returns how many differences were met at places that were not kept.
func (l *Ledger) Beyond() uint64 { return l.beyond }

// Differences lists the places: differences first, then what is unclear, then
// noise; each by how often it was met.
func (l *Ledger) Differences() []stagger.Difference {
	out := make([]stagger.Difference, 0, len(l.entries))
	for at, e := range l.entries {
		d := stagger.Difference{
			Path: at.path, Kind: at.kind, Finding: e.finding(), Candidate: e.candidate, Noise: e.noise,
			CandidateRate: rate(e.candidate, l.total.Compared), NoiseRate: rate(e.noise, l.total.Pairs),
			First: e.first, Last: e.last, Evidence: e.evidence(), Examples: slices.Clone(e.examples),
		}
		if e.called {
			d.Evidence = 1
		}
		if d.Examples == nil {
			d.Examples = []stagger.Example{}
		}
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b stagger.Difference) int {
		return cmp.Or(
			cmp.Compare(rank(a.Finding), rank(b.Finding)),
			cmp.Compare(b.Candidate, a.Candidate), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Kind, b.Kind),
		)
	})
	return out
}

func rank(f stagger.DifferenceFinding) int {
	return slices.Index([]stagger.DifferenceFinding{stagger.FoundDifference, stagger.FoundUnclear, stagger.FoundNoise}, f)
}

func rate(n, of uint64) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}
