package circuit

import "time"

// slots is how finely a window forgets.
const slots = 10

// window counts what happened within the last few slots of time.
type window struct {
	width  time.Duration // of a slot
	origin time.Time
	last   int64 // the newest slot
	counts [slots]struct{ good, bad uint64 }
}

func (w *window) add(now time.Time, good, bad uint64) {
	c := &w.counts[w.turn(now)%slots]
	c.good += good
	c.bad += bad
}

func (w *window) sum(now time.Time) (good, bad uint64) {
	w.turn(now)
	for _, c := range w.counts {
		good += c.good
		bad += c.bad
	}
	return good, bad
}

// turn forgets the slots that are over and returns the number of the one that
// holds now. A clock that went back is taken to stand still.
func (w *window) turn(now time.Time) int64 {
	if w.origin.IsZero() {
		w.origin = now
	}
	n := max(int64(now.Sub(w.origin)/w.width), w.last)
	for i := max(w.last+1, n-slots+1); i <= n; i++ {
		w.counts[i%slots] = struct{ good, bad uint64 }{}
	}
	w.last = n
	return n
}

func (w *window) clear() { *w = window{width: w.width} }
