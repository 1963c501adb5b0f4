package meter

import (
	"slices"

	"github.com/stagger-dev/stagger"
)

// weights are the ways in which a service's weight assigned subjects lately,
// oldest first.
type weights []weight

// weight is one of them.
type weight struct {
	since     int64 // the tick in which it came into force
	seed      string
	key       stagger.Key
	candidate string
	exposes   bool
	share     float64
}

// maxWeights bounds what is remembered when nobody seals.
const maxWeights = 256

// add takes in w if it differs from the last, and says whether subjects have
// other hashes since.
func (ws *weights) add(w weight) (rehashed bool) {
	var last weight
	if n := len(*ws); n > 0 {
		last = (*ws)[n-1]
	}
	w.since = max(w.since, last.since) // the clock may go back
	unchanged := last
	if unchanged.since = w.since; w == unchanged {
		return false
	}
	if n := len(*ws); n > 0 && w.since == last.since {
		(*ws)[n-1] = w
	} else {
		*ws = append(*ws, w)
	}
	if n := len(*ws); n > maxWeights {
		*ws = slices.Delete(*ws, 0, n-maxWeights)
	}
	return w.seed != last.seed || w.key != last.key
}

// share returns the share in force during a whole tick, nil if there was none.
// When it changed in the tick after, it is not certain either: a request that
// started just before may have been routed just after.
func (ws weights) share(tick int64) *float64 {
	var in *weight
	for i := range ws {
		switch w := &ws[i]; {
		case w.since < tick:
			in = w
		case w.since <= tick+1:
			return nil
		}
	}
	if in == nil || !in.exposes {
		return nil
	}
	share := in.share
	return &share
}

// forget drops what was over before a tick.
func (ws *weights) forget(tick int64) {
	for len(*ws) > 1 && (*ws)[1].since < tick {
		*ws = slices.Delete(*ws, 0, 1)
	}
}

// weigh takes in a split that is followed since the given tick.
func (s *service) weigh(tick int64, split stagger.Split) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextFrom(tick)
	w := weight{since: tick, seed: split.Seed, key: split.Key, candidate: split.Candidate, exposes: split.Exposes()}
	if w.exposes {
		w.share = split.Weight.Share()
	}
	if s.weights.add(w) {
		s.minutes.breakOff(s.meter.minute(tick))
	}
}
