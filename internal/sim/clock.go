package sim

import "time"

// Clock is a time that stands still until it is moved.
type Clock struct{ now time.Time }

// NewClock returns a clock that shows a morning of no importance.
func NewClock() *Clock {
	return &Clock{now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
}

// Now returns the time shown.
func (c *Clock) Now() time.Time { return c.now }

// Advance moves the clock, back when d is negative.
func (c *Clock) Advance(d time.Duration) { c.now = c.now.Add(d) }
