package proxy

import (
	"net/http"
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

// Look carries a request of Stagger's own to an endpoint, named as Endpoints
// names it. It is counted nowhere.
func (p *Proxy) Look(service, version, address string, r *http.Request) (*http.Response, error) {
	if s, _ := p.table.Load().service(service); s != nil {
		if v := s.version(version); v != nil {
			for _, e := range v.pool.Endpoints() {
				if e.Address() == address {
					return e.Look(r)
				}
			}
		}
	}
	return nil, refuse(stagger.CodeNotFound, "service %q, version %q has no endpoint %s", service, version, address)
}
