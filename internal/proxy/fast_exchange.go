package proxy

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/proxy/wire"
	"github.com/stagger-dev/stagger/internal/upstream"
)

// What an upstream may do wrong.
var (
	errMalformed = errors.New("the upstream's answer is malformed")
	errWatch     = errors.New("the watch has ended the wait")
	errDial      = errors.New("the upstream cannot be reached")
)

// maxAnswerHead bounds the head of an answer.
const maxAnswerHead = 256 << 10

// exchange passes a request on and its answer back. It is false when the
// client's connection must end, as the answer did not come through whole.
func (c *courier) exchange(head []byte) bool {
	if c.pass.endpoint == nil {
		return c.fail(http.StatusServiceUnavailable, meter.ConnectError, c.pass.refusal())
	}
	c.outbound(head)
	buffer, _ := pieces.Get().(*[32 << 10]byte)
	defer pieces.Put(buffer)
	a := arrival{buffer: buffer[:]}
	marks, err := c.ask(head, &a)
	if err != nil {
		c.drop()
		return c.blame(marks, err)
	}
	if c.response.Status == http.StatusSwitchingProtocols {
		c.drop()
		return c.fail(http.StatusBadGateway, meter.ConnectError, "the service switched to a protocol nobody asked for")
	}
	c.pass.status = c.response.Status
	return c.answer(head, &a)
}

// arrival is what was read of an answer and not passed on: buffer[:n].
type arrival struct {
	buffer []byte
	n      int

	begun   bool // something came
	reused  bool // over a link that has answered before
	interim int  // answers of status 1xx
}

// ask sends the request and reads the head of its answer. A link that was idle
// may have been closed by the upstream just then; a request that may be
// repeated, or of which nothing was sent, gets another one, once.
func (c *courier) ask(head []byte, a *arrival) (marks uint64, err error) {
	repeatable := isRepeatable(c.request.Method.Of(head))
	upstream := c.idleLink(!repeatable)
	a.reused = upstream != nil
	for {
		if upstream == nil {
			if upstream, err = c.pass.endpoint.Connect(c.traffic.timeouts.Connect); err != nil {
				return 0, fmt.Errorf("%w: %w", errDial, err)
			}
		}
		c.watch.upstream.Store(upstream)
		if marks = c.watch.enter(awaiting); marks != 0 {
			return marks, errWatch
		}
		if _, err = upstream.Write(c.out); err == nil {
			err = c.readHead(upstream, a)
		}
		if marks = c.watch.enter(busy); marks != 0 {
			return marks, errWatch
		}
		if err == nil || !a.reused || a.begun || !repeatable {
			return 0, err
		}
		c.drop()
		upstream, a.reused = nil, false
	}
}

// idleLink takes an idle link. One that must be alive is looked at first.
func (c *courier) idleLink(alive bool) *link {
	for {
		upstream := c.pass.endpoint.Take()
		if upstream == nil || !alive || isSilent(upstream.Raw) {
			return upstream
		}
		_ = upstream.Close()
	}
}

// drop closes the link, as nobody knows what comes over it next.
func (c *courier) drop() {
	if upstream := c.watch.upstream.Swap(nil); upstream != nil {
		_ = upstream.Close()
	}
}

// readHead reads the head of the answer and passes on the ones that come before
// it.
func (c *courier) readHead(upstream *link, a *arrival) error {
	for {
		n, err := upstream.Read(a.buffer[a.n:])
		a.n += n
		a.begun = a.begun || n > 0
		if complete, bad := c.parseHead(a); complete || bad != nil {
			return bad
		}
		switch {
		case err != nil:
			return err
		case a.n == len(a.buffer) && a.n >= maxAnswerHead:
			return errMalformed
		case a.n == len(a.buffer):
			a.buffer = append(make([]byte, 0, 2*a.n), a.buffer...)[:2*a.n]
		}
	}
}

