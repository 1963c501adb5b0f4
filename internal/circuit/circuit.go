// Package circuit decides when somebody who fails gets no more requests, and
// when again. It is pure: time arrives as data, and whoever uses a Breaker from
// several goroutines brings the lock.
package circuit

import (
	"fmt"
	"time"
)

// Rule says when a circuit opens and how it is tried again. A zero value of
// Consecutive or Rate leaves that reason out.
type Rule struct {
	Consecutive int           // failures in a row that open it
	Rate        float64       // share of failures within Window that opens it
	Window      time.Duration // over which the rate is taken
	Least       int           // requests within Window before the rate counts
	Open        time.Duration // how long nothing passes
	Probes      int           // requests that try it then
}

// State is what a circuit does with requests.
type State uint8

// The states.
const (
	Closed  State = iota // all pass
	Open                 // none pass
	Probing              // a few pass, to see
)

// String returns the state as people read it.
func (s State) String() string { return [...]string{"closed", "open", "probing"}[s] }

// Result is how a request that was let through ended.
type Result uint8

// The results. Unknown is a request that tells nothing, as its client left.
const (
	Succeeded Result = iota
	Failed
	Unknown
)

// Ticket is a request's permission to pass. What it reports counts only in the
// state that it was let through in: who comes back late from a bad time says
// nothing of the present.
type Ticket uint32

// Breaker is the state of one circuit.
//
// Invariants: while probing, probes under way and probes that succeeded are
// together at most Rule.Probes; while open nothing passes before Rule.Open is
// over.
type Breaker struct {
	rule  Rule
	state State
	turn  Ticket    // grows with the state
	since time.Time // when it opened
	cause string    // what opened it at first
	why   string    // and since

	row    int // failures since the last success
	window window
	out    int // probes under way
	good   int // probes that succeeded
}

// New returns a closed circuit.
func New(r Rule) Breaker { return Breaker{rule: r, window: window{width: max(r.Window/slots, 1)}} }

// State returns what the circuit does now.
func (b *Breaker) State() State { return b.state }

// Why returns what opened the circuit, and when; empty while it is closed.
func (b *Breaker) Why() (why string, since time.Time) { return b.why, b.since }

// Turn returns the ticket of the present state.
func (b *Breaker) Turn() Ticket { return b.turn }

// Row returns how many failures came since the last success.
func (b *Breaker) Row() int { return b.row }

// Admit says whether a request may pass. Whoever passes reports by End, once.
func (b *Breaker) Admit(now time.Time) (t Ticket, ok bool) {
	switch b.state {
	case Closed:
		return b.turn, true
	case Open:
		if now.Sub(b.since) < b.rule.Open {
			return 0, false
		}
		b.become(Probing)
	case Probing:
	}
	if b.out+b.good >= b.rule.Probes {
		return 0, false
	}
	b.out++
	return b.turn, true
}

// May says whether Admit would let a request pass.
func (b *Breaker) May(now time.Time) bool {
	switch b.state {
	case Open:
		return now.Sub(b.since) >= b.rule.Open
	case Probing:
		return b.out+b.good < b.rule.Probes
	case Closed:
	}
	return true
}

// End hears how a request ended that had passed.
func (b *Breaker) End(now time.Time, t Ticket, r Result) {
	switch {
	case t != b.turn, b.state == Open:
	case b.state == Probing:
		b.endProbe(now, r)
	case r == Succeeded:
		b.row = 0
		b.window.add(now, 1, 0)
	case r == Failed:
		b.row++
		b.window.add(now, 0, 1)
		b.look(now)
	}
}

// Add counts requests that passed while the circuit was closed and succeeded,
// many at once. It does not end a row of failures.
func (b *Breaker) Add(now time.Time, succeeded uint64) {
	if b.state == Closed {
		b.window.add(now, succeeded, 0)
	}
}

func (b *Breaker) endProbe(now time.Time, r Result) {
	b.out--
	switch r {
	case Failed:
		cause := b.cause
		b.open(now, cause)
		b.why = cause + ", and it failed again when it was tried"
	case Succeeded:
		if b.good++; b.good >= b.rule.Probes {
			b.become(Closed)
		}
	case Unknown:
	}
}

// look opens the circuit if there is reason to.
func (b *Breaker) look(now time.Time) {
	if b.rule.Consecutive > 0 && b.row >= b.rule.Consecutive {
		b.open(now, fmt.Sprintf("%d failures in a row", b.row))
		return
	}
	good, bad := b.window.sum(now)
	all := good + bad
	if b.rule.Rate > 0 && all >= uint64(max(b.rule.Least, 1)) && float64(bad) >= b.rule.Rate*float64(all) {
		b.open(now, fmt.Sprintf("%d of %d requests failed within %s", bad, all, b.rule.Window))
	}
}

func (b *Breaker) open(now time.Time, why string) {
	b.become(Open)
	b.since, b.cause, b.why = now, why, why
}

// become enters a state with nothing known in it yet.
func (b *Breaker) become(s State) {
	b.state = s
	b.turn++
	b.row, b.out, b.good = 0, 0, 0
	b.window.clear()
	if s == Closed {
		b.cause, b.why, b.since = "", "", time.Time{}
	}
}
