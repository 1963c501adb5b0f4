package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger/internal/listen"
	"github.com/stagger-dev/stagger/internal/whence"
)

// enter opens the doors of a listener. Its addresses share one bound.
func enter(ctx context.Context, l Listener, connections int) ([]*listener, error) {
	door := l.Door
	if door == nil {
		door = &listen.Door{Name: l.Name, Addresses: []string{l.Address}}
	}
	open, err := door.Open(ctx)
	if err != nil {
		return nil, err
	}
	free := make(chan struct{}, connections)
	all := make([]*listener, 0, len(open))
	for _, inner := range open {
		all = append(all, &listener{Listener: inner, trusted: l.Whence.Trusted, free: free, closed: make(chan struct{})})
	}
	return all, nil
}

// listener bounds the connections that are open at once, and guards each.
type listener struct {
	net.Listener
	trusted whence.Trust
	free    chan struct{} // holds one value per open connection
	live    atomic.Int64  // connections of this address alone
	streams streams
	retired atomic.Bool
	closed  chan struct{}
	once    sync.Once
}

// Accept waits for room and then for a connection. Clients beyond the bound
// wait in the kernel's queue.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case l.free <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	inner, err := l.Listener.Accept()
	if err != nil {
		<-l.free
		if l.retired.Load() {
			<-l.closed // another process goes on; here nobody has to know
		}
		return nil, err
	}
	l.live.Add(1)
	c := &conn{Conn: inner, streams: &l.streams, hop: lastHop(inner, l.trusted)}
	c.release = sync.OnceFunc(func() {
		l.streams.remove(c)
		l.live.Add(-1)
		<-l.free
	})
	return c, nil
}

// retire takes no more connections, as another process does. Accept tells
// nobody until the listener is closed.
func (l *listener) retire() {
	l.retired.Store(true)
	listen.Retire(l.Listener)
	l.streams.leave()
}

// connections returns how many are open or about to be.
func (l *listener) connections() int { return int(l.live.Load()) + listen.Greeting(l.Listener) }

// Close ends Accept.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	if err := l.Listener.Close(); !l.retired.Load() || !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// conn is a client's connection whose requests are framed strictly: a reader
// gets the bytes before a violation, then an error.
type conn struct {
	net.Conn
	release func()
	hop     whence.Hop // of its requests, but for their host
	framing framing
	broken  error
	streams *streams
	gone    bool                   // it was closed; guarded by streams
	frames  atomic.Pointer[frames] // nil while it is not HTTP/2
	refused atomic.Bool            // broken is known
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	if c.broken != nil {
		return 0, c.broken
	}
	n, err := c.Conn.Read(p)
	if c.framing.state == unframed {
		return n, err
	}
	good, broken := c.framing.feed(p[:n])
	if c.framing.http2() {
		c.frames.Store(c.streams.add(c))
	}
	if broken == nil {
		return n, err
	}
	c.broken = broken
	c.refused.Store(true)
	if good > 0 {
		return good, nil
	}
	return 0, broken
}

// writeTimeout is how long a client may take to read what one write holds, at
// most some 32 KB. It bounds what net/http sends after a handler has returned,
// too.
const writeTimeout = time.Minute

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	if f := c.frames.Load(); f != nil {
		return f.write(p)
	}
	return c.Conn.Write(p)
}

// Close implements net.Conn. A client whose request was refused in the middle is
// heard out for a moment: a reset, for what nobody read, would overtake the
// answer.
func (c *conn) Close() error {
	if c.refused.Load() && c.CloseWrite() == nil {
		_ = c.SetReadDeadline(time.Now().Add(linger))
		_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes)
	}
	c.release()
	return c.Conn.Close()
}

// CloseWrite ends the sending half.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// lastHop says who is at the other end of a connection.
func lastHop(c net.Conn, trusted whence.Trust) whence.Hop {
	hop := whence.Hop{Proto: plainProto}
	if _, secure := c.(*tls.Conn); secure {
		hop.Proto = secureProto
	}
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		hop.Peer = a.AddrPort().Addr().Unmap().WithZone("")
	}
	hop.Address, hop.Trusted = textOf(hop.Peer), trusted.Holds(hop.Peer)
	return hop
}
