package upstream

import (
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger/internal/meter"
)

// Endpoint is one address at which a version runs.
type Endpoint struct {
	place       place
	settings    settings
	credentials *credentials // nil without TLS
	host        *meter.Host

	dialer   *net.Dialer
	carriers atomic.Pointer[carriers]
	links    links // idle connections of the proxy's own transport

	inFlight    atomic.Int64
	most        int64 // of inFlight; zero for any number
	connections atomic.Int64
	past        past

	owner atomic.Pointer[Pool] // it closes the endpoint
}

// carriers are the transports of net/http.
type carriers struct {
	usual *http.Transport
	// single is without HTTP/2, for what wants another protocol instead: nil
	// where usual is without.
	single *http.Transport
}

func newEndpoint(where place, s settings, c *credentials, host *meter.Host) *Endpoint {
	e := &Endpoint{
		place: where, settings: s, host: host, dialer: newDialer(s.connect), links: links{limit: s.idle},
		most: int64(s.limits.Requests),
	}
	if where.speaks == https {
		e.credentials = c
	}
	e.carriers.Store(e.newCarriers())
	// Over HTTP/1.1 there is one request on a connection at a time.
	if most := int64(s.limits.Connections); !e.Multiplexed() && most > 0 && (e.most == 0 || most < e.most) {
		e.most = most
	}
	return e
}

func (e *Endpoint) newCarriers() *carriers {
	switch {
	case e.place.speaks == h2c:
		c := &carriers{usual: e.newTransport(false, false)}
		c.usual.Protocols.SetUnencryptedHTTP2(true)
		return c
	case e.Multiplexed():
		return &carriers{usual: e.newTransport(true, true), single: e.newTransport(true, false)}
	}
	return &carriers{usual: e.newTransport(true, false)}
}

// renew takes new carriers into use. Over HTTP/2 a connection that is never
// idle would last for ever, with the certificates it was made with; the old
// carriers get no more requests, and close it a while after its last.
func (e *Endpoint) renew() {
	e.carriers.Swap(e.newCarriers()).closeIdle()
}

// newTransport returns an upstream client that adds nothing of its own: no
// compression, no redirects, no proxies from the environment.
func (e *Endpoint) newTransport(one, two bool) *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(one)
	protocols.SetHTTP2(two)
	offered := []string{"http/1.1"}
	if two {
		offered = []string{"h2", "http/1.1"}
	}
	return &http.Transport{
		DialContext:            e.dialClear,
		DialTLSContext:         e.dialTLS(offered...),
		Protocols:              &protocols,
		DisableCompression:     true,
		MaxIdleConns:           e.settings.idle,
		MaxIdleConnsPerHost:    e.settings.idle,
		IdleConnTimeout:        time.Minute,
		ResponseHeaderTimeout:  e.settings.response,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 256 << 10,
		WriteBufferSize:        8 << 10,
		ReadBufferSize:         8 << 10,
		HTTP2: &http.HTTP2Config{
			SendPingTimeout: 15 * time.Second,
			PingTimeout:     5 * time.Second,
			// Where connections are bounded, streams wait for each other.
			StrictMaxConcurrentRequests: e.settings.limits.Connections > 0,
		},
	}
}

// Address is what metrics and people call the endpoint: host:port, or unix: and
// a path.
func (e *Endpoint) Address() string { return e.place.title() }

// Scheme and Authority are those of the URL of a request to the endpoint.
func (e *Endpoint) Scheme() string {
	if e.place.speaks == https {
		return "https"
	}
	return "http"
}

// Authority is host:port. A socket has none and is called localhost.
func (e *Endpoint) Authority() string {
	if e.place.network == "unix" {
		return "localhost"
	}
	return e.place.address
}

// Multiplexed says whether requests may share a connection, as over HTTP/2.
func (e *Endpoint) Multiplexed() bool {
	return e.place.speaks == h2c || e.place.speaks == https && !e.settings.tls.HTTP1Only
}

// Upgrades says whether requests may ask for another protocol.
func (e *Endpoint) Upgrades() bool { return e.place.speaks != h2c }

// Host is as whom its requests are counted.
func (e *Endpoint) Host() *meter.Host { return e.host }

// RoundTrip carries one request; its URL must have the endpoint's scheme and
// authority, and its context the trace of Settle.
func (e *Endpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	c := e.carriers.Load()
	if c.single != nil && len(r.Header["Upgrade"]) > 0 {
		return c.single.RoundTrip(r)
	}
	return c.usual.RoundTrip(r)
}

// InFlight is how many requests have picked the endpoint and not released it.
func (e *Endpoint) InFlight() int64 { return e.inFlight.Load() }

// take counts a request, if there may be another.
func (e *Endpoint) take() bool {
	n := e.inFlight.Add(1)
	if e.most > 0 && n > e.most {
		e.inFlight.Add(-1)
		return false
	}
	return true
}

// full says whether a request would be refused.
func (e *Endpoint) full() bool { return e.most > 0 && e.inFlight.Load() >= e.most }

// Release gives back what Pick returned.
func (e *Endpoint) Release() { e.inFlight.Add(-1) }

// closeIdle closes the idle connections of net/http.
func (c *carriers) closeIdle() {
	c.usual.CloseIdleConnections()
	if c.single != nil {
		c.single.CloseIdleConnections()
	}
}

// close drops idle connections and keeps no more links.
func (e *Endpoint) close() {
	e.carriers.Load().closeIdle()
	e.links.close()
}
