package proxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"syscall"

	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/proxy/wire"
)

// What an upstream may do wrong.
var (
	errMalformed = errors.New("the upstream's answer is malformed")
	errWatch     = errors.New("the watch has ended the wait")
	errDial      = errors.New("the upstream cannot be reached")
)

// maxAnswerHead bounds the head of an answer.
const maxAnswerHead = 256 << 10

// exchange passes on the request that is in out and its answer back. It is
// false when the client's connection must end, as the answer did not come
// through whole.
func (c *courier) exchange() bool {
	for {
		var f failure
		lost := false
		if c.pass.endpoint == nil {
			f = c.pass.refused()
		} else {
			marks, err := c.ask()
			switch {
			case err == nil && c.arrival.over == nil:
				return c.conclude()
			case err == nil && c.passOver():
				c.resend()
				continue
			case err == nil:
				return c.reply(c.arrival.instead)
			}
			c.drop()
			f, lost = c.failure(marks, err)
		}
		switch {
		case lost:
			c.finish(meter.ClientAbort)
			return false
		case !c.again(f):
			return c.giveUp(f)
		}
		c.resend()
	}
}

// ask sends the request and takes in the answer. A link that was idle may have
// been closed by the upstream just then; a request that may be repeated gets
// another one, once.
func (c *courier) ask() (marks uint64, err error) {
	reused, err := c.link()
	for err == nil {
		c.arrival.begin(reused)
		if marks, err = c.trade(); err == nil || marks != 0 || !reused || c.arrival.begun || !c.repeatable {
			return marks, err
		}
		c.drop()
		reused, err = false, c.connect()
	}
	return 0, err
}

// link finds a link to the upstream, an idle one if there is any. For a request
// that cannot be repeated it must look alive.
func (c *courier) link() (reused bool, err error) {
	for {
		upstream := c.pass.endpoint.Take()
		if upstream == nil {
			return false, c.connect()
		}
		if c.repeatable || isSilent(upstream.Raw) {
			c.watch.upstream.Store(upstream)
			return true, nil
		}
		_ = upstream.Close()
	}
}

// connect makes a new link.
func (c *courier) connect() error {
	upstream, err := c.pass.endpoint.Connect(c.patience())
	if err != nil {
		return fmt.Errorf("%w: %w", errDial, err)
	}
	c.watch.upstream.Store(upstream)
	return nil
}

// drop closes the link, as nobody knows what comes over it next.
func (c *courier) drop() {
	if upstream := c.watch.upstream.Swap(nil); upstream != nil {
		_ = upstream.Close()
	}
}

// trade sends what is in out and takes in the answer, inside a single Read of
// the link. An answer whose head came is no error here, whatever became of it.
func (c *courier) trade() (marks uint64, err error) {
	a := &c.arrival
	if marks = c.watch.enter(awaiting); marks != 0 {
		return marks, errWatch
	}
	err = c.watch.upstream.Load().Raw.Read(c.onTurn)
	if a.complete {
		if err != nil && a.class == whole {
			a.class = c.blameWatch()
		}
		return 0, nil
	}
	if err == nil {
		err = a.err
	}
	if a.marks != 0 {
		return a.marks, errWatch
	}
	switch marks = c.watch.enter(busy); {
	case marks&hungUp != 0:
		return 0, io.EOF
	case marks != 0:
		return marks, errWatch
	}
	return 0, err
}

// turn is called first to send and then whenever the upstream may have sent
// something. Nothing of the answer can have come before the request was sent, so
// no news of it is lost to the Read that began just before.
func (c *courier) turn(fd uintptr) (end bool) {
	a := &c.arrival
	if !a.sent {
		a.sent = true
		a.err = c.sendUp(fd, c.out)
		return a.err != nil
	}
	for {
		// An answer is often whole after one read. If not, its end may have come
		// together with these bytes, and the kernel tells of that no more.
		n, errno := read(fd, a.space())
		if errno == syscall.EAGAIN {
			return false
		}
		if c.arrived(n, errno) {
			return true
		}
	}
}

