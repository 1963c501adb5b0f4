package upstream

import (
	"fmt"
	"time"

	"github.com/stagger-dev/stagger"
)

// Status tells how every endpoint is now.
func (p *Pool) Status(now time.Time) []stagger.EndpointStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]stagger.EndpointStatus, 0, len(p.members)+len(p.leaving))
	for _, m := range p.members {
		s := p.statusOf(m.endpoint, m.upstream)
		s.State, s.Reason = p.stateOf(m, now)
		out = append(out, s)
	}
	for _, e := range p.leaving {
		s := p.statusOf(e, "")
		s.State, s.Reason = stagger.EndpointDraining, "its name leads elsewhere now"
		out = append(out, s)
	}
	return out
}

func (p *Pool) statusOf(e *Endpoint, upstream string) stagger.EndpointStatus {
	return stagger.EndpointStatus{
		Version: p.spec.Version, Address: e.Address(), Upstream: upstream,
		InFlight: e.InFlight(), Connections: e.connections.Load(),
	}
}

func (p *Pool) stateOf(m *member, now time.Time) (stagger.EndpointState, string) {
	switch {
	case !m.well:
		return stagger.EndpointUnhealthy, m.reason
	case p.isOut(m.endpoint):
		until, reason, _ := p.outliers.Out(m.endpoint)
		return stagger.EndpointEjected, fmt.Sprintf("%s; back in %s", reason, max(0, until.Sub(now)).Round(time.Second))
	case now.Sub(m.warm) < p.spec.slowStart:
		return stagger.EndpointWarming, fmt.Sprintf("at full weight in %s", (p.spec.slowStart - now.Sub(m.warm)).Round(time.Second))
	}
	return stagger.EndpointHealthy, ""
}
