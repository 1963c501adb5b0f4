package auth

import (
	"net/netip"
	"sync"
	"time"
)

// How often somebody may fail to prove who they are: so many times at once, and
// once more after each pace.
const (
	maxFailures  = 20
	failurePace  = 3 * time.Second
	maxAddresses = 4096
)

// failures bounds wrong proofs by where they come from. It forgets whom it need
// not remember, and in a crowd those who failed longest ago.
type failures struct {
	mu   sync.Mutex
	from map[netip.Addr]failure
}

// failure is a bucket that empties with time.
type failure struct {
	level float64
	at    time.Time
}

func (f failure) now(t time.Time) float64 {
	return max(0, f.level-float64(t.Sub(f.at))/float64(failurePace))
}

// block is how long an address has to wait; zero when it need not.
func (f *failures) block(a netip.Addr, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	excess := f.from[near(a)].now(now) - (maxFailures - 1)
	if excess <= 0 {
		return 0
	}
	return time.Duration(excess * float64(failurePace))
}

// count counts a failure.
func (f *failures) count(a netip.Addr, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a = near(a)
	level := f.from[a].now(now)
	if f.from == nil {
		f.from = make(map[netip.Addr]failure)
	}
	if _, there := f.from[a]; !there && len(f.from) >= maxAddresses {
		f.makeRoom(now)
	}
	f.from[a] = failure{min(level+1, maxFailures), now}
}

func (f *failures) makeRoom(now time.Time) {
	var oldest netip.Addr
	var at time.Time
	for a, one := range f.from {
		if one.now(now) == 0 {
			delete(f.from, a)
		} else if at.IsZero() || one.at.Before(at) {
			oldest, at = a, one.at
		}
	}
	if len(f.from) >= maxAddresses {
		delete(f.from, oldest)
	}
}

// near takes addresses together that one client can choose from: an IPv6 network
// of 64 bits.
func near(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if !a.Is6() {
		return a
	}
	network, err := a.Prefix(64)
	if err != nil {
		return a
	}
	return network.Addr()
}
