package proxy

import (
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// epoch is what instants are counted from where one must fit a word. It has a
// monotonic clock, so they follow that.
var epoch = time.Now()

func instant(t time.Time) int64 { return int64(t.Sub(epoch)) }

// tally counts what is too frequent to take a lock for. Whoever finds it due
// takes what is there to where it belongs.
type tally struct {
	every  time.Duration
	due    atomic.Int64
	shards [8]struct {
		n atomic.Uint64
		_ [56]byte // the rest of a cache line
	}
}

// add counts one and says whether the tally is due; one caller is told.
func (t *tally) add(now time.Time) bool {
	t.shards[rand.Uint32()%uint32(len(t.shards))].n.Add(1)
	at, due := instant(now), t.due.Load()
	return at >= due && t.due.CompareAndSwap(due, at+int64(t.every))
}

// take returns what was counted and begins anew.
func (t *tally) take() uint64 {
	var n uint64
	for i := range t.shards {
		n += t.shards[i].n.Swap(0)
	}
	return n
}
