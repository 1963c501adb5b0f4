package proxy

import (
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

// pool is the endpoints of one version. It outlives changes of the table, and
// reloads that do not change it.
type pool struct {
	service, version string
	upstreams        []string
	health           stagger.Health
	timeouts         stagger.Timeouts
	endpoints        []*endpoint

	mu      sync.Mutex // serialises changes of healthy
	healthy atomic.Pointer[[]*endpoint]

	stop func() // ends probing; nil until it began
}

// endpoint is one upstream.
type endpoint struct {
	address   string // host:port
	h2c       bool
	transport *http.Transport
	host      *meter.Host // as which its requests are counted
	inFlight  atomic.Int64
	links     links // idle connections of the proxy's own transport
}

func newPool(s stagger.Service, v stagger.Version, idle int) (*pool, error) {
	p := &pool{
		service: s.Name, version: v.Name, upstreams: v.Upstreams,
		health: health(s.Health), timeouts: timeouts(s.Timeouts),
	}
	for _, upstream := range v.Upstreams {
		address, h2c, err := parseUpstream(upstream)
		if err != nil {
			return nil, err
		}
		p.endpoints = append(p.endpoints, &endpoint{
			address: address, h2c: h2c, transport: newTransport(p.timeouts, h2c, idle), links: links{limit: idle},
		})
	}
	p.healthy.Store(new([]*endpoint))
	p.nameHosts()
	return p, nil
}

// nameHosts has the endpoints counted by their addresses.
func (p *pool) nameHosts() {
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

// serves says whether p is what s and v ask for.
func (p *pool) serves(s stagger.Service, v stagger.Version) bool {
	return p.service == s.Name && p.version == v.Name && slices.Equal(p.upstreams, v.Upstreams) &&
		p.health == health(s.Health) && p.timeouts == timeouts(s.Timeouts)
}

// ready says whether any endpoint is healthy.
func (p *pool) ready() bool { return len(*p.healthy.Load()) > 0 }

// pick takes the less busy of two endpoints drawn at random among the healthy
// ones; while none is healthy, among all, as the probes may be wrong. It
// returns nil if there are no endpoints. The caller gives it back by lowering
// inFlight.
func (p *pool) pick() (_ *endpoint, healthy bool) {
	among := *p.healthy.Load()
	healthy = len(among) > 0
	if !healthy {
		among = p.endpoints
	}
	var e *endpoint
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

func lessBusy(among []*endpoint, n int) *endpoint {
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
func (p *pool) set(e *endpoint, healthy bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := *p.healthy.Load()
	if slices.Contains(now, e) == healthy {
		return false
	}
	next := make([]*endpoint, 0, len(p.endpoints))
	for _, o := range p.endpoints {
		if o == e && healthy || o != e && slices.Contains(now, o) {
			next = append(next, o)
		}
	}
	p.healthy.Store(&next)
	return true
}

// close ends probing and drops idle connections. Requests under way keep
// theirs.
func (p *pool) close() {
	if p.stop != nil {
		p.stop()
		p.stop = nil
	}
	for _, e := range p.endpoints {
		e.transport.CloseIdleConnections()
		e.links.close()
	}
}
