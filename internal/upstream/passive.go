package upstream

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/balance"
	"github.com/stagger-dev/stagger/internal/meter"
)

// Outcome is what an attempt tells of its endpoint.
type Outcome uint8

// The outcomes.
const (
	Nothing      Outcome = iota // as when the client went away
	Success                     // it answered; 4xx is an answer
	ServerError                 // 5xx, but for
	GatewayError                // 502, 503 and 504
	Unreached                   // no connection, one that broke, or no answer in time
)

// OutcomeOf returns what an attempt tells that ended in a class, with the status
// that the endpoint answered with; zero is none.
func OutcomeOf(class meter.Class, status int) Outcome {
	switch {
	case class == meter.ClientAbort:
		return Nothing
	case class == meter.ConnectError || class == meter.Timeout:
		return Unreached
	case status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout:
		return GatewayError
	case class == meter.ServerError:
		return ServerError
	case status == 0:
		return Nothing
	}
	return Success
}

// past is what became of an endpoint's requests.
type past struct {
	streak   atomic.Int32  // failures in a row
	requests atomic.Uint64 // since outliers were last compared
	failures atomic.Uint64
}

// Report tells the endpoint what became of an attempt. Both transports call it
// once for each.
func (e *Endpoint) Report(o Outcome) {
	p := e.owner.Load()
	if p == nil || o == Nothing {
		return
	}
	if o == Unreached {
		p.lookSoon()
	}
	rule := &p.spec.outlier
	if !rule.On() {
		return
	}
	e.past.requests.Add(1)
	if o == Success || o == ServerError && rule.Failures == stagger.GatewayErrors {
		if e.past.streak.Load() != 0 {
			e.past.streak.Store(0)
		}
		return
	}
	e.past.failures.Add(1)
	if n := e.past.streak.Add(1); rule.Consecutive > 0 && int(n) >= rule.Consecutive {
		e.past.streak.Store(0)
		p.eject(e, fmt.Sprintf("%d requests in a row failed", n))
	}
}

// isOut says whether an endpoint is left out.
func (p *Pool) isOut(e *Endpoint) bool {
	if p.outliers == nil {
		return false
	}
	_, _, out := p.outliers.Out(e)
	return out
}

// eject leaves an endpoint out for a while, if there are others.
func (p *Pool) eject(e *Endpoint, reason string) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.outliers != nil && p.ejectOne(now, e, reason) {
		p.refresh(now)
		wake(p.stir) // it has somebody to bring back
	}
}

func (p *Pool) ejectOne(now time.Time, e *Endpoint, reason string) bool {
	var well []*Endpoint
	for _, m := range p.members {
		if m.well {
			well = append(well, m.endpoint)
		}
	}
	if !p.outliers.Eject(now, e, reason, well, len(p.members)) {
		return false
	}
	until, _, _ := p.outliers.Out(e)
	p.log.Warn("endpoint is left out", "endpoint", e.Address(), "reason", reason, "for", until.Sub(now))
	return true
}

// sweep compares the endpoints' failures with each other and leaves out those
// that stand out.
func (p *Pool) sweep(now time.Time) {
	tallies := make([]balance.Tally, 0, len(p.members))
	for _, m := range p.members {
		past := &m.endpoint.past
		tallies = append(tallies, balance.Tally{Requests: past.requests.Swap(0), Failures: past.failures.Swap(0)})
	}
	p.outliers.Forgive()
	if p.spec.outlier.Excess > 0 {
		for _, i := range balance.Worse(tallies, p.spec.outlier.Excess) {
			p.ejectOne(now, p.members[i].endpoint, balance.Describe(tallies, i))
		}
	}
	p.swept = now
}

// restore brings those back whose time is over, and says when the next comes.
func (p *Pool) restore(now time.Time) time.Time {
	back, next := p.outliers.Return(now, len(p.members))
	for _, e := range back {
		e.past.streak.Store(0)
		for _, m := range p.members {
			if m.endpoint == e {
				m.warm = now
				p.log.Info("endpoint is back", "endpoint", e.Address())
			}
		}
	}
	return next
}

// wake stirs whoever waits, if nobody has yet.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
