package scenario

import "time"

// Walk goes along a shape from request to request.
//
// If the steps between requests are drawn from the exponential distribution of
// mean 1, the requests are a Poisson process whose rate follows the shape: its
// arrivals are those of a process of rate 1, taken back through the integral of
// the rate (E. Çinlar, Introduction to Stochastic Processes, Prentice-Hall 1975,
// section 4.7). If every step is 1, they are as even as the shape allows.
//
// A time is computed from the beginning of its piece and never from the one
// before it, so rounding does not add up.
type Walk struct {
	shape Shape
	piece int
	began time.Duration // of the piece
	count float64       // expected in the piece so far
}

// NewWalk begins at the beginning of s.
func NewWalk(s Shape) Walk { return Walk{shape: s} }

// Next returns the moment until which so many more requests are expected. It is
// not ok when the shape is over before.
func (w *Walk) Next(more float64) (due time.Duration, ok bool) {
	w.count += more
	for w.piece < len(w.shape) {
		p := w.shape[w.piece]
		if p.Length == 0 {
			return w.began + time.Duration(w.count/p.From*float64(time.Second)), true
		}
		whole := p.count(1)
		if w.count <= whole && whole > 0 {
			return w.began + time.Duration(p.at(w.count)*float64(p.Length)), true
		}
		w.count -= whole
		w.began += p.Length
		w.piece++
	}
	return 0, false
}
