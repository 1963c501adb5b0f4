package proxy

import (
	"sync/atomic"
	"time"
)

// A watch ends what takes too long without a timer per request. The courier
// says in one word what it waits for, with a number that grows; a look around
// every lookEvery finds the words that have not changed, and the clients that
// have gone meanwhile. So limits are kept to within one interval, and a request
// that is faster pays a few stores.
//
// Invariant: a mark is set only on the word that was judged. The courier learns
// of it when it enters its next phase, and whoever was woken for it is not used
// again.
type watch struct {
	word     atomic.Uint64 // number<<8 | marks | phase
	number   uint64        // the courier's
	upstream atomic.Pointer[link]
	response atomic.Int64 // time limits, as durations
	idle     atomic.Int64

	// What the last look saw.
	seen  uint64
	since time.Time
}

// lookEvery is how often couriers are looked at.
const lookEvery = 50 * time.Millisecond

// phase is what a courier waits for.
type phase uint64

const (
	busy     phase = iota
	resting        // the first byte of a request
	heading        // the rest of its head
	awaiting       // the upstream's head
	reading        // the upstream's next piece
	writing        // the client to take a piece
)

// The marks a look leaves.
const (
	phaseMask uint64 = 0x0f
	expired   uint64 = 0x10
	gone      uint64 = 0x20
)

// enter begins a phase. It returns the marks that the one before got, zero for
// none.
func (w *watch) enter(p phase) uint64 {
	w.number++
	return w.word.Swap(w.number<<8|uint64(p)) & (expired | gone)
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
	case reading, writing:
		return time.Duration(w.idle.Load())
	case busy:
	}
	return 0
}

// watch looks around until the lane is closed for good.
func (l *lane) watch() {
	clock := time.NewTicker(lookEvery)
	defer clock.Stop()
	looks := 0
	for {
		select {
		case <-l.closing:
			return
		case now := <-clock.C:
			l.look(now)
			if looks++; looks%100 == 0 {
				for pool := range l.proxy.table.Load().pools() {
					pool.Rest(now)
				}
			}
		}
	}
}

func (l *lane) look(now time.Time) {
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
	word := w.word.Load()
	p := phase(word & phaseMask)
	if word&(expired|gone) != 0 || p == busy {
		return
	}
	if p == resting && l.draining.Load() {
		c.wake(word, expired, nil)
		return
	}
	if word != w.seen {
		w.seen, w.since = word, now
		return
	}
	upstream := w.upstream.Load()
	switch {
	case now.Sub(w.since) >= w.limit(p, &l.proxy.limits):
		c.wake(word, expired, upstream)
	case (p == awaiting || p == reading) && hasEnded(c.raw):
		c.wake(word, gone, upstream)
	}
}

// wake marks a word and wakes the courier, if it still waits for the same.
func (c *courier) wake(word, mark uint64, upstream *link) {
	if !c.watch.word.CompareAndSwap(word, word|mark) {
		return
	}
	switch p := phase(word & phaseMask); {
	case p != awaiting && p != reading:
		_ = c.client.SetDeadline(past)
	case upstream != nil:
		_ = upstream.SetDeadline(past)
	}
}
