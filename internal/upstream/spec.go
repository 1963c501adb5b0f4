package upstream

import (
	"cmp"
	"reflect"
	"time"

	"github.com/stagger-dev/stagger"
)

// Spec is what a pool is made from. As long as it is the same, the pool is.
type Spec struct {
	Service, Version string
	Upstreams        []string

	health    stagger.Health
	balance   stagger.Balance
	outlier   stagger.Outlier
	slowStart time.Duration
	every     time.Duration // between two look-ups of names
	settings  settings
}

// settings are those of connections: an endpoint is another one when they
// change.
type settings struct {
	connect, response time.Duration
	tls               stagger.UpstreamTLS
	limits            stagger.EndpointLimits
	idle              int // connections kept at most
}

// SpecOf says what a version of a service wants; idle connections are kept up
// to a number per endpoint. The timeouts of s must be filled in; what else it
// leaves open takes its default.
func SpecOf(s stagger.Service, v stagger.Version, idle int) Spec {
	return Spec{
		Service: s.Name, Version: v.Name, Upstreams: v.Upstreams,
		health:    health(s.Health),
		balance:   cmp.Or(s.Balance, stagger.LeastRequest),
		outlier:   outlier(s.Outlier),
		slowStart: s.SlowStart,
		every:     orDefault(s.DNS.Every, 30*time.Second),
		settings: settings{
			connect: s.Timeouts.Connect, response: s.Timeouts.Response,
			tls: v.TLS, limits: s.Limits, idle: idle,
		},
	}
}

func health(h stagger.Health) stagger.Health {
	h.Interval = orDefault(h.Interval, 2*time.Second)
	h.Timeout = orDefault(h.Timeout, time.Second)
	h.Healthy = orDefault(h.Healthy, 2)
	h.Unhealthy = orDefault(h.Unhealthy, 3)
	return h
}

func outlier(o stagger.Outlier) stagger.Outlier {
	if !o.On() {
		return stagger.Outlier{}
	}
	o.Failures = cmp.Or(o.Failures, stagger.ServerErrors)
	o.Interval = orDefault(o.Interval, 10*time.Second)
	o.Ejection = orDefault(o.Ejection, 30*time.Second)
	o.MaxEjection = orDefault(o.MaxEjection, 5*time.Minute)
	o.MaxShare = cmp.Or(max(o.MaxShare, 0), 0.5)
	return o
}

// orDefault returns v, or def when v is not positive.
func orDefault[T int | time.Duration](v, def T) T { return cmp.Or(max(v, 0), def) }

func (s Spec) equal(t Spec) bool { return reflect.DeepEqual(s, t) }
