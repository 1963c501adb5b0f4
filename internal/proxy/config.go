package proxy

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/listen"
	"github.com/stagger-dev/stagger/internal/mirror"
	"github.com/stagger-dev/stagger/internal/upstream"
	"github.com/stagger-dev/stagger/internal/whence"
)

// Config is what a Proxy is made from.
type Config struct {
	Listeners []Listener
	Services  []stagger.Service
	Limits    Limits
	// NetHTTP sends everything through net/http. It means the same as the
	// proxy's own transport for plain HTTP/1.1 and costs more; tests hold one
	// against the other.
	NetHTTP bool
	// Resolver looks up the names of upstreams; nil is the system's.
	Resolver upstream.Resolver
	// Mirror carries copies of requests; nil where none are ever made. Whoever
	// made it starts and stops it.
	Mirror *mirror.Mirror
}

// Listener takes requests in: HTTP/1.1, and HTTP/2 by ALPN over TLS and with
// prior knowledge without.
type Listener struct {
	Name    string
	Address string // host:port, port 0 takes any free one; or unix:/a/path
	// Door is where it comes in, when there is more to say of that than Address;
	// nil otherwise.
	Door *listen.Door
	// Whence says whom to believe about who asks, and how to tell the upstream.
	Whence whence.Rules
	// RedirectHTTPS, when it is not zero, is the port at which clients that ask
	// without TLS are sent to ask again.
	RedirectHTTPS int
}

// Limits bound what clients can make the proxy hold. A zero value takes the
// default.
type Limits struct {
	Connections   int           // open at once per listener, more wait to be accepted; 16 384
	Streams       int           // requests at once on one HTTP/2 connection; 250
	HeaderBytes   int           // of one request's header, beyond is 431; 64 KiB
	HeaderTimeout time.Duration // until a request's header is complete; 10 s
	KeepAlive     time.Duration // how long a client's connection may idle between requests; 2 min
	Pooled        int           // idle connections kept per upstream; 256
	Drain         time.Duration // how long Stop waits for requests at most; 30 s
}

func (l Limits) withDefaults() Limits {
	l.Connections = orDefault(l.Connections, 16_384)
	l.Streams = orDefault(l.Streams, 250)
	l.HeaderBytes = orDefault(l.HeaderBytes, 64<<10)
	l.HeaderTimeout = orDefault(l.HeaderTimeout, 10*time.Second)
	l.KeepAlive = orDefault(l.KeepAlive, 2*time.Minute)
	l.Pooled = orDefault(l.Pooled, 256)
	l.Drain = orDefault(l.Drain, 30*time.Second)
	return l
}

// timeouts fills in what a service leaves open; nothing waits without end.
func timeouts(t stagger.Timeouts) stagger.Timeouts {
	return stagger.Timeouts{
		Connect:  orDefault(t.Connect, 3*time.Second),
		Response: orDefault(t.Response, 30*time.Second),
		Idle:     orDefault(t.Idle, time.Minute),
	}
}

// orDefault returns v, or def when v is not positive.
func orDefault[T int | time.Duration](v, def T) T { return cmp.Or(max(v, 0), def) }

// checkListeners returns the listeners' indexes by name.
func checkListeners(listeners []Listener) (map[string]int, error) {
	if len(listeners) == 0 {
		return nil, refuse(stagger.CodeInvalid, "the proxy has no listener")
	}
	byName := make(map[string]int, len(listeners))
	for i, l := range listeners {
		if _, taken := byName[l.Name]; taken {
			return nil, refuse(stagger.CodeInvalid, "two listeners are called %q", l.Name)
		}
		byName[l.Name] = i
	}
	return byName, nil
}

// checkService refuses what routing could not work with.
func checkService(s stagger.Service) error {
	if _, ok := s.Version(s.Baseline); !ok {
		return refuse(stagger.CodeInvalid, "service %q has no version %q to be its baseline", s.Name, s.Baseline)
	}
	if p := s.Health.Path; p != "" && !strings.HasPrefix(p, "/") {
		return refuse(stagger.CodeInvalid, "service %q: the health path %q does not begin with a slash", s.Name, p)
	}
	seen := make(map[string]bool, len(s.Versions))
	for _, v := range s.Versions {
		if seen[v.Name] {
			return refuse(stagger.CodeInvalid, "service %q has two versions called %q", s.Name, v.Name)
		}
		seen[v.Name] = true
		for _, one := range v.Upstreams {
			if err := upstream.Check(one); err != nil {
				return refuse(stagger.CodeInvalid, "service %q, version %q: %v", s.Name, v.Name, err)
			}
		}
	}
	return nil
}

// refuse makes an error fit to be shown.
func refuse(code stagger.Code, format string, args ...any) error {
	return &stagger.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
