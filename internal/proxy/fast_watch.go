package proxy

import (
	"sync/atomic"
	"time"
)

// A watch ends what takes too long without a timer per request. The courier
// says in one word what it waits for, with a number that grows; a look around
// every lookEvery finds the words that have not changed, and who has gone
// meanwhile. So limits are kept to within one interval, and a request that is
// faster pays a few stores.
//
// Invariant: a mark is set only on the word that was judged. The courier learns
// of it when it enters its next phase, and whoever was woken for it is not used
// again.
type watch struct {
	word     atomic.Uint64 // number<<8 | marks | phase
	number   uint64        // the courier's
	pulse    atomic.Uint32 // grows when something moves beside what the word tells
	upstream atomic.Pointer[link]
	response atomic.Int64 // time limits, as durations
	idle     atomic.Int64
	until    atomic.Int64 // an instant, see protect; zero for none

	// What the last look saw.
	seen   uint64
	heard  uint32
	peeked bool
	since  time.Time
}

// Couriers are looked at every lookEvery, or as often as takes lookShare of a
// core when they are many.
const (
	lookEvery = 50 * time.Millisecond
	lookShare = 20              // one in so many
	restEvery = 5 * time.Second // links that have been idle for long are closed
)

// phase is what a courier waits for.
type phase uint64

const (
	busy      phase = iota
	resting         // the first byte of a request
	heading         // the rest of its head
	uploading       // the client's next piece of a body
	sending         // the upstream to take it
	awaiting        // the upstream's head
	reading         // the upstream's next piece
	moving          // the upstream's next piece, or the client to take it
	writing         // the client to take a piece
)

// The marks a look leaves.
const (
	phaseMask uint64 = 0x0f
	expired   uint64 = 0x10
	gone      uint64 = 0x20 // the client is
	hungUp    uint64 = 0x40 // the upstream has closed without an answer
	answered  uint64 = 0x80 // the upstream did not wait for the whole request
	anyMark          = expired | gone | hungUp | answered
)

// enter begins a phase. It returns the marks that the one before got, zero for
// none.
func (w *watch) enter(p phase) uint64 {
	w.number++
	return w.word.Swap(w.number<<8|uint64(p)) & anyMark
}

// limit returns how long a phase may last, zero for any time.
func (w *watch) limit(p phase, limits *Limits) time.Duration {
	switch p {
	case resting:
		return limits.KeepAlive
	case heading:
		return limits.HeaderTimeout
	case awaiting:
		return time.Duration(w.response.Load())
	case uploading, sending, reading, moving, writing:
		return time.Duration(w.idle.Load())
	case busy:
	}
	return 0
}

// watch looks around until the lane is closed for good.
func (l *lane) watch() {
	clock := time.NewTimer(lookEvery)
	defer clock.Stop()
	rested := time.Now()
	for {
		select {
		case <-l.closing:
			return
		case begin := <-clock.C:
			l.look(begin)
			if begin.Sub(rested) > restEvery {
				rested = begin
				for pool := range l.proxy.table.Load().pools() {
					pool.Rest(begin)
				}
			}
			clock.Reset(max(lookEvery, lookShare*time.Since(begin)))
		}
	}
}

func (l *lane) look(now time.Time) {
	l.clock.Store(&now)
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.known {
		l.lookAt(c, now)
	}
}

// lookAt judges one courier. The upstream is read before the word is marked, so
// that it is the word's.
func (l *lane) lookAt(c *courier, now time.Time) {
	w := &c.watch
	word, heard := w.word.Load(), w.pulse.Load()
	p := phase(word & phaseMask)
	if word&anyMark != 0 || p == busy {
		return
	}
	if p == resting && l.draining.Load() {
		c.wake(word, expired, nil)
		return
	}
	if until := w.until.Load(); until != 0 && instant(now) >= until && p >= sending && p <= moving {
		c.wake(word, expired, w.upstream.Load())
		return
	}
	if word != w.seen || heard != w.heard {
		w.seen, w.heard, w.peeked, w.since = word, heard, false, now
		return
	}
	upstream := w.upstream.Load()
	if now.Sub(w.since) >= w.limit(p, &l.proxy.limits) {
		c.wake(word, expired, upstream)
		return
	}
	if mark := c.peek(p, upstream); mark != 0 {
		c.wake(word, mark, upstream)
	}
}

// peek says what happened on the side that is not waited for.
func (c *courier) peek(p phase, upstream *link) (mark uint64) {
	first := !c.watch.peeked
	c.watch.peeked = true
	switch {
	case (p == awaiting || p == reading || first && waitsForClient(p)) && hasEnded(c.raw):
		return gone
	case upstream == nil:
	case p == awaiting && hasEnded(upstream.Raw):
		// Its last word may have been said before it was waited for.
		return hungUp
	case (p == uploading || p == sending) && !isSilent(upstream.Raw):
		return answered
	}
	return 0
}

// waitsForClient says whether the client itself is read. An end that came together
// with its last bytes is told to nobody, so it is looked for once.
func waitsForClient(p phase) bool { return p == resting || p == heading || p == uploading }

// wake marks a word and wakes the courier, if it still waits for the same.
func (c *courier) wake(word, mark uint64, upstream *link) {
	if !c.watch.word.CompareAndSwap(word, word|mark) {
		return
	}
	switch phase(word & phaseMask) {
	case resting, heading, uploading, writing:
		_ = c.client.SetDeadline(past)
	case moving:
		_ = c.client.SetDeadline(past)
		fallthrough
	case sending, awaiting, reading:
		if upstream != nil {
			_ = upstream.SetDeadline(past)
		}
	case busy:
	}
}
