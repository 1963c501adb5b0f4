package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// ErrFull is the failure to connect to an endpoint that has all the connections
// it may have, with a request on each.
var ErrFull = errors.New("the endpoint has all the connections it may have")

// probing marks the connections of probes, which are not bounded: an endpoint
// that is busy is well.
type probing struct{}

// dial makes a connection that is counted until it is closed.
func (e *Endpoint) dial(ctx context.Context) (*counted, error) {
	if !e.reserve(ctx.Value(probing{}) != nil) {
		return nil, ErrFull
	}
	c, err := e.dialer.DialContext(ctx, e.place.network, e.place.address)
	if err != nil {
		e.connections.Add(-1)
		return nil, err
	}
	return &counted{Conn: c, in: &e.connections}, nil
}

// reserve counts a connection that is to be made, if there may be another. One
// that is idle makes room: there are two transports, and each keeps its own.
func (e *Endpoint) reserve(free bool) bool {
	most := int64(e.settings.limits.Connections)
	for {
		if n := e.connections.Add(1); most == 0 || n <= most || free {
			return true
		}
		e.connections.Add(-1)
		if !e.makeRoom() {
			return false
		}
	}
}

// makeRoom closes idle connections and says whether there were any.
func (e *Endpoint) makeRoom() bool {
	if one := e.links.take(); one != nil {
		_ = one.Close()
		return true
	}
	before := e.connections.Load()
	e.carriers.Load().closeIdle()
	return e.connections.Load() < before
}

// dialClear is dial for a transport without TLS.
func (e *Endpoint) dialClear(ctx context.Context, _, _ string) (net.Conn, error) {
	c, err := e.dial(ctx)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// dialTLS is dial for a transport with TLS that offers protocols.
func (e *Endpoint) dialTLS(protocols ...string) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return e.handshake(ctx, protocols...)
	}
}

func (e *Endpoint) handshake(ctx context.Context, protocols ...string) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, e.settings.connect)
	defer cancel()
	c, err := e.dial(ctx)
	if err != nil {
		return nil, err
	}
	secure := tls.Client(c, e.credentials.towards(e.place.name, protocols...))
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = c.Close()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	return secure, nil
}

// counted is a connection that is one of its endpoint's until it is closed.
type counted struct {
	net.Conn
	in     *atomic.Int64
	closed atomic.Bool
	waits  atomic.Bool // in Read; see Settle
}

// Close implements net.Conn.
func (c *counted) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		c.in.Add(-1)
	}
	return c.Conn.Close()
}

// CloseWrite ends the sending half, as tunnels do.
func (c *counted) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

// newDialer returns the dialer of an endpoint.
func newDialer(connect time.Duration) *net.Dialer {
	return &net.Dialer{Timeout: connect, KeepAlive: 15 * time.Second}
}
