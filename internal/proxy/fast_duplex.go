package proxy

import (
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger/internal/meter"
)

// duplex passes on an answer that began before the whole request was sent, and
// the rest of the request beside it, as the upstream may still want it. The
// connection ends with the answer: nobody knows what the client goes on to send.
func (c *courier) duplex() {
	rest := &leftover{courier: c, upstream: c.watch.upstream.Load(), held: c.held, left: c.left, ended: make(chan struct{})}
	_ = rest.upstream.SetDeadline(time.Time{})
	c.left = 0
	go rest.passOn()
	marks, err := c.trade()
	switch {
	case rest.clientGone.Load():
		c.finish(meter.ClientAbort)
	case err != nil:
		c.blame(marks, err)
	default:
		c.conclude()
	}
	c.drop()
	rest.end()
}

// leftover is the rest of a request's body: what is held already, and what the
// client has left to send.
type leftover struct {
	courier    *courier
	upstream   *link
	held       []byte
	left       int64
	clientGone atomic.Bool
	ended      chan struct{}
}

// passOn sends the rest until it is all sent or one side ends it.
func (l *leftover) passOn() {
	defer close(l.ended)
	if _, err := l.upstream.Write(l.held); err != nil {
		return
	}
	buffer, _ := pieces.Get().(*[32 << 10]byte)
	defer pieces.Put(buffer)
	for l.left > 0 {
		n, err := l.courier.client.Read(buffer[:min(l.left, int64(len(buffer)))])
		if err != nil {
			// Without the rest there may never be an end of the answer.
			l.clientGone.Store(true)
			_ = l.upstream.SetDeadline(past)
			return
		}
		l.courier.watch.pulse.Add(1)
		if _, err := l.upstream.Write(buffer[:n]); err != nil {
			return // the answer may come all the same
		}
		l.left -= int64(n)
	}
}

// end gives the client a moment to finish, so that it gets to see the answer
// before the connection is reset.
func (l *leftover) end() {
	_ = l.courier.client.SetReadDeadline(time.Now().Add(linger))
	<-l.ended
}