// parseHead says whether the final answer's head is complete.
func (c *courier) parseHead(a *arrival) (complete bool, err error) {
	for a.n > 0 {
		switch c.response.Parse(a.buffer[:a.n]) {
		case wire.Unusual:
			return false, errMalformed
		case wire.Incomplete:
			return false, nil
		case wire.Complete:
		}
		if c.response.Status >= 200 || c.response.Status == http.StatusSwitchingProtocols {
			return true, nil
		}
		if a.interim++; a.interim > maxInterim {
			return false, errMalformed
		}
		if err := c.sendInterim(a); err != nil {
			return false, err
		}
	}
	return false, nil
}

// sendInterim passes an answer of status 1xx on.
func (c *courier) sendInterim(a *arrival) error {
	r := &c.response
	out := c.startAnswer(nil, a.buffer)
	for i := range r.Fields {
		f := &r.Fields[i]
		if name := f.Name.Of(a.buffer); !isHopByHop(name) && !(r.Listing && isListed(a.buffer, r.Fields, name)) {
			out = append(out, f.Line.Of(a.buffer)...)
		}
	}
	out = append(out, "\r\n"...)
	if c.watch.enter(writing) != 0 {
		return errWatch
	}
	_, err := c.client.Write(out)
	if c.watch.enter(awaiting) != 0 {
		return errWatch
	}
	if err != nil {
		return errClientGone
	}
	a.n = copy(a.buffer, a.buffer[r.Size:a.n])
	return nil
}

// blame answers a request that got no answer from its upstream, and counts it
// against whoever is to blame.
func (c *courier) blame(marks uint64, err error) bool {
	switch {
	case marks&gone != 0, errors.Is(err, errClientGone):
		c.finish(meter.ClientAbort)
		return false
	case marks&expired != 0:
		return c.fail(http.StatusGatewayTimeout, meter.Timeout, "the service did not answer in time")
	case errors.Is(err, upstream.ErrFull):
		c.pass.picked = upstream.Full
		return c.fail(http.StatusServiceUnavailable, meter.ConnectError, c.pass.refusal())
	case errors.Is(err, errDial) && c.pass.picked == upstream.Doubtful:
		return c.fail(http.StatusServiceUnavailable, meter.ConnectError, "the service has no healthy endpoint")
	case errors.Is(err, errDial):
		return c.fail(http.StatusBadGateway, meter.ConnectError, "the service cannot be reached")
	case errors.Is(err, errMalformed):
		return c.fail(http.StatusBadGateway, meter.ConnectError, "the service sent a malformed answer")
	case errors.Is(err, errWatch):
		c.finish(meter.ClientAbort) // it did not take an interim answer
		return false
	}
	return c.fail(http.StatusBadGateway, meter.ConnectError, "the service broke off the connection")
}

// fail answers in the proxy's own name.
func (c *courier) fail(status int, class meter.Class, text string) bool {
	text = fmt.Sprintf("%d %s: %s\n", status, http.StatusText(status), text)
	out := fmt.Appendf(c.out[:0], "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nContent-Length: %d\r\nDate: %s\r\n",
		status, http.StatusText(status), len(text), now().UTC().Format(http.TimeFormat))
	out = append(out, c.pass.version.line...)
	if c.pass.picked == upstream.Full {
		out = append(out, "Retry-After: "+retryAfter+"\r\n"...)
	}
	if c.ends() {
		out = append(out, "Connection: close\r\n"...)
	}
	out = append(out, "\r\n"...)
	if string(c.request.Method.Of(c.asked.head)) != http.MethodHead {
		out = append(out, text...)
	}
	c.out = out
	sent := c.send(c.out)
	c.finish(class)
	return sent
}

// ends decides whether the connection ends after this answer.
func (c *courier) ends() bool {
	c.closing = c.closing || c.lane.draining.Load()
	return c.closing
}

// send writes to the client. It is not sent when the client has gone or takes
// nothing.
func (c *courier) send(p []byte) bool {
	if c.watch.enter(writing) != 0 {
		return false
	}
	_, err := c.client.Write(p)
	return c.watch.enter(busy) == 0 && err == nil
}
