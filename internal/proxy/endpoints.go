package proxy

import (
	"time"

	"github.com/stagger-dev/stagger"
)

// Endpoints tells how the endpoints of a service are now, by version; nil for a
// service that does not exist.
func (p *Proxy) Endpoints(service string) []stagger.EndpointStatus {
	s, _ := p.table.Load().service(service)
	if s == nil {
		return nil
	}
	var all []stagger.EndpointStatus
	now := time.Now()
	for _, v := range s.versions {
		all = append(all, v.pool.Status(now)...)
	}
	return all
}
