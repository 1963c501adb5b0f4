package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/stagger-dev/stagger"
)

// listen takes an address.
func listen(ctx context.Context, l Listener, connections int) (net.Listener, error) {
	var config net.ListenConfig
	inner, err := config.Listen(ctx, "tcp", l.Address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, refuse(stagger.CodeConflict,
			"listener %q: %s is in use already; choose another address or stop what holds it", l.Name, l.Address)
	case err != nil:
		return nil, refuse(stagger.CodeInvalid, "listener %q: cannot listen on %s: %v", l.Name, l.Address, cause(err))
	}
	return &listener{Listener: inner, free: make(chan struct{}, connections), closed: make(chan struct{})}, nil
}

// cause drops the address that a net.OpError repeats.
func cause(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}

// listener bounds the connections that are open at once, and guards each.
type listener struct {
	net.Listener
	free   chan struct{} // holds one value per open connection
	closed chan struct{}
	once   sync.Once
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
		return nil, err
	}
	return &conn{Conn: inner, release: sync.OnceFunc(func() { <-l.free })}, nil
}

// Close ends Accept.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// conn is a client's connection whose requests are framed strictly: a reader
// gets the bytes before a violation, then an error.
type conn struct {
	net.Conn
	release func()
	framing framing
	broken  error
	refused atomic.Bool // broken is known
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
