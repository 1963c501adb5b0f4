package proxy

import (
	"net/http"
	"syscall"
	"time"

	"github.com/stagger-dev/stagger/internal/meter"
)

// progress is how far the body of a request came.
type progress uint8

const (
	sendingOn progress = iota
	sentAll            // and the answer was passed on
	brokenOff          // the connection cannot go on here
)

// beginUpload sends the head of a request and what is here of its body. The
// rest follows as it comes, see upload; whoever is slow holds up the other side.
// It is false when the connection ends.
func (c *courier) beginUpload(left int64) bool {
	c.repeatable = false
	if c.pass.endpoint == nil {
		f := c.pass.refused()
		return c.refuseUpload(f.status, f.class, f.text)
	}
	reused, err := c.link()
	if err != nil {
		c.early, c.closing = true, true
		c.blame(0, err)
		return false
	}
	c.arrival.begin(reused)
	c.arrival.sent = true
	c.left = left
	return c.pushUp(c.out)
}

// refuseUpload answers a request that was not sent whole. The connection ends,
// as what the client goes on to send is of nobody's interest.
func (c *courier) refuseUpload(status int, class meter.Class, text string) bool {
	c.left, c.early, c.closing = 0, true, true
	c.drop()
	c.fail(status, class, text)
	return false
}

// pushUp writes a piece of the request to the upstream. It is false when the
// request does not go on here.
func (c *courier) pushUp(p []byte) bool {
	upstream := c.watch.upstream.Load()
	c.watch.enter(sending) // from busy, which is never marked
	n, err := upstream.Write(p)
	if c.marks = c.watch.enter(busy); c.marks&expired != 0 {
		return c.refuseUpload(http.StatusGatewayTimeout, meter.Timeout, "the service did not take the request in time")
	}
	if err != nil || c.marks != 0 {
		// It may have answered without waiting for the whole.
		c.held, c.early = p[n:], true
		return false
	}
	return true
}

// upload passes on what is here of a request's body, and its answer when that
// was all.
func (c *courier) upload() progress {
	upstream := c.watch.upstream.Load()
	for c.left > 0 {
		if c.marks = c.watch.enter(busy); c.marks != 0 || !isSilent(upstream.Raw) {
			c.early = c.marks&expired == 0
			return brokenOff
		}
		space := c.in[:min(c.left, int64(len(c.in)))]
		n, errno := read(c.fd, space)
		switch {
		case errno == syscall.EAGAIN:
			return sendingOn
		case n == 0:
			c.left = 0
			c.drop()
			c.finish(meter.ClientAbort)
			return brokenOff
		}
		c.left -= int64(n)
		c.tape.take(space[:n])
		if c.copying != nil {
			c.copying.copy.Sent(space[:n])
		}
		if !c.pushUp(space[:n]) {
			return brokenOff
		}
	}
	if c.finishUpload() && !c.closing {
		return sentAll
	}
	return brokenOff
}

// finishUpload awaits the answer of a request that was sent whole.
func (c *courier) finishUpload() bool {
	if marks, err := c.trade(); err != nil {
		c.drop()
		return c.blame(marks, err)
	}
	return c.conclude()
}

// interrupted goes on where a request had not come whole when the client was
// read no more: the answer began before, the client is too slow, or everything
// ends.
func (c *courier) interrupted() {
	marks := c.marks | c.watch.enter(busy)
	if !c.open || c.watch.upstream.Load() == nil {
		return
	}
	_ = c.client.SetDeadline(time.Time{})
	switch {
	case marks&gone != 0:
		c.left = 0
		c.drop()
		c.finish(meter.ClientAbort)
	case c.early || marks&answered != 0:
		c.early, c.closing = true, true
		c.duplex()
	case marks&expired != 0:
		c.refuseUpload(http.StatusRequestTimeout, meter.ClientAbort, "the request did not arrive in time")
	}
}
