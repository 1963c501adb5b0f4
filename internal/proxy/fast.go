package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger/internal/whence"
)

// lane is the proxy's own way through a listener: plain HTTP/1.1 over one
// goroutine per connection. What it does not carry it hands over to net/http,
// connection and all, and never takes back. So every request is either read
// here and is plain beyond doubt, or is read by net/http from its first byte.
type lane struct {
	proxy    *Proxy
	listener int
	inner    net.Listener
	rules    *whence.Rules
	over     *handover
	closing  chan struct{}
	closed   chan struct{} // no connection comes any more

	clock    atomic.Pointer[time.Time] // of the last look
	draining atomic.Bool
	cutting  atomic.Bool
	couriers sync.WaitGroup

	mu    sync.Mutex
	known map[*courier]struct{}
}

func newLane(p *Proxy, listener int, inner net.Listener) *lane {
	l := &lane{
		proxy: p, listener: listener, inner: inner, rules: &p.listeners[listener].Whence,
		over:    &handover{inner: inner, conns: make(chan net.Conn), closed: make(chan struct{})},
		closing: make(chan struct{}),
		closed:  make(chan struct{}),
		known:   make(map[*courier]struct{}),
	}
	l.clock.Store(new(time.Now()))
	return l
}

// now is the present. It asks the one clock that never jumps, and takes what
// time of day it is from the last look: half of what time.Now costs.
func (l *lane) now() time.Time {
	looked := l.clock.Load()
	return looked.Add(time.Since(*looked))
}

// accept takes connections until the listener is closed.
func (l *lane) accept() {
	defer close(l.closed)
	const most = time.Second
	wait := time.Duration(0)
	for {
		c, err := l.inner.Accept()
		switch {
		case err == nil:
			wait = 0
			l.begin(c)
			continue
		case errors.Is(err, net.ErrClosed):
			return
		}
		// Such as no file descriptor being left: it passes.
		wait = min(max(2*wait, 5*time.Millisecond), most)
		l.proxy.log.Warn("a connection could not be accepted", "listener", l.proxy.listeners[l.listener].Name, "error", err)
		select {
		case <-time.After(wait):
		case <-l.over.closed:
			return
		}
	}
}

func (l *lane) begin(accepted net.Conn) {
	c := newCourier(l, accepted)
	if c == nil {
		l.over.give(accepted)
		return
	}
	l.mu.Lock()
	l.known[c] = struct{}{}
	l.mu.Unlock()
	l.couriers.Go(c.run)
}

func (l *lane) forget(c *courier) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.known, c)
}

// drain waits for the requests under way, until ctx ends; then it cuts what is
// left. Nothing is accepted any more.
func (l *lane) drain(ctx context.Context) error {
	<-l.closed
	l.draining.Store(true)
	l.look(time.Now())
	ended := make(chan struct{})
	go func() {
		l.couriers.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	n := l.cut()
	<-ended
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%d connections were cut", n)
}

// cut ends all connections and says how many they were.
func (l *lane) cut() int {
	l.cutting.Store(true)
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.known {
		c.cut()
	}
	return len(l.known)
}

// handover is the listener through which net/http gets its connections.
type handover struct {
	inner  net.Listener
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// give passes a connection on; it is closed if nobody takes any.
func (h *handover) give(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.closed:
		_ = c.Close()
	}
}

// Accept implements net.Listener.
func (h *handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Addr implements net.Listener.
func (h *handover) Addr() net.Addr { return h.inner.Addr() }

// Close implements net.Listener. It closes the listener behind it, once.
func (h *handover) Close() (err error) {
	h.once.Do(func() {
		close(h.closed)
		err = h.inner.Close()
	})
	return err
}

// replayed is a connection of which some was read already.
type replayed struct {
	net.Conn
	rest []byte
}

// Read implements net.Conn.
func (r *replayed) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return r.Conn.Read(p)
	}
	n := copy(p, r.rest)
	if r.rest = r.rest[n:]; len(r.rest) == 0 {
		r.rest = nil
	}
	return n, nil
}

// CloseWrite ends the sending half.
func (r *replayed) CloseWrite() error {
	if half, ok := r.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
