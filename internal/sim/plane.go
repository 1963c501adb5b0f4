package sim

import (
	"context"
	"sync"

	"github.com/stagger-dev/stagger"
)

// Plane is a data plane with one split per service.
type Plane struct {
	// Fault, when set, says how the next call goes.
	Fault func() Fault
	// Applied, when set, is told of every split that comes into force and of
	// the one before.
	Applied func(before, now stagger.Split)
	// Dead holds the versions without a healthy endpoint.
	Dead map[string]bool

	mu     sync.Mutex // guards the rest
	splits map[string]stagger.Split
	start  map[string]string
	fails  bool // the last call did
}

// NewPlane returns a data plane on which each service meets its baseline.
func NewPlane(baselines map[string]string) *Plane {
	p := &Plane{Dead: map[string]bool{}, start: baselines}
	p.Restart()
	return p
}

// Restart forgets every split, as a proxy that is started anew does.
func (p *Plane) Restart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.splits = map[string]stagger.Split{}
	for service, baseline := range p.start {
		p.splits[service] = stagger.Split{Service: service, Baseline: baseline}
	}
}

// Split returns what is in force.
func (p *Plane) Split(service string) stagger.Split {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.splits[service]
}

// Apply brings s into force.
func (p *Plane) Apply(ctx context.Context, s stagger.Split) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	fault := p.fault()
	if err := ctx.Err(); err != nil || fault == Refuses {
		return errDown
	}
	before := p.splits[s.Service]
	p.splits[s.Service] = s
	if p.Applied != nil {
		p.Applied(before, s)
	}
	if fault == Forgetful {
		return errDown
	}
	return nil
}

// Current returns what is in force.
func (p *Plane) Current(_ context.Context, service string) (stagger.Split, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault() != Works {
		return stagger.Split{}, errDown
	}
	return p.splits[service], nil
}

// Can says that this data plane can do everything.
func (p *Plane) Can() stagger.Abilities {
	return stagger.Abilities{Precision: 1, Sticky: true, Header: true, Cookie: true, Claim: true}
}

// Ready says whether a version is not dead.
func (p *Plane) Ready(_, version string) bool { return !p.Dead[version] }

func (p *Plane) fault() Fault {
	fault := Works
	if p.Fault != nil {
		fault = p.Fault()
	}
	p.fails = fault != Works
	return fault
}
