package listen

import (
	"net"

	"github.com/stagger-dev/stagger/internal/whence"
)

// readPreface reads what the PROXY protocol says of a connection. Only those
// who are trusted are listened to: to anybody else the words mean nothing.
func (d *Door) readPreface(c net.Conn) (net.Conn, error) {
	if !d.Trusted.Holds(peerOf(c)) {
		if d.Preface == Required {
			return nil, &refusal{stranger, nil}
		}
		return c, nil
	}
	p, rest, at, err := listenTo(c)
	switch {
	case err != nil:
		return nil, err
	case at == whence.Bad:
		return nil, &refusal{badPreface, nil}
	case at != whence.Whole && d.Preface == Required:
		return nil, &refusal{noPreface, nil}
	case len(rest) > 0:
		c = &begun{Conn: c, rest: rest}
	}
	if !p.Source.IsValid() {
		return c, nil
	}
	return relayed(c, net.TCPAddrFromAddrPort(p.Source)), nil
}

// relayed returns a connection whose other end is the client, and not the proxy
// before us. What the connection can do beyond net.Conn it still can.
func relayed(c net.Conn, client net.Addr) net.Conn {
	switch c := c.(type) {
	case *net.TCPConn:
		return &relayedTCP{c, client}
	case *net.UnixConn:
		return &relayedUnix{c, client}
	}
	return &relayedOther{c, client}
}

type relayedTCP struct {
	*net.TCPConn
	client net.Addr
}

// RemoteAddr implements net.Conn.
func (r *relayedTCP) RemoteAddr() net.Addr { return r.client }

type relayedUnix struct {
	*net.UnixConn
	client net.Addr
}

// RemoteAddr implements net.Conn.
func (r *relayedUnix) RemoteAddr() net.Addr { return r.client }

type relayedOther struct {
	net.Conn
	client net.Addr
}

// RemoteAddr implements net.Conn.
func (r *relayedOther) RemoteAddr() net.Addr { return r.client }

// begun is a connection of which some was read already.
type begun struct {
	net.Conn
	rest []byte
}

// Read implements net.Conn.
func (b *begun) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		return b.Conn.Read(p)
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// overhear reads the preface of a connection, and what comes with it.
func overhear(c net.Conn) (p whence.Preface, rest []byte, at whence.Progress, err error) {
	buffer, got, size := make([]byte, whence.MaxPreface), 0, 0
	for at == whence.Partial {
		n, err := c.Read(buffer[got:])
		got += n
		if p, size, at = whence.ParsePreface(buffer[:got]); at == whence.Partial && err != nil {
			return p, nil, at, err
		}
	}
	return p, buffer[size:got], at, nil
}
