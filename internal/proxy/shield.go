package proxy

import (
	"net/http"
	"net/netip"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/cohort"
	"github.com/stagger-dev/stagger/internal/limiter"
	"github.com/stagger-dev/stagger/internal/retry"
)

// shield is what a service declares to protect its users. A service that
// declares nothing has none, and its requests know nothing of all this. It
// outlives changes of the table, and reloads that do not change it.
type shield struct {
	declared protection
	retries  retry.Rule
	budget   *budget // nil without retries
	fallback bool
	deadline string
	header   string // of the priority
	trusted  []netip.Prefix
	routes   []refuge // by the index of the route
}

// protection is the part of a service that makes its shield.
type protection struct {
	Retries     stagger.Retries
	Circuit     stagger.Circuit
	Concurrency stagger.Concurrency
	Deadline    stagger.Deadline
	Fallback    bool
	Routes      []stagger.Route
}

func protectionOf(s stagger.Service) protection {
	return protection{s.Retries, s.Circuit, s.Concurrency, s.Deadline, s.Fallback, s.Routes}
}

// any says whether anything is declared.
func (p protection) any() bool {
	for _, r := range p.Routes {
		if r.Degrade.Mode() != "" {
			return true
		}
	}
	return p.Retries.Attempts > 1 || p.Circuit.Consecutive > 0 || p.Circuit.Rate > 0 ||
		p.Concurrency.Adaptive || p.Deadline.Header != "" || p.Fallback
}

// newShield returns nil when nothing is declared, and the one before when it is
// still what is declared.
func newShield(s stagger.Service, before *shield) (*shield, error) {
	declared := protectionOf(s)
	if !declared.any() {
		return nil, nil //nolint:nilnil // no shield is what most services have
	}
	if before != nil && reflect.DeepEqual(before.declared, declared) {
		return before, nil
	}
	one := &shield{
		declared: declared, retries: retry.NewRule(s.Retries), fallback: s.Fallback,
		deadline: http.CanonicalHeaderKey(s.Deadline.Header), header: http.CanonicalHeaderKey(s.Concurrency.PriorityHeader),
	}
	if s.Retries.Attempts > 1 {
		one.budget = newBudget(s.Retries)
	}
	for _, network := range s.Concurrency.Trusted {
		prefix, err := netip.ParsePrefix(network)
		if err != nil {
			return nil, refuse(stagger.CodeInvalid, "service %q: %q is not a network", s.Name, network)
		}
		one.trusted = append(one.trusted, prefix)
	}
	one.routes = make([]refuge, len(s.Routes))
	for i, r := range s.Routes {
		one.routes[i].set(s.Name, r)
	}
	return one, nil
}

// priority is the route's, or what a trusted client says.
func (s *shield) priority(r *route, a cohort.Attributes) limiter.Priority {
	p := s.routes[r.index].priority
	if s.header == "" {
		return p
	}
	told, ok := limiter.ParsePriority(a.Header(s.header))
	if !ok {
		return p
	}
	address, err := netip.ParseAddr(a.Address())
	if err != nil {
		return p
	}
	for _, network := range s.trusted {
		if network.Contains(address.Unmap()) {
			return told
		}
	}
	return p
}

// guard keeps one version from more than it bears. Both parts may be nil.
type guard struct {
	circuit *breaker
	limit   *limit
	rule    stagger.Circuit
	hosts   sync.Map // *breaker of each endpoint, by its address
	known   atomic.Int32
	refused [reasons]atomic.Uint64
}

// newGuard takes a row of failures at the version to be one at each of its
// endpoints: a single bad one is left alone by itself.
func newGuard(s stagger.Service, endpoints int) *guard {
	whole := s.Circuit
	whole.Consecutive *= max(endpoints, 1)
	return &guard{circuit: newBreaker(whole), limit: newLimit(s.Concurrency), rule: s.Circuit}
}

// maxHosts bounds the circuits of endpoints that come and go.
const maxHosts = 4096

// host returns the circuit of an endpoint, nil when none is declared.
func (g *guard) host(address string) *breaker {
	if g.circuit == nil {
		return nil
	}
	if b, ok := g.hosts.Load(address); ok {
		return b.(*breaker) //nolint:errcheck,forcetypeassert // nothing else is in there
	}
	if g.known.Add(1) > maxHosts {
		g.hosts.Clear()
		g.known.Store(1)
	}
	b, _ := g.hosts.LoadOrStore(address, newBreaker(g.rule))
	return b.(*breaker) //nolint:errcheck,forcetypeassert // nothing else is in there
}

// troubled says whether the version does not bear its requests now.
func (g *guard) troubled(now time.Time) bool { return !g.circuit.closed() || g.limit.strained(now) }

// budget is a retry.Budget that earns without a lock.
type budget struct {
	requests tally

	mu   sync.Mutex
	core retry.Budget
}

func newBudget(r stagger.Retries) *budget {
	return &budget{requests: tally{every: time.Second}, core: retry.Budget{Share: r.Budget, Least: r.Least}}
}

// earn counts a request.
func (b *budget) earn(now time.Time) {
	if b == nil || !b.requests.add(now) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.core.Earn(now, b.requests.take())
}

// spend says whether there may be one more retry.
func (b *budget) spend(now time.Time) bool {
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.core.Earn(now, b.requests.take())
	return b.core.Spend(now)
}