// sendUp writes to the upstream.
func (c *courier) sendUp(fd uintptr, p []byte) error {
	n, errno := write(fd, p)
	switch {
	case n == len(p):
		return nil
	case errno != 0 && errno != syscall.EAGAIN:
		return errno
	}
	_, err := c.watch.upstream.Load().Write(p[n:])
	return err
}

// arrived takes in what was read of the upstream. It is true when nothing more
// is to be read.
func (c *courier) arrived(n int, errno syscall.Errno) (end bool) {
	a := &c.arrival
	a.n += n
	a.begun = a.begun || n > 0
	if a.complete {
		return c.arrivedMore(n, errno)
	}
	complete, err := c.parseHead(a)
	switch {
	case err != nil:
		a.err = err
		return true
	case complete:
		return c.beginAnswer()
	case errno != 0:
		a.err = errno
		return true
	case n == 0:
		a.err = io.EOF
		return true
	case a.n == len(a.buffer) && !a.grow():
		a.err = errMalformed
		return true
	}
	return false
}

// parseHead says whether the final answer's head is complete, and passes on
// the answers that come before it.
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
	if a.marks = c.watch.enter(busy); a.marks != 0 {
		return errWatch
	}
	if !c.send(out) {
		return errClientGone
	}
	if a.marks = c.watch.enter(awaiting); a.marks != 0 {
		return errWatch
	}
	a.n = copy(a.buffer, a.buffer[r.Size:a.n])
	return nil
}

// blame answers a request that got no answer from its upstream, and counts it
// against whoever is to blame.
func (c *courier) blame(marks uint64, err error) bool {
	f, lost := c.failure(marks, err)
	if lost {
		c.finish(meter.ClientAbort)
		return false
	}
	return c.fail(f.status, f.class, f.text)
}

// fail answers in the proxy's own name.
func (c *courier) fail(status int, class meter.Class, text string) bool {
	text = fmt.Sprintf("%d %s: %s\n", status, http.StatusText(status), text)
	out := fmt.Appendf(c.out[:0], "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nContent-Length: %d\r\nDate: %s\r\n",
		status, http.StatusText(status), len(text), now().UTC().Format(http.TimeFormat))
	out = append(out, c.pass.version.line...)
	if c.pass.mayPass() {
		out = append(out, "Retry-After: "+retryAfter+"\r\n"...)
	}
	if c.ends() {
		out = append(out, "Connection: close\r\n"...)
	}
	out = append(out, "\r\n"...)
	if !c.headless {
		out = append(out, text...)
	}
	c.out = out
	sent := c.send(c.out)
	c.finish(class)
	return sent
}

// ends decides whether the connection ends after this answer.
func (c *courier) ends() bool {
	c.closing = c.closing || c.lane.draining.Load() || c.lane.proxy.leaving.Load()
	return c.closing
}

// send writes to the client. It is not sent when the client has gone or takes
// nothing.
func (c *courier) send(p []byte) bool {
	n, errno := write(c.fd, p)
	return n == len(p) || c.sendRest(errno, p[n:])
}

// sendBoth writes a and then b, without copying either.
func (c *courier) sendBoth(a, b []byte) bool {
	n, errno := writeBoth(c.fd, a, b)
	switch {
	case n == len(a)+len(b):
		return true
	case n >= len(a):
		return c.sendRest(errno, b[n-len(a):])
	}
	return c.sendRest(errno, a[n:]) && c.send(b)
}

// sendRest waits for the client to take the rest.
func (c *courier) sendRest(errno syscall.Errno, p []byte) bool {
	if errno != 0 && errno != syscall.EAGAIN || c.watch.enter(writing) != 0 {
		return false
	}
	_, err := c.client.Write(p)
	return c.watch.enter(busy) == 0 && err == nil
}
