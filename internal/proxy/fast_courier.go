package proxy

import (
	"fmt"
	"net"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/proxy/wire"
)

// maxPlain bounds a request with its body here: more goes through net/http.
const maxPlain = 16 << 10

// courier carries the requests of one client connection, one after the other.
//
// Invariant: between requests nothing is owed to anybody, and in[from:to] is
// all that was read of the client and not passed on. So the connection can be
// handed over then, and only then.
type courier struct {
	lane   *lane
	conn   *conn    // as net/http will get it
	client net.Conn // beneath it
	raw    syscall.RawConn
	watch  watch

	in       []byte
	from, to int
	out      []byte
	path     []byte // with escapes undone

	request  wire.Request
	response wire.Response
	asked    plainAttributes

	traffic *traffic
	pass    pass
	open    bool // the sample has begun and not ended
	closing bool // the connection ends after this answer
	handed  bool // net/http has it
}

// newCourier returns nil when it cannot watch the connection.
func newCourier(l *lane, accepted net.Conn) *courier {
	framed, ok := accepted.(*conn)
	if !ok {
		return nil
	}
	raw, err := rawOf(framed.Conn)
	if err != nil {
		return nil
	}
	c := &courier{lane: l, conn: framed, client: framed.Conn, raw: raw, in: make([]byte, maxPlain)}
	c.asked = plainAttributes{request: &c.request, address: clientAddress(framed.RemoteAddr().String())}
	return c
}

// run carries until the connection ends or is handed over.
func (c *courier) run() {
	defer c.end()
	for c.next() && c.carry() {
	}
}

// end closes what is left, whatever happened. A panic ends this connection only.
func (c *courier) end() {
	if failure := recover(); failure != nil {
		c.lane.proxy.log.Error("a request panicked", "panic", fmt.Sprint(failure), "stack", string(debug.Stack()))
	}
	c.finish(meter.ConnectError)
	if upstream := c.watch.upstream.Load(); upstream != nil {
		_ = upstream.Close()
	}
	c.lane.forget(c)
	if !c.handed {
		c.hangUp()
		_ = c.conn.Close()
	}
}

// hangUp lets a client that sends what nobody reads see its answer before the
// connection is reset.
func (c *courier) hangUp() {
	half, ok := c.client.(interface{ CloseWrite() error })
	if !ok || c.from == c.to || half.CloseWrite() != nil {
		return
	}
	_ = c.client.SetReadDeadline(time.Now().Add(linger))
	for left := lingerBytes; left > 0; {
		n, err := c.client.Read(c.in)
		if err != nil {
			return
		}
		left -= n
	}
}

// cut ends the connection from outside.
func (c *courier) cut() {
	_ = c.client.SetDeadline(past)
	if upstream := c.watch.upstream.Load(); upstream != nil {
		_ = upstream.SetDeadline(past)
	}
	_ = c.client.Close()
}

// finish ends the sample, once.
func (c *courier) finish(class meter.Class) {
	if c.open {
		c.open = false
		c.pass.sample.End(time.Now(), class)
		c.pass.release()
	}
}

// next reads a plain request whole, body and all. It is false when there is
// none: the connection has ended, or is handed over.
func (c *courier) next() bool {
	if c.from == c.to {
		c.from, c.to = 0, 0
		if c.lane.draining.Load() || c.watch.enter(resting) != 0 || !c.fill() {
			return false
		}
	}
	if c.watch.enter(heading) != 0 {
		return false
	}
	for {
		switch c.look() {
		case wire.Complete:
			return c.watch.enter(busy) == 0
		case wire.Unusual:
			c.handOver()
			return false
		case wire.Incomplete:
		}
		if !c.fill() {
			return false
		}
	}
}

// look says whether a plain request is here. One that does not fit, and one
// whose body is not here with its head, is unusual. So is a beginning that
// cannot become a request: net/http knows what to answer.
func (c *courier) look() wire.Progress {
	got := c.in[c.from:c.to]
	switch c.request.Parse(got) {
	case wire.Complete:
		r := &c.request
		if r.Chunked || r.Length > int64(len(got)-r.Size) || r.Size > c.lane.proxy.limits.HeaderBytes {
			return wire.Unusual
		}
		return wire.Complete
	case wire.Incomplete:
		var f framing
		if _, err := f.feed(got); err != nil || f.state == unframed || len(got) == len(c.in) {
			return wire.Unusual
		}
		return wire.Incomplete
	case wire.Unusual:
	}
	return wire.Unusual
}

// fill reads more of the client.
func (c *courier) fill() bool {
	if c.from > 0 {
		c.to = copy(c.in, c.in[c.from:c.to])
		c.from = 0
	}
	n, err := c.client.Read(c.in[c.to:])
	c.to += n
	return err == nil
}

// handOver leaves the connection to net/http.
func (c *courier) handOver() {
	if c.watch.enter(busy) != 0 {
		return // it was woken to be ended
	}
	c.handed = true
	c.lane.forget(c)
	c.conn.Conn = &replayed{Conn: c.client, rest: append([]byte(nil), c.in[c.from:c.to]...)}
	c.lane.over.give(c.conn)
}

// carry routes a request, passes it on and answers it. It is false when the
// connection ends.
func (c *courier) carry() bool {
	now := time.Now()
	r := &c.request
	head := c.in[c.from:c.to]
	path := r.Path.Of(head)
	if r.Escaped {
		c.path = wire.AppendPath(c.path[:0], path)
		path = c.path
	}
	traffic, route := c.lane.proxy.table.Load().find(c.lane.listener, view(r.Host.Of(head)), view(path))
	if route == nil || !traffic.plain {
		c.handOver()
		return false
	}
	c.asked.head, c.asked.claims = head, nil
	c.traffic, c.closing = traffic, r.Close
	c.pass, c.open = traffic.admit(route, &c.asked, now), true
	c.record(head, now)
	c.watch.response.Store(int64(traffic.timeouts.Response))
	c.watch.idle.Store(int64(traffic.timeouts.Idle))
	came := c.exchange(head)
	c.from += r.Size + int(max(r.Length, 0))
	return came && !c.closing
}
