package proxy

import "github.com/stagger-dev/stagger/internal/distinct"

// Crowd returns a sketch of the subjects that met the candidate of a rollout
// since this process began; nil where that is not the rollout whose split the
// service followed last.
func (p *Proxy) Crowd(service, rollout string) *distinct.Sketch {
	s, _ := p.table.Load().service(service)
	if s == nil || s.crowd == nil || s.crowd.Rollout() != rollout {
		return nil
	}
	return s.crowd.Sketch()
}
