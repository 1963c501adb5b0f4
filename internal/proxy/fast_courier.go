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

// courier carries the requests of one client connection, one after the other.
//
// It lives inside a single Read of the raw connection, whose function, ready,
// is called once at the beginning and then whenever the kernel tells that
// something can be read. The kernel tells of new bytes only, so whoever has read
// less than there was room for need not ask whether there is more; for an end
// that came with them see waitsForClient. What is always needed is then four
// calls a request, two to read and two to write.
//
// Invariant: between requests nothing is owed to anybody, and in[from:to] is
// all that was read of the client and not passed on. So the connection can be
// handed over then, and only then.
type courier struct {
	lane    *lane
	conn    *conn    // as net/http will get it
	client  net.Conn // beneath it
	raw     syscall.RawConn
	fd      uintptr                     // of the client, while ready runs
	onReady func(fd uintptr) (end bool) // ready and turn as values, made once
	onTurn  func(fd uintptr) (end bool)
	watch   watch
	asked   plainAttributes

	*desk // nil while the connection rests

	traffic    *traffic
	pass       pass
	copying    *copying // nil for a request that is not mirrored
	tape       *tape    // nil unless a body that comes in pieces is captured
	left       int64    // of the request's body, not read yet
	held       []byte   // a piece of it that was read and not taken
	marks      uint64   // of the watch, when it ended an upload
	headless   bool     // the method is HEAD: no answer has a body
	repeatable bool     // see isRepeatable
	heading    bool     // a head has begun and not ended
	open       bool     // the sample has begun and not ended
	closing    bool     // the connection ends after this answer
	early      bool     // the answer came before the whole request was sent
	unusual    bool     // what comes next is for net/http
	handed     bool     // net/http has it
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
	c := &courier{lane: l, conn: framed, client: framed.Conn, raw: raw}
	c.asked = plainAttributes{conn: framed, rules: l.rules}
	c.onReady, c.onTurn = c.ready, c.turn
	return c
}

// run carries until the connection ends or is handed over.
func (c *courier) run() {
	defer c.end()
	c.watch.enter(resting)
	_ = c.raw.Read(c.onReady)
	switch {
	case c.unusual:
		c.handOver()
	case c.left > 0 || c.early:
		c.interrupted()
	}
}

// end closes what is left, whatever happened. A panic ends this connection only.
func (c *courier) end() {
	if failure := recover(); failure != nil {
		c.lane.proxy.troubles[panicked].Add(1)
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
	if c.desk != nil {
		c.leave()
	}
}

// hangUp lets a client that sends what nobody reads see its answer before the
// connection is reset.
func (c *courier) hangUp() {
	half, ok := c.client.(interface{ CloseWrite() error })
	if !ok || c.desk == nil || c.from == c.to && !c.early || half.CloseWrite() != nil {
		return
	}
	_ = c.client.SetReadDeadline(time.Now().Add(linger))
	for left := lingerBytes; left > 0; {
		n, err := c.client.Read(c.in[:])
		if err != nil {
			return
		}
		left -= n
	}
}

// cut ends the connection from outside: nothing can be waited for any more.
func (c *courier) cut() {
	_ = c.client.SetDeadline(past)
	if upstream := c.watch.upstream.Load(); upstream != nil {
		_ = upstream.SetDeadline(past)
	}
}

// finish ends the sample, once.
func (c *courier) finish(class meter.Class) {
	if c.open {
		c.open = false
		if c.pass.care != nil {
			c.watch.until.Store(0)
		}
		c.tape.end()
		c.pass.finish(c.lane.now(), class)
		c.pass.release(class)
		c.endCopying(class)
	}
}

// ready is called when something of the client may be there to be read. It
// returns true when that is nobody's business here any more: the connection
// ends or is handed over.
func (c *courier) ready(fd uintptr) (end bool) {
	c.fd = fd
	if c.desk == nil {
		if c.watch.enter(busy) != 0 {
			return true
		}
		c.desk = takeDesk()
	}
	for {
		if c.left > 0 {
			if p := c.upload(); p != sentAll {
				return p == brokenOff || c.rest()
			}
		}
		space := c.in[c.to:]
		n, errno := read(fd, space)
		c.to += n
		switch {
		case errno == syscall.EAGAIN:
			return c.rest()
		case n == 0 || !c.serve():
			return true
		case n < len(space):
			return c.rest()
		}
	}
}

// serve carries every request that is here. It is false when the connection is
// not to be read any more.
func (c *courier) serve() bool {
	for c.from < c.to {
		switch c.look() {
		case wire.Unusual:
			c.unusual = true
			return false
		case wire.Incomplete:
			c.to = copy(c.in[:], c.in[c.from:c.to])
			c.from = 0
			return true
		case wire.Complete:
		}
		if c.heading && c.watch.enter(busy) != 0 {
			return false
		}
		c.heading = false
		if !c.carry() {
			return false
		}
		if c.left > 0 {
			break
		}
	}
	c.from, c.to = 0, 0
	return true
}

// rest waits for more of the client. It is true when there is nothing to wait
// for.
func (c *courier) rest() (end bool) {
	switch {
	case c.left > 0:
		return c.watch.enter(uploading) != 0
	case c.to > 0 && c.heading:
		return false // the time runs from the head's beginning
	case c.to > 0:
		c.heading = true
		return c.watch.enter(heading) != 0
	}
	c.leave()
	c.desk = nil
	return c.watch.enter(resting) != 0 || c.lane.draining.Load()
}

// look says whether a plain request is here. One whose head does not fit is
// unusual, and so is a beginning that cannot become a request: net/http knows
// what to answer.
func (c *courier) look() wire.Progress {
	got := c.in[c.from:c.to]
	switch c.request.Parse(got) {
	case wire.Complete:
		if c.request.Chunked || c.request.Size > c.lane.proxy.limits.HeaderBytes {
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

// carry routes a request, passes it on and answers it, or leaves that to upload
// when its body is not here. It is false when the connection ends.
func (c *courier) carry() bool {
	r := &c.request
	head := c.in[c.from:c.to]
	path := r.Path.Of(head)
	if r.Escaped {
		c.path = wire.AppendPath(c.path[:0], path)
		path = c.path
	}
	traffic, route, ok := c.lane.proxy.find(c.lane.listener, view(r.Host.Of(head)), view(path), nil)
	here := min(max(r.Length, 0), int64(len(head)-r.Size))
	if !ok || route == nil || route.page || !traffic.plain || !c.carries(traffic, route, int(here)) {
		c.unusual = true
		return false
	}
	method := r.Method.Of(head)
	c.headless, c.repeatable = string(method) == "HEAD", isRepeatable(method)
	c.asked.request, c.asked.head, c.asked.claims = r, head, nil
	if c.traffic != traffic {
		c.traffic = traffic
		c.watch.response.Store(int64(traffic.timeouts.Response))
		c.watch.idle.Store(int64(traffic.timeouts.Idle))
	}
	c.closing, c.early, c.marks = r.Close, false, 0
	now := c.lane.now()
	c.pass, c.open = traffic.admit(route, &c.asked, now), true
	if c.pass.care != nil {
		c.protect()
	}
	c.tape = c.record(head, int(here), now)
	c.outbound(head, int(here))
	if traffic.shade != nil && traffic.shades(&c.pass, view(method)) {
		c.beginCopying(int(here))
	}
	c.from += r.Size + int(here)
	if left := max(r.Length, 0) - here; left > 0 {
		return c.beginUpload(left)
	}
	return c.exchange() && !c.closing
}
