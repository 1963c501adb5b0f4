package proxy

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/circuit"
	"github.com/stagger-dev/stagger/internal/meter"
)

// breaker is a circuit that many requests pass at once. While it is closed and
// nobody fails they take no lock: whether it is closed, and for which ticket, is
// one word, and successes are tallied. A nil breaker lets everybody pass.
type breaker struct {
	word  atomic.Uint64 // the ticket, and whether the circuit is not closed
	row   atomic.Bool   // the last that ended has failed
	good  tally
	trips atomic.Uint64

	mu   sync.Mutex
	core circuit.Breaker
}

// newBreaker returns nil when nothing is declared.
func newBreaker(c stagger.Circuit) *breaker {
	if c.Consecutive == 0 && c.Rate == 0 {
		return nil
	}
	return &breaker{
		core: circuit.New(circuit.Rule{
			Consecutive: c.Consecutive, Rate: c.Rate, Window: c.Window, Least: c.Least, Open: c.Open, Probes: max(c.Probes, 1),
		}),
		good: tally{every: max(c.Window/20, time.Millisecond)},
	}
}

// admit says whether a request may pass.
func (b *breaker) admit(now time.Time) (t circuit.Ticket, ok bool) {
	if b == nil {
		return 0, true
	}
	if word := b.word.Load(); word&1 == 0 {
		return circuit.Ticket(word >> 1), true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	t, ok = b.core.Admit(now)
	b.publish()
	return t, ok
}

// may says whether admit would let a request pass.
func (b *breaker) may(now time.Time) bool {
	if b.closed() {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.core.May(now)
}

// end hears how a request ended that had passed.
func (b *breaker) end(now time.Time, t circuit.Ticket, r circuit.Result) {
	if b == nil {
		return
	}
	if calm := b.word.Load() == uint64(t)<<1 && !b.row.Load(); calm && r != circuit.Failed {
		if r == circuit.Unknown || !b.good.add(now) {
			return
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.core.Add(now, b.good.take())
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.core.Add(now, b.good.take())
	before := b.core.State()
	b.core.End(now, t, r)
	if b.core.State() == circuit.Open && before != circuit.Open {
		b.trips.Add(1)
	}
	b.publish()
}

// publish shows the state to those who take no lock. The caller holds mu.
func (b *breaker) publish() {
	b.row.Store(b.core.Row() > 0)
	word := uint64(b.core.Turn()) << 1
	if b.core.State() != circuit.Closed {
		word |= 1
	}
	b.word.Store(word)
}

// closed says whether everybody passes.
func (b *breaker) closed() bool { return b == nil || b.word.Load()&1 == 0 }

// state returns what people are shown.
func (b *breaker) state() (name, why string) {
	if b == nil {
		return "", ""
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	why, _ = b.core.Why()
	return b.core.State().String(), why
}

// resultOf is what a class says of who was asked.
func resultOf(class meter.Class) circuit.Result {
	switch {
	case class.Failed():
		return circuit.Failed
	case class == meter.ClientAbort:
		return circuit.Unknown
	}
	return circuit.Succeeded
}
