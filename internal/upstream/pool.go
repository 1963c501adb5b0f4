package upstream

import (
	"cmp"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/meter"
)

// Pool is the endpoints of one version. It outlives changes of the table, and
// reloads that do not change it.
type Pool struct {
	service, version string
	upstreams        []string
	health           stagger.Health
	timeouts         stagger.Timeouts
	endpoints        []*Endpoint
	plain            bool

	mu      sync.Mutex // serialises changes of healthy
	healthy atomic.Pointer[[]*Endpoint]

	stop func() // ends probing; nil until it began
}

// Endpoint is one upstream.
type Endpoint struct {
	address   string // host:port
	h2c       bool
	transport *http.Transport
	host      *meter.Host // as which its requests are counted
	inFlight  atomic.Int64
	links     links // idle connections of the proxy's own transport
}

// New returns the pool of a version, not yet probed. Of each endpoint at most
// idle connections are kept; the timeouts of s must be filled in.
func New(s stagger.Service, v stagger.Version, idle int) (*Pool, error) {
	p := &Pool{
		service: s.Name, version: v.Name, upstreams: v.Upstreams,
		health: health(s.Health), timeouts: s.Timeouts, plain: true,
	}
	for _, upstream := range v.Upstreams {
		target, err := Parse(upstream)
		if err != nil {
			return nil, err
		}
		p.plain = p.plain && !target.H2C
		p.endpoints = append(p.endpoints, &Endpoint{
			address: target.Address, h2c: target.H2C, transport: newTransport(p.timeouts, target.H2C, idle), links: links{limit: idle},
		})
	}
	p.healthy.Store(new([]*Endpoint))
	p.nameHosts()
	return p, nil
}

func health(h stagger.Health) stagger.Health {
	h.Interval = orDefault(h.Interval, 2*time.Second)
	h.Timeout = orDefault(h.Timeout, time.Second)
	h.Healthy = orDefault(h.Healthy, 2)
	h.Unhealthy = orDefault(h.Unhealthy, 3)
	return h
}

// orDefault returns v, or def when v is not positive.
func orDefault[T int | time.Duration](v, def T) T { return cmp.Or(max(v, 0), def) }

// nameHosts has the endpoints counted by their addresses.
func (p *Pool) nameHosts() {
	names := make([]string, 0, len(p.endpoints))
	for _, e := range p.endpoints {
		names = append(names, e.address)
	}
	for i, host := range meter.Hosts(names) {
		p.endpoints[i].host = host
	}
}

// newTransport returns an upstream client that adds nothing of its own: no
// compression, no redirects, no proxies from the environment.
func newTransport(t stagger.Timeouts, h2c bool, idle int) *http.Transport {
	dialer := &net.Dialer{Timeout: t.Connect, KeepAlive: 15 * time.Second}
	var protocols http.Protocols
	protocols.SetHTTP1(!h2c)
	protocols.SetUnencryptedHTTP2(h2c)
	return &http.Transport{
		DialContext:            dialer.DialContext,
		Protocols:              &protocols,
		DisableCompression:     true,
		MaxIdleConns:           idle,
		MaxIdleConnsPerHost:    idle,
		IdleConnTimeout:        time.Minute,
		ResponseHeaderTimeout:  t.Response,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 256 << 10,
		WriteBufferSize:        8 << 10,
		ReadBufferSize:         8 << 10,
		HTTP2: &http.HTTP2Config{
			SendPingTimeout: 15 * time.Second,
			PingTimeout:     5 * time.Second,
		},
	}
}

// Address is where the endpoint is, host:port.
func (e *Endpoint) Address() string { return e.address }

// Multiplexed says whether requests share a connection, as over HTTP/2.
func (e *Endpoint) Multiplexed() bool { return e.h2c }

// Host is as whom its requests are counted.
func (e *Endpoint) Host() *meter.Host { return e.host }

// RoundTrip carries one request; its URL must have the endpoint's address.
func (e *Endpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	return e.transport.RoundTrip(r)
}

// InFlight is how many requests have picked the endpoint and not released it.
func (e *Endpoint) InFlight() int64 { return e.inFlight.Load() }

// Release gives back what Pick returned.
func (e *Endpoint) Release() { e.inFlight.Add(-1) }

// Serves says whether p is what s and v ask for. The timeouts of s must be
// filled in.
func (p *Pool) Serves(s stagger.Service, v stagger.Version) bool {
	return p.service == s.Name && p.version == v.Name && slices.Equal(p.upstreams, v.Upstreams) &&
		p.health == health(s.Health) && p.timeouts == s.Timeouts
}

// Plain says whether every endpoint speaks HTTP/1.1 in the clear, over a Link.
func (p *Pool) Plain() bool { return p.plain }

// Ready says whether any endpoint is healthy.
func (p *Pool) Ready() bool { return len(*p.healthy.Load()) > 0 }

// Endpoints returns all endpoints, in no order that matters.
func (p *Pool) Endpoints() []*Endpoint { return p.endpoints }

// Pick takes the less busy of two endpoints drawn at random among the healthy
// ones; while none is healthy, among all, as the probes may be wrong. It
// returns nil if there are no endpoints. The caller gives it back by Release.
func (p *Pool) Pick() (_ *Endpoint, healthy bool) {
	among := *p.healthy.Load()
	healthy = len(among) > 0
	if !healthy {
		among = p.endpoints
	}
	var e *Endpoint
	switch n := len(among); n {
	case 0:
		return nil, false
	case 1:
		e = among[0]
	default:
		e = lessBusy(among, n)
	}
	e.inFlight.Add(1)
	return e, healthy
}

func lessBusy(among []*Endpoint, n int) *Endpoint {
	i := rand.IntN(n)
	k := rand.IntN(n - 1)
	if k >= i {
		k++ // two different ones
	}
	if among[k].inFlight.Load() < among[i].inFlight.Load() {
		return among[k]
	}
	return among[i]
}

// set records whether an endpoint is healthy, and says whether that is new.
func (p *Pool) set(e *Endpoint, healthy bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := *p.healthy.Load()
	if slices.Contains(now, e) == healthy {
		return false
	}
	next := make([]*Endpoint, 0, len(p.endpoints))
	for _, o := range p.endpoints {
		if o == e && healthy || o != e && slices.Contains(now, o) {
			next = append(next, o)
		}
	}
	p.healthy.Store(&next)
	return true
}

// Close ends probing and drops idle connections. Requests under way keep
// theirs.
func (p *Pool) Close() {
	if p.stop != nil {
		p.stop()
		p.stop = nil
	}
	for _, e := range p.endpoints {
		e.transport.CloseIdleConnections()
		e.links.close()
	}
}
