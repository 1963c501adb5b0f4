package meter

import "sync/atomic"

// A set of arrivals has arrivalPlaces places, 512 KiB. When most of them are
// taken nobody more is counted: 49 000 subjects tell a split well enough, and
// beyond that looking for somebody takes ever longer.
const (
	arrivalSize   = 16
	arrivalPlaces = 1 << arrivalSize
	mostArrivals  = arrivalPlaces / 4 * 3
)

// Arrivals remembers the subjects that came under one seed, so that each can
// be counted once. It is safe for concurrent use and takes no lock.
type Arrivals struct {
	seed   string
	known  atomic.Int64
	places [arrivalPlaces]atomic.Uint64 // subjects; 0 is free
}

// ArrivalsUnder returns where arrivals under a seed are remembered: in a, if
// that is its seed, or from now on in another. a may be nil.
func ArrivalsUnder(seed string, a *Arrivals) *Arrivals {
	if a != nil && a.seed == seed {
		return a
	}
	return &Arrivals{seed: seed}
}

// first says whether a subject comes for the first time, and remembers it.
// Nobody does any more when the set is full.
func (a *Arrivals) first(subject uint64) bool {
	subject = max(subject, 1) // two subjects of 2^64 are taken for one
	start := probeFrom(subject, arrivalSize)
	for i := range uint64(maxProbes) {
		place := &a.places[(start+i)%arrivalPlaces]
		known := place.Load()
		if known == 0 {
			if a.known.Load() >= mostArrivals {
				return false
			}
			if place.CompareAndSwap(0, subject) {
				a.known.Add(1)
				return true
			}
			known = place.Load() // somebody was faster; perhaps the same subject
		}
		if known == subject {
			return false
		}
	}
	return false
}
