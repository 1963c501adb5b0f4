package proxy

import (
	"context"
	"net/http"
	"time"
)

// leaveEvery is how often a proxy that leaves looks whether it may.
const leaveEvery = 50 * time.Millisecond

// Leave stops a proxy whose listening sockets another process has taken over.
// Nobody is cut off: a connection is told with its next answer that it ends, and
// one that is never used again ends when it has idled for Limits.KeepAlive. A
// client that sends a request just then cannot meet a closed door, as it can when
// Stop closes what is idle. What is left after most, or when ctx ends, is
// stopped as by Stop.
func (p *Proxy) Leave(ctx context.Context, most time.Duration) error {
	p.life.Lock()
	for _, l := range p.open {
		l.retire()
	}
	p.leaving.Store(true)
	open := p.open
	p.life.Unlock()

	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	clock := time.NewTicker(leaveEvery)
	defer clock.Stop()
	// A connection that was taken just now is counted when it is taken; twice
	// none in a row is none.
	for quiet := 0; quiet < 2; {
		if count(open) > 0 {
			quiet = -1
		}
		quiet++
		select {
		case <-ctx.Done():
			quiet = 2
		case <-clock.C:
		}
	}
	return p.Stop(context.WithoutCancel(ctx))
}

// count returns how many connections are open.
func count(all []*listener) int {
	n := 0
	for _, l := range all {
		n += l.connections()
	}
	return n
}

// sayGoodbye tells a client of HTTP/1.1 that its connection ends with this
// answer. For HTTP/2 see goodbye.
func (p *Proxy) sayGoodbye(w http.ResponseWriter, r *http.Request) {
	if p.leaving.Load() && r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
}
