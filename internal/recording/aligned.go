package recording

import (
	"errors"
	"iter"
	"time"
)

// Aligned reads two recordings of one version each, made at different times,
// as if the candidate's had begun when the baseline's did: what is as far from
// the first interval of its file is compared. All intervals must be equally
// long. Errors are those of Ticks.
func Aligned(ofBaseline, ofCandidate Source) iter.Seq2[Tick, error] {
	return func(yield func(Tick, error) bool) {
		a, b := newTrack(ofBaseline, baseline), newTrack(ofCandidate, candidate)
		defer a.stop()
		defer b.stop()
		if !a.advance(yield) || !b.advance(yield) {
			return
		}
		if problem := a.disagreement(b); problem != nil {
			yield(Tick{}, problem)
			return
		}
		for a.there || b.there {
			t := a.beside(b)
			if !yield(t, nil) || !a.pass(t, yield) || !b.pass(t, yield) {
				return
			}
		}
	}
}

// track is one of two recordings that are read side by side.
type track struct {
	file   string
	side   int
	next   func() (Tick, error, bool)
	stop   func()
	origin time.Time
	length time.Duration
	now    Tick
	there  bool // now is one
}

func newTrack(s Source, side int) *track {
	next, stop := iter.Pull2(s.alone(side))
	return &track{file: s.File, side: side, next: next, stop: stop}
}

// advance goes to the next tick and hands problems on. It is false when
// reading is over for both.
func (r *track) advance(yield func(Tick, error) bool) bool {
	for {
		t, err, more := r.next()
		if r.there = more; !more {
			return true
		}
		if err == nil {
			err = r.take(t)
		}
		if err == nil {
			return true
		}
		if _, local := errors.AsType[*Problem](err); !yield(Tick{}, err) || !local {
			return false
		}
	}
}

func (r *track) take(t Tick) error {
	if r.origin.IsZero() {
		r.origin, r.length = t.From, t.To.Sub(t.From)
	}
	r.now = t
	if length := t.To.Sub(t.From); length != r.length {
		s := sequence{file: r.file}
		return s.wrong(t.first(), "this interval is %s long, the first was %s; two files can be compared only if all intervals are alike", length, r.length)
	}
	return nil
}

// disagreement is what keeps two recordings from being compared.
func (r *track) disagreement(other *track) *Problem {
	if !r.there || !other.there || r.length == other.length {
		return nil
	}
	s := sequence{file: other.file}
	return s.wrong(other.now.first(), "the intervals are %s long here and %s in %s; record both with the same", other.length, r.length, r.file)
}

// index counts intervals from the first of the file; what is a little off
// counts as the nearest.
func (r *track) index() int64 {
	return int64((r.now.From.Sub(r.origin) + r.length/2) / r.length)
}

// beside is the next tick of both, in the baseline's time.
func (r *track) beside(other *track) Tick {
	first := r
	if !r.there || other.there && other.index() < r.index() {
		first = other
	}
	origin := r.origin
	if origin.IsZero() {
		origin = other.origin
	}
	from := origin.Add(time.Duration(first.index()) * first.length)
	t := Tick{From: from, To: from.Add(first.length)}
	for _, each := range []*track{r, other} {
		if each.there && each.index() == first.index() {
			t.Lines[each.side] = each.now.Lines[each.side]
		}
	}
	return t
}

// pass goes on if t held the tick of this side.
func (r *track) pass(t Tick, yield func(Tick, error) bool) bool {
	return t.Lines[r.side] == nil || r.advance(yield)
}
