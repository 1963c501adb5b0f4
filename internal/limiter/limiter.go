// Package limiter finds out how many requests a server bears at once, from
// nothing but how long they take, and who is let in when there are more. It is
// pure: time arrives as data.
package limiter

import (
	"math"
	"time"
)

// Rule bounds the limit.
type Rule struct{ Min, Max int }

// Window is what was seen of some requests in a row: those of one Update.
type Window struct {
	Mean time.Duration // until the answer began, of requests that did not fail at once
	Peak int           // the most that were under way
}

// Gradient is a limit that follows the latency.
//
// A server with room answers in the same time however many requests it has; one
// without lets them wait, so that the time grows with their number. The limit
// is therefore multiplied by the gradient, tolerance times the time without
// waiting over the time now, at most 1; and given a square root of itself to
// try whether there is more:
//
//	limit' = limit * gradient + sqrt(limit)
//
// It rests where the gradient is 1 - 1/sqrt(limit): in front of a server of c
// workers a little above c. The form is that of Netflix's concurrency-limits
// (Gradient2Limit) and of Envoy's adaptive concurrency filter. They differ in
// what they take for the time without waiting. A long average, as the former
// has, learns an overload that lasts as the usual. Envoy goes down to a few
// requests now and then to look, which refuses many. Here half of the limit is
// looked at: since the limit rests below 2c, there is no waiting there. Were
// the time taken too high all the same, each look at least halves what is above
// c, so it is found after a few.
type Gradient struct {
	rule  Rule
	limit float64
	base  float64 // seconds without waiting, 0 while unknown
	look  look
	next  time.Time // when the next look is due
}

// look is how far the search for the time without waiting is.
type look uint8

const (
	notLooking look = iota
	draining        // half the limit holds, and some from before are under way
	looking         // half the limit holds
)

const (
	tolerance = 1.25             // how much longer than without waiting is no waiting yet
	steepest  = 0.5              // the least gradient
	calm      = 0.3              // how far the limit goes down at once
	begin     = 20               // the first limit, within the rule
	first     = time.Second      // until the first look
	between   = 10 * time.Second // from one look to the next
)

// New returns a limit that has seen nothing yet.
func New(r Rule) Gradient {
	r.Min = max(r.Min, 1)
	r.Max = max(r.Max, r.Min)
	g := Gradient{rule: r}
	g.set(begin)
	return g
}

// Limit returns how many requests may be under way.
func (g *Gradient) Limit() int {
	if g.look != notLooking {
		return max(int(g.limit/2), g.rule.Min)
	}
	return int(g.limit)
}

// Base returns how long an answer takes without waiting, as far as is known.
func (g *Gradient) Base() time.Duration { return time.Duration(g.base * float64(time.Second)) }

// Update learns from what was seen since the last one.
func (g *Gradient) Update(now time.Time, w Window) {
	took := w.Mean.Seconds()
	if took <= 0 {
		return
	}
	if g.next.IsZero() {
		g.next = now.Add(first)
	}
	switch g.look {
	case draining:
		g.look = looking
		return
	case looking:
		g.look, g.base, g.next = notLooking, took, now.Add(between)
		return
	case notLooking:
	}
	busy := float64(w.Peak) >= g.limit/2
	g.learn(took, busy)
	g.follow(took, busy)
	switch {
	case !busy:
		g.next = now.Add(between) // it was looked at just now
	case !now.Before(g.next):
		g.look = draining
	}
}

// learn keeps what an answer takes without waiting: whatever is less than
// thought, and anything while there was room.
func (g *Gradient) learn(took float64, busy bool) {
	switch {
	case g.base == 0:
		g.base = took
	case took < g.base || !busy:
		g.base += (took - g.base) / 4
	}
}

// follow moves the limit. One that is not used proves nothing, and does not
// grow.
func (g *Gradient) follow(took float64, busy bool) {
	gradient := min(max(tolerance*g.base/took, steepest), 1)
	target := g.limit*gradient + math.Sqrt(g.limit)
	switch {
	case target < g.limit:
		g.set(g.limit + calm*(target-g.limit))
	case busy:
		g.set(target)
	}
}

func (g *Gradient) set(limit float64) {
	g.limit = min(max(limit, float64(g.rule.Min)), float64(g.rule.Max))
}
