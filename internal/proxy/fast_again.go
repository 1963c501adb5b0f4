package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/mirror"
	"github.com/stagger-dev/stagger/internal/proxy/wire"
	"github.com/stagger-dev/stagger/internal/retry"
	"github.com/stagger-dev/stagger/internal/upstream"
)

// carries says whether a request may stay here: one of a protected service is
// whole, so that it can be sent again, and its answer is not remembered.
func (c *courier) carries(t *traffic, r *route, here int) bool {
	if t.shield == nil {
		return true
	}
	return c.request.Length <= int64(here) && t.shield.routes[r.index].memory == nil
}

// protect tells the watch how long a protected request may take.
func (c *courier) protect() {
	if d := c.pass.care.deadline; !d.at.IsZero() {
		c.watch.until.Store(instant(d.at))
	}
}

// patience is how long an upstream may take to accept.
func (c *courier) patience() time.Duration {
	most := c.traffic.timeouts.Connect
	if c.pass.care != nil && !c.pass.care.deadline.at.IsZero() {
		most = max(min(most, time.Until(c.pass.care.deadline.at)), time.Millisecond)
	}
	return most
}

// tells says whether a field holds the client's deadline, which is told anew.
func (c *courier) tells(name []byte) bool {
	care := c.pass.care
	return care != nil && !care.deadline.at.IsZero() && wire.Same(name, care.deadlineField())
}

// tellDeadline adds what is left of it.
func (c *courier) tellDeadline(out []byte) []byte {
	care := c.pass.care
	if care == nil || care.deadline.at.IsZero() {
		return out
	}
	out = append(out, care.deadlineField()...)
	out = append(out, ": "...)
	out = append(out, care.deadline.left(time.Now())...)
	return append(out, "\r\n"...)
}

// weigh looks at the head of an answer to a protected request. It is true when
// the answer is passed over: there is another attempt, or something better.
//
// It is called while the link is read, so whoever asked puts that away.
func (c *courier) weigh() bool {
	now, status := time.Now(), c.response.Status
	c.pass.status = status
	f := failure{cause: retry.Answered, class: meter.ClassOf(status), status: status}
	c.pass.heard(now, f.class)
	if !f.class.Failed() && status != http.StatusTooManyRequests {
		return false
	}
	a, old := &c.arrival, c.pass.endpoint
	if c.pass.next(now, f, view(c.request.Method.Of(c.asked.head)), true) {
		a.over = old
		return true
	}
	if a.instead = c.pass.instead(now, f, c.inquiry()); a.instead == nil {
		return false
	}
	c.pass.settle(now, f.class)
	a.over = old
	return true
}

// passOver puts the link of an answer away that nobody gets, and says whether
// there is another attempt.
func (c *courier) passOver() (again bool) {
	a, r := &c.arrival, &c.response
	body := c.contentOf()
	if n, ok := body.take(a.buffer[r.Size:a.n]); !ok || !body.ended || r.Size+n < a.n || r.Close || body.framed == byClosing {
		c.drop()
	} else if one := c.watch.upstream.Swap(nil); one != nil {
		a.over.Put(one, *c.lane.clock.Load())
	}
	return a.instead == nil
}

// again prepares another attempt after one that got no answer.
func (c *courier) again(f failure) bool {
	return c.pass.next(time.Now(), f, view(c.request.Method.Of(c.asked.head)), true)
}

// resend writes the request anew.
func (c *courier) resend() {
	head, r := c.asked.head, &c.request
	c.outbound(head, int(min(max(r.Length, 0), int64(len(head)-r.Size))))
}

// giveUp answers a request that failed for good.
func (c *courier) giveUp(f failure) bool {
	now := time.Now()
	if r := c.pass.instead(now, f, c.inquiry()); r != nil {
		c.pass.settle(now, f.class)
		return c.reply(r)
	}
	return c.fail(f.status, f.class, f.text)
}

// inquiry is the request as degrading looks at it. What is made of it may
// outlive the bytes that were read.
func (c *courier) inquiry() request {
	if c.pass.care == nil {
		return request{}
	}
	head, r := c.asked.head, &c.request
	return request{
		Attributes: &c.asked,
		method:     string(r.Method.Of(head)), host: string(r.Host.Of(head)), target: string(r.Target.Of(head)),
		body: func() ([]byte, bool) { return append([]byte(nil), head[r.Size:r.Size+int(max(r.Length, 0))]...), true },
	}
}

// reply answers in the place of an upstream.
func (c *courier) reply(r *reply) bool {
	if c.copying != nil { // there is no answer to compare with
		c.copying.copy.Drop(mirror.Unanswered)
		c.copying = nil
	}
	out := fmt.Appendf(c.out[:0], "HTTP/1.1 %d %s\r\n", r.status, http.StatusText(r.status))
	for _, f := range r.header {
		out = fmt.Appendf(out, "%s: %s\r\n", f.name, f.value)
	}
	if r.status != http.StatusNoContent {
		out = fmt.Appendf(out, "Content-Length: %d\r\n", len(r.body))
	}
	out = fmt.Appendf(out, "Date: %s\r\n", now().UTC().Format(http.TimeFormat))
	if c.ends() {
		out = append(out, "Connection: close\r\n"...)
	}
	out = append(out, "\r\n"...)
	if !c.headless && r.status != http.StatusNoContent && r.status != http.StatusNotModified {
		out = append(out, r.body...)
	}
	c.out = out
	sent := c.send(c.out)
	c.finish(meter.ClassOf(r.status))
	return sent
}

// failure says how a request failed that got no answer from its upstream; lost
// when it is not the upstream's fault and nobody is there to be told.
func (c *courier) failure(marks uint64, err error) (f failure, lost bool) {
	switch {
	case marks&gone != 0, errors.Is(err, errClientGone), c.lane.cutting.Load():
		return failure{}, true
	case c.pass.care != nil && c.pass.care.deadline.over(time.Now()):
		return failDeadline, false
	case marks&expired != 0:
		return failLate, false
	case errors.Is(err, upstream.ErrFull):
		c.pass.picked = upstream.Full
		return failFull, false
	case errors.Is(err, errDial) && c.pass.picked == upstream.Doubtful:
		return failUnhealthy, false
	case errors.Is(err, errDial):
		return failUnreachable, false
	case errors.Is(err, errMalformed):
		return failAnswer, false
	}
	return failBroken, false
}

// putAway is where the endpoint of an answer that is passed over is kept.
type putAway struct {
	over    *upstream.Endpoint // whose answer it is
	instead *reply             // what the client gets, nil for another attempt
}
