package retry

import "time"

// Span is the time over which a budget balances.
const Span = seconds * time.Second

const seconds = 10

// Budget bounds retries by requests, so that a service in trouble is not asked
// many times what it could not bear once.
//
// Of the two ways of the field it takes that of Finagle and Linkerd, which
// balances numbers over ten seconds (twitter.github.io/finagle, "Retries";
// linkerd.io, "Retries and timeouts"). Envoy bounds how many are under way at
// the same time instead, which bounds nothing where failures are quick.
//
// Invariant: within the seconds that Spend looks back at, retries are at most
// Share times the requests plus Least for every second.
type Budget struct {
	Share float64 // of the requests
	Least float64 // retries a second that are never forbidden

	origin time.Time
	last   int64
	slots  [seconds]struct{ requests, retries uint64 }
}

// Earn counts requests.
func (b *Budget) Earn(now time.Time, requests uint64) {
	b.slots[b.turn(now)%seconds].requests += requests
}

// Spend says whether there may be one more retry, and counts it.
func (b *Budget) Spend(now time.Time) bool {
	at := b.turn(now)
	var requests, retries uint64
	for _, s := range b.slots {
		requests += s.requests
		retries += s.retries
	}
	if float64(retries+1) > b.Share*float64(requests)+b.Least*seconds {
		return false
	}
	b.slots[at%seconds].retries++
	return true
}

// turn forgets the seconds that are too long ago and returns the number of this
// one. A clock that went back is taken to stand still.
func (b *Budget) turn(now time.Time) int64 {
	if b.origin.IsZero() {
		b.origin = now
	}
	n := max(int64(now.Sub(b.origin)/time.Second), b.last)
	for i := max(b.last+1, n-seconds+1); i <= n; i++ {
		b.slots[i%seconds] = struct{ requests, retries uint64 }{}
	}
	b.last = n
	return n
}
