package proxy

import (
	"net/http"
	"sync"
	"time"

	"github.com/stagger-dev/stagger/internal/circuit"
	"github.com/stagger-dev/stagger/internal/cohort"
	"github.com/stagger-dev/stagger/internal/limiter"
	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/retry"
	"github.com/stagger-dev/stagger/internal/upstream"
)

// failure is how an attempt failed, while nothing of its answer was passed on.
type failure struct {
	cause  retry.Cause
	class  meter.Class
	status int    // of the upstream's answer, or of the proxy's
	text   string // of the proxy's answer
	reason reason // of cause Refused
}

// reason is why the proxy did not let a request through.
type reason uint8

const (
	noEndpoint reason = iota
	circuitOpen
	overload
	deadlineOver
	dropped
	full
	reasons = iota
)

// reasonNames are the values of the label "reason".
var reasonNames = [reasons]string{"endpoint", "circuit", "overload", "deadline", "dropped", "full"}

// refusals are the failures that go with the reasons. A request that its version
// was not asked because it fails, or cannot take more, is one that the version
// failed; one that came too late is its client's.
var refusals = [reasons]failure{
	noEndpoint:   {retry.Refused, meter.ConnectError, http.StatusServiceUnavailable, "the service has no endpoint", noEndpoint},
	circuitOpen:  {retry.Refused, meter.ConnectError, http.StatusServiceUnavailable, "the service fails and is left alone for a moment", circuitOpen},
	overload:     {retry.Refused, meter.ConnectError, http.StatusServiceUnavailable, "the service has more requests than it bears", overload},
	deadlineOver: {retry.Refused, meter.ClientAbort, http.StatusGatewayTimeout, "the time the client gave is over", deadlineOver},
	dropped:      {retry.Refused, meter.ConnectError, http.StatusServiceUnavailable, "this is switched off while the service is in trouble", dropped},
	full:         {retry.Refused, meter.ConnectError, http.StatusServiceUnavailable, "every endpoint of the service is full", full},
}

// care is what a request of a protected service has beyond its pass.
//
// Invariants: a version is judged by the first attempt, or by the refusal of
// it, and by nothing that happens later; every lease that was taken is ended
// once.
type care struct {
	traffic  *traffic
	route    *route
	first    *version // whom the request was meant for
	subject  uint64
	priority limiter.Priority
	deadline deadline
	refusal  *failure    // why there is no attempt; nil while there is one
	judged   bool        // the first attempt has ended
	class    meter.Class // as which
	sent     int         // attempts begun
	kind     meter.Attempt
	lease    lease
	held     bool // the lease has not ended
}

var cares = sync.Pool{New: func() any { return new(care) }}

// lease is what one attempt holds of a version.
type lease struct {
	version  *version
	endpoint *upstream.Endpoint
	picked   upstream.Picked
	begun    time.Time
	ticket   circuit.Ticket
	host     *breaker
	admitted circuit.Ticket // by host
}

// protect takes care of a request that begins.
func (p *pass) protect(t *traffic, r *route, a cohort.Attributes, subject uint64, now time.Time) {
	c, _ := cares.Get().(*care)
	*c = care{traffic: t, route: r, first: p.version, subject: subject}
	p.care = c
	s := t.shield
	s.budget.earn(now)
	c.priority = s.priority(r, a)
	c.deadline = s.deadlineOf(a, now)
	switch {
	case c.deadline.over(now):
		c.refuse(deadlineOver)
		return
	case s.routes[r.index].drop && p.version.guard.troubled(now) && !c.coveredBy(t.baseline, now):
		c.refuse(dropped)
		return
	}
	l, why := p.version.take(now, c, nil)
	if why != nil {
		c.refuse(why.reason)
		return
	}
	p.follow(l)
}

// coveredBy says whether the baseline can answer for a candidate in trouble, so
// that there is no need to drop anything.
func (c *care) coveredBy(baseline *version, now time.Time) bool {
	return c.traffic.shield.fallback && c.first != baseline && !baseline.guard.troubled(now)
}

func (c *care) refuse(r reason) {
	c.refusal = &refusals[r]
	c.first.guard.refused[r].Add(1)
}

// follow makes a lease the request's attempt.
func (p *pass) follow(l lease) {
	c := p.care
	c.lease, c.held, c.refusal = l, true, nil
	c.sent++
	p.version, p.endpoint, p.picked, p.status = l.version, l.endpoint, l.picked, 0
}

// take lets a request pass to a version: its circuit, its limit, an endpoint and
// that one's circuit. avoid is the endpoint that failed just now.
func (v *version) take(now time.Time, c *care, avoid *upstream.Endpoint) (lease, *failure) {
	l := lease{version: v, begun: now}
	var ok bool
	if l.ticket, ok = v.guard.circuit.admit(now); !ok {
		return l, &refusals[circuitOpen]
	}
	if !v.guard.limit.enter(now, c.priority) {
		v.guard.circuit.end(now, l.ticket, circuit.Unknown)
		return l, &refusals[overload]
	}
	if why := l.pick(now, c.subject, avoid); why != nil {
		v.guard.limit.leave()
		v.guard.circuit.end(now, l.ticket, circuit.Unknown)
		return l, why
	}
	return l, nil
}

