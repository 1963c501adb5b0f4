package meter

import (
	"sync/atomic"

	"github.com/stagger-dev/stagger/internal/distinct"
)

// Crowd counts the different subjects that met the candidate of one rollout, as
// a sketch. It is safe for concurrent use and takes no lock; once most have come
// nobody writes to it any more.
type Crowd struct {
	rollout string
	ranks   [distinct.Registers]atomic.Uint32
}

// CrowdOf returns where those who meet the candidate of a rollout are counted: in
// c, if that is its rollout, or from now on in another. c may be nil.
func CrowdOf(rollout string, c *Crowd) *Crowd {
	if c != nil && c.rollout == rollout {
		return c
	}
	return &Crowd{rollout: rollout}
}

// Rollout is the one whose candidate they met.
func (c *Crowd) Rollout() string { return c.rollout }

// meet takes in a subject.
func (c *Crowd) meet(subject uint64) {
	if register, rank := distinct.Place(subject); uint32(rank) > c.ranks[register].Load() {
		c.raise(register, uint32(rank))
	}
}

// raise is the rare rest of meet, apart so that meet is small.
func (c *Crowd) raise(register int, rank uint32) {
	place := &c.ranks[register]
	for known := place.Load(); rank > known; known = place.Load() {
		if place.CompareAndSwap(known, rank) {
			return
		}
	}
}

// Sketch returns what was counted until now.
func (c *Crowd) Sketch() *distinct.Sketch {
	var s distinct.Sketch
	for i := range c.ranks {
		s[i] = uint8(c.ranks[i].Load())
	}
	return &s
}
