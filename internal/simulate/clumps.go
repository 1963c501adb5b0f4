package simulate

import (
	"time"

	"github.com/stagger-dev/stagger"
)

// bursts are failures of one user that come together: retries, a broken account.
type bursts struct {
	mean float64       // failures of a burst, geometric; 0 is no bursts
	over time.Duration // within which they are spread; 0 is one tick
	harm float64       // how many times as many users of the candidate burst; 0 is 1
}

// clump is what one user's burst still has to bring.
type clump struct {
	side  int
	group uint64
	seen  bool            // one of its failures has come
	due   []time.Duration // of each failure still to come, since the first tick
}

// begin draws the bursts that begin in a tick of length d at the given time.
func (b bursts) begin(t *Traffic, d time.Duration, share float64) {
	if b.mean == 0 {
		return
	}
	rate := t.rate * usually.Errors / b.mean * d.Seconds()
	for side, part := range [arms]float64{1 - share, share * max(b.harm, 1)} {
		for range poisson(t.random, rate*part) {
			c := clump{side: side, group: t.random.Uint64N(stagger.Groups)}
			start := t.clock + time.Duration(t.random.Float64()*float64(d))
			for range geometric(t.random, b.mean) {
				at := start
				if b.over > 0 {
					at += time.Duration(t.random.Float64() * float64(b.over))
				}
				c.due = append(c.due, at)
			}
			t.clumps = append(t.clumps, c)
		}
	}
}

// fall brings the failures of bursts that are due before the end of a tick.
func (t *Traffic) fall(end time.Duration, one bool) {
	kept := t.clumps[:0]
	for _, c := range t.clumps {
		later := c.due[:0]
		for _, at := range c.due {
			if at >= end && !one {
				later = append(later, at)
				continue
			}
			t.sides[c.side].fail(t, c.group, !c.seen)
			c.seen = true
		}
		if c.due = later; len(later) > 0 {
			kept = append(kept, c)
		}
	}
	t.clumps = kept
}
