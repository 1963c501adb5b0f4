package upstream

import (
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger/internal/balance"
	"github.com/stagger-dev/stagger/internal/meter"
)

// Pool is the endpoints of one version. It outlives changes of the table, and
// reloads that do not change its Spec.
//
// Requests read one immutable view behind an atomic pointer; everything else
// holds mu and makes another view.
type Pool struct {
	spec        Spec
	sources     []*source
	resolver    Resolver
	credentials *credentials // nil where no upstream has TLS
	log         *slog.Logger

	view atomic.Pointer[view]
	turn atomic.Uint64 // of round robin

	mu       sync.Mutex // guards the rest, and the sources
	members  []*member
	leaving  []*Endpoint
	outliers *balance.Outliers[*Endpoint] // nil when the rule is off
	swept    time.Time                    // when outliers were last compared
	begin    func(*member)                // starts to probe; nil while not watched
	stop     func()                       // ends everything that was started

	stir chan struct{} // wakes what tends the pool
	ask  chan struct{} // wakes what looks names up
}

// source is one upstream of the configuration, and where it leads.
type source struct {
	target target
	found  []found
	err    error // of the last look-up
}

// member is an endpoint of a pool.
type member struct {
	endpoint *Endpoint
	upstream string // as the configuration writes it
	weight   uint64
	priority uint16

	known  bool // it was probed, or was known before
	well   bool
	reason string    // why it is not
	warm   time.Time // its weight grows from here on

	end func() // ends its probes; nil while there are none
}

// New returns a pool, not yet probed. Endpoints that old has too are kept with
// their connections and all that is known of them; old may be nil. Names are
// looked up by Probe, with r.
func New(s Spec, old *Pool, r Resolver) (*Pool, error) {
	if r == nil {
		r = net.DefaultResolver
	}
	p := &Pool{
		spec: s, resolver: r, log: slog.New(slog.DiscardHandler),
		stir: make(chan struct{}, 1), ask: make(chan struct{}, 1),
	}
	if s.outlier.On() {
		p.outliers = balance.NewOutliers[*Endpoint](s.outlier)
	}
	for _, upstream := range s.Upstreams {
		t, err := parse(upstream)
		if err != nil {
			return nil, err
		}
		one := &source{target: t}
		if !t.named() {
			one.found = []found{{place: t.fixed(), weight: whole}}
		}
		p.sources = append(p.sources, one)
	}
	if err := p.believe(old); err != nil {
		return nil, err
	}
	p.inherit(old)
	return p, nil
}

// believe reads the certificates, unless they were read already.
func (p *Pool) believe(old *Pool) error {
	if !slices.ContainsFunc(p.sources, func(s *source) bool { return s.target.speaks == https }) {
		return nil
	}
	if old != nil && old.credentials != nil && old.spec.settings.tls == p.spec.settings.tls {
		p.credentials = old.credentials
		return nil
	}
	c, err := newCredentials(p.spec.settings.tls)
	if err != nil {
		return fmt.Errorf("version %q: %w", p.spec.Version, err)
	}
	p.credentials = c
	return nil
}

// inherit takes over from old what is the same here.
func (p *Pool) inherit(old *Pool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var before []*member
	if old != nil {
		old.mu.Lock()
		defer old.mu.Unlock()
		before = old.members
		for _, s := range p.sources {
			if i := slices.IndexFunc(old.sources, func(o *source) bool { return o.target == s.target }); i >= 0 {
				s.found = old.sources[i].found
			}
		}
		if p.outliers != nil {
			for _, m := range before {
				p.outliers.Learn(m.endpoint, old.outliers)
			}
		}
	}
	p.members = p.arranged(before)
	for _, m := range p.members {
		m.end = nil // the probes are those of old
	}
	p.refresh(time.Now())
}

// arranged returns the members that the sources ask for, with those that were
// there before as they are.
func (p *Pool) arranged(before []*member) []*member {
	var wanted []*member
	var places []place
	var names []string
	for _, s := range p.sources {
		for _, f := range s.found {
			if slices.Contains(places, f.place) {
				continue // two upstreams lead there
			}
			places, names = append(places, f.place), append(names, f.place.title())
			wanted = append(wanted, &member{upstream: s.target.text, weight: f.weight, priority: f.priority})
		}
	}
	hosts := meter.Hosts(names)
	for i, m := range wanted {
		if old := sameAs(before, places[i], p.spec.settings); old != nil {
			m.endpoint, m.known, m.well, m.reason, m.warm, m.end = old.endpoint, old.known, old.well, old.reason, old.warm, old.end
			continue
		}
		m.endpoint, m.reason = newEndpoint(places[i], p.spec.settings, p.credentials, hosts[i]), "it was not probed yet"
		m.endpoint.owner.Store(p)
	}
	return wanted
}

func sameAs(members []*member, where place, with settings) *member {
	for _, m := range members {
		if m.endpoint.place == where && m.endpoint.settings == with {
			return m
		}
	}
	return nil
}

// Serves says whether p is what s asks for.
func (p *Pool) Serves(s Spec) bool { return p.spec.equal(s) }

// Plain says whether every endpoint speaks HTTP/1.1 in the clear, over a Link.
func (p *Pool) Plain() bool {
	return !slices.ContainsFunc(p.sources, func(s *source) bool { return s.target.speaks != plain })
}

// Ready says whether any endpoint is healthy.
func (p *Pool) Ready() bool { return p.view.Load().well }

// Endpoints returns all endpoints, in no order that matters.
func (p *Pool) Endpoints() []*Endpoint { return p.view.Load().all }

// Rest closes the links of all endpoints that have been idle for too long.
func (p *Pool) Rest(now time.Time) {
	for _, e := range p.Endpoints() {
		e.links.rest(now)
	}
}

// Close ends what Watch began and drops idle connections. Requests under way
// keep theirs, and so do endpoints that another pool has taken over.
func (p *Pool) Close() {
	p.mu.Lock()
	stop := p.stop
	p.stop, p.begin = nil, nil
	p.mu.Unlock()
	if stop != nil {
		stop()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members {
		m.end, m.known = nil, false
		if m.endpoint.owner.Load() == p {
			m.endpoint.close()
		}
	}
	for _, e := range p.leaving {
		e.close()
	}
	p.leaving = nil
}