// pick finds an endpoint that is not left alone; not the one to avoid, if there
// is another.
func (l *lease) pick(now time.Time, subject uint64, avoid *upstream.Endpoint) *failure {
	g := l.version.guard
	if g.circuit == nil && avoid == nil {
		l.endpoint, l.picked = l.version.pool.Pick(subject)
		return l.without()
	}
	resting := func(e *upstream.Endpoint) bool { return !g.host(e.Address()).may(now) }
	l.endpoint, l.picked = l.version.pool.PickOther(subject, func(e *upstream.Endpoint) bool { return e == avoid || resting(e) })
	if l.endpoint == nil && avoid != nil {
		l.endpoint, l.picked = l.version.pool.PickOther(subject, resting)
	}
	if l.endpoint == nil {
		return l.without()
	}
	l.host = g.host(l.endpoint.Address())
	var ok bool
	if l.admitted, ok = l.host.admit(now); !ok { // the last probe was taken just now
		l.endpoint.Release()
		return &refusals[circuitOpen]
	}
	return nil
}

// without says why there is no endpoint, if there is none.
func (l *lease) without() *failure {
	switch {
	case l.endpoint != nil:
		return nil
	case l.picked == upstream.Full:
		return &refusals[full]
	case len(l.version.pool.Endpoints()) > 0:
		return &refusals[circuitOpen]
	}
	return &refusals[noEndpoint]
}

// end tells how the attempt ended. The endpoint is given back by whoever holds
// the pass.
func (l *lease) end(now time.Time, class meter.Class) {
	r := resultOf(class)
	l.host.end(now, l.admitted, r)
	l.version.guard.circuit.end(now, l.ticket, r)
	l.version.guard.limit.leave()
}

// heard learns that an answer began. A failure may be quick because nothing was
// done, so it says nothing of the time that work takes.
func (p *pass) heard(now time.Time, class meter.Class) {
	if c := p.care; c != nil && c.held && (!class.Failed() || class == meter.Timeout) {
		c.lease.version.guard.limit.heard(now, now.Sub(c.lease.begun))
	}
}

// refused returns why there is no attempt to make.
func (p *pass) refused() failure {
	switch {
	case p.care != nil && p.care.refusal != nil:
		return *p.care.refusal
	case p.picked == upstream.Full:
		return refusals[full]
	}
	return refusals[noEndpoint]
}

// next prepares another attempt after one that failed, if there may be one, and
// says so. whole tells that the request can be sent again from its beginning.
// The attempt that failed has ended then; otherwise nothing has happened.
func (p *pass) next(now time.Time, f failure, method string, whole bool) bool {
	c := p.care
	if c == nil || !whole || c.deadline.over(now) || !f.class.Failed() && f.cause != retry.Answered {
		return false
	}
	to, kind := c.another(now, f, method)
	if to == nil {
		return false
	}
	l, why := to.take(now, c, c.lease.endpoint)
	if why != nil {
		return false
	}
	p.settle(now, f.class)
	if p.endpoint != nil {
		p.endpoint.Release()
	}
	c.kind = kind
	p.follow(l)
	return true
}

// another returns who is asked next, nil for nobody. The baseline is asked
// rather than the candidate again: it is the surest answer there is.
func (c *care) another(now time.Time, f failure, method string) (*version, meter.Attempt) {
	s, t := c.traffic.shield, c.traffic
	if s.fallback && c.first != t.baseline && c.lease.version != t.baseline && f.class.Failed() &&
		f.reason != dropped && (f.cause.Unsent() || retry.Safe(method)) {
		return t.baseline, meter.Fallback
	}
	if c.held && s.retries.Allows(c.sent, method, f.cause, f.status) && s.budget.spend(now) {
		return c.lease.version, meter.Retry
	}
	return nil, 0
}

// settle ends the attempt that is under way. The first one, or its refusal, is
// what the version is judged by.
func (p *pass) settle(now time.Time, class meter.Class) {
	c := p.care
	held := c.held
	if c.held = false; held {
		if class == meter.Timeout {
			c.lease.version.guard.limit.heard(now, now.Sub(c.lease.begun))
		}
		c.lease.end(now, class)
		if p.picked != upstream.Full {
			p.endpoint.Report(upstream.OutcomeOf(class, p.status))
		}
	}
	switch {
	case !c.judged:
		c.judged, c.class = true, class
		p.sample.End(now, class)
	case held:
		c.lease.version.series[c.route.index].Attempt(c.kind, class)
	}
}

// finish ends the sample; class is how the request ended for its user.
func (p *pass) finish(now time.Time, class meter.Class) {
	c := p.care
	if c == nil {
		p.sample.End(now, class)
		return
	}
	if c.held || !c.judged {
		p.settle(now, class)
	}
	c.first.series[c.route.index].Deliver(c.class, class)
}

// free gives the endpoint of the last attempt back, and the care.
func (p *pass) free() {
	if p.endpoint != nil {
		p.endpoint.Release()
	}
	*p.care = care{}
	cares.Put(p.care)
	p.care = nil
}
