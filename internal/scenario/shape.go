package scenario

import (
	"fmt"
	"math"
	"time"
)

// A Piece is a stretch of time in which the rate goes from one level to
// another, requests per second.
type Piece struct {
	Length   time.Duration // 0 has no end, and From is To then
	From, To float64
	// Smooth goes along half a cosine, level at both ends, instead of a line.
	Smooth bool
}

// Shape is the rate of requests over time: its pieces, one after the other.
type Shape []Piece

// Length returns how long s lasts; 0 has no end.
func (s Shape) Length() time.Duration {
	var sum time.Duration
	for _, p := range s {
		if p.Length == 0 {
			return 0
		}
		sum += p.Length
	}
	return sum
}

// Rate returns the rate at a moment; 0 when s is over.
func (s Shape) Rate(at time.Duration) float64 {
	for _, p := range s {
		if p.Length == 0 {
			return p.From
		}
		if at < p.Length {
			return p.rate(float64(at) / float64(p.Length))
		}
		at -= p.Length
	}
	return 0
}

// Count returns how many requests are expected until a moment: the integral of
// the rate.
func (s Shape) Count(until time.Duration) float64 {
	sum := 0.0
	for _, p := range s {
		if p.Length == 0 {
			return sum + p.From*until.Seconds()
		}
		if until < p.Length {
			return sum + p.count(float64(until)/float64(p.Length))
		}
		sum += p.count(1)
		until -= p.Length
	}
	return sum
}

// Peak returns the highest rate.
func (s Shape) Peak() float64 {
	peak := 0.0
	for _, p := range s {
		peak = max(peak, p.From, p.To)
	}
	return peak
}

// The bounds of a shape; more is refused rather than tried.
const (
	MaxRate   = 100_000        // requests per second
	MaxLength = 24 * time.Hour // of a run
	maxPieces = 10_000
)

// Check says what is wrong with s.
func (s Shape) Check() error {
	if len(s) == 0 || len(s) > maxPieces {
		return fmt.Errorf("the profile has %d parts; use 1 to %d", len(s), maxPieces)
	}
	for i, p := range s {
		for _, rate := range []float64{p.From, p.To} {
			if !(rate >= 0 && rate <= MaxRate) {
				return fmt.Errorf("a rate of %g requests per second is out of range; use 0 to %d", rate, MaxRate)
			}
		}
		if p.Length < 0 || p.Length == 0 && (i < len(s)-1 || p.From != p.To) {
			return fmt.Errorf("part %d of the profile takes no time", i+1)
		}
	}
	if s.Peak() == 0 {
		return fmt.Errorf("a rate of 0 requests per second is out of range; use more than 0 and at most %d", MaxRate)
	}
	return nil
}

// rate is the rate at x, 0 to 1, of the piece.
func (p Piece) rate(x float64) float64 {
	if p.Smooth {
		x = (1 - math.Cos(math.Pi*x)) / 2
	}
	return p.From + (p.To-p.From)*x
}

// count is how many requests are expected until x, 0 to 1, of the piece.
func (p Piece) count(x float64) float64 {
	risen := x * x / 2
	if p.Smooth {
		risen = x/2 - math.Sin(math.Pi*x)/(2*math.Pi)
	}
	return p.Length.Seconds() * (p.From*x + (p.To-p.From)*risen)
}

// at is where in the piece, 0 to 1, so many requests are expected: the inverse
// of count, for no more than count(1).
func (p Piece) at(count float64) float64 {
	perLength := count / p.Length.Seconds()
	if !p.Smooth {
		// The root of a quadratic, in the form that does not cancel.
		root := p.From + math.Sqrt(max(p.From*p.From+2*(p.To-p.From)*perLength, 0))
		if root == 0 {
			return 0
		}
		return min(2*perLength/root, 1)
	}
	return p.search(count)
}

// search inverts count by Newton's method, kept between bounds that close in on
// the place, as the rate may be 0 at an end.
func (p Piece) search(count float64) float64 {
	low, high := 0.0, 1.0
	x := min(count/p.count(1), 1)
	for range 100 {
		off := p.count(x) - count
		if off > 0 {
			high = x
		} else {
			low = x
		}
		next := x - off/(p.rate(x)*p.Length.Seconds())
		if !(next > low && next < high) {
			next = (low + high) / 2
		}
		if math.Abs(next-x) < 1e-15 {
			return next
		}
		x = next
	}
	return x
}
