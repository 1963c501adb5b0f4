package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// gate greets connections, each in its own goroutine, before it lets them in:
// one that dawdles keeps nobody waiting.
type gate struct {
	net.Listener
	door *Door
	in   chan net.Conn

	greeting atomic.Int64

	closed chan struct{}
	end    sync.Once
	ctx    context.Context // of the greetings
	cancel context.CancelFunc
	begin  sync.Once
	lives  sync.WaitGroup
}

func newGate(d *Door, inner net.Listener) *gate {
	g := &gate{Listener: inner, door: d, in: make(chan net.Conn), closed: make(chan struct{})}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	return g
}

// Accept implements net.Listener. The first call begins to take connections;
// until then another process can have them.
func (g *gate) Accept() (net.Conn, error) {
	g.begin.Do(func() { g.lives.Go(g.run) })
	select {
	case c := <-g.in:
		return c, nil
	case <-g.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. Who is being greeted is sent away.
func (g *gate) Close() (err error) {
	g.end.Do(func() {
		err = g.Listener.Close()
		close(g.closed)
		g.cancel()
		g.begin.Do(func() {}) // nobody begins any more
		g.lives.Wait()
	})
	return err
}

// retire takes no more connections; those that are being greeted still come in.
func (g *gate) retire() { Retire(g.Listener) }

// run takes connections until the listener is closed.
func (g *gate) run() {
	const most = time.Second
	wait := time.Duration(0)
	pending := g.door.Pending
	if pending <= 0 {
		pending = defaultPending
	}
	places := make(chan struct{}, pending)
	for {
		select {
		case places <- struct{}{}:
		case <-g.closed:
			return
		}
		c, err := g.Listener.Accept()
		if err == nil {
			wait = 0
			g.greeting.Add(1)
			g.lives.Go(func() {
				defer func() { <-places }()
				defer g.greeting.Add(-1)
				g.greet(c)
			})
			continue
		}
		<-places
		if errors.Is(err, net.ErrClosed) {
			return
		}
		// Such as no file descriptor being left: it passes.
		wait = min(max(2*wait, 5*time.Millisecond), most)
		g.door.log().Warn("a connection could not be accepted", "listener", g.door.Name, "error", err)
		select {
		case <-time.After(wait):
		case <-g.closed:
			return
		}
	}
}

// greet lets one connection in, or sends it away.
func (g *gate) greet(c net.Conn) {
	patience := g.door.Patience
	if patience <= 0 {
		patience = defaultPatience
	}
	ctx, cancel := context.WithTimeout(g.ctx, patience)
	defer cancel()
	// Whoever waits on the connection is woken when the time is over.
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	in, err := g.welcome(ctx, c)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil || in == nil {
		if err != nil {
			why := reasonOf(err)
			g.door.refused.count(why)
			g.door.log().Debug("a connection was refused", "listener", g.door.Name, "client", c.RemoteAddr().String(), "reason", string(why), "error", err)
		}
		_ = c.Close()
		return
	}
	select {
	case g.in <- in:
	case <-g.closed:
		_ = in.Close()
	}
}

// welcome reads the preface and shakes hands. It returns nothing when the
// connection has served its purpose with that.
func (g *gate) welcome(ctx context.Context, c net.Conn) (net.Conn, error) {
	if g.door.Preface != Off {
		var err error
		if c, err = g.door.readPreface(c); err != nil {
			return nil, err
		}
	}
	if g.door.Identity == nil {
		return c, nil
	}
	return g.door.Identity.shake(ctx, c)
}

// shake does the handshake of TLS. A connection that only checks whether we
// answer for a name, as ACME does, ends with it.
func (i *Identity) shake(ctx context.Context, c net.Conn) (net.Conn, error) {
	secure := tls.Server(c, i.current.Load().config)
	if err := secure.HandshakeContext(ctx); err != nil {
		if e, ok := errors.AsType[tls.RecordHeaderError](err); ok && looksLikeHTTP(e.RecordHeader) {
			_ = c.SetDeadline(time.Now().Add(time.Second))
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request: this port wants https\n")
		}
		return nil, &refusal{badHandshake, err}
	}
	if secure.ConnectionState().NegotiatedProtocol == challengeProtocol {
		_ = secure.Close()
		return nil, nil //nolint:nilnil // nothing went wrong, and nobody comes in
	}
	return secure, nil
}

// looksLikeHTTP says whether somebody began to speak HTTP where TLS is spoken.
func looksLikeHTTP(b [5]byte) bool {
	switch string(b[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "PATCH", "DELET":
		return true
	}
	return false
}

// peerOf returns the address of the other end; zero for a unix socket.
func peerOf(c net.Conn) netip.Addr {
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
