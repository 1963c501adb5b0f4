package proxy

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/limiter"
)

// Strain tells how the versions of a service bear their traffic, in the order
// of their names; nil where nothing is declared that would know.
func (p *Proxy) Strain(service string) []stagger.Strain {
	s, _ := p.table.Load().service(service)
	if s == nil || s.shield == nil || s.versions[0].guard.circuit == nil && s.versions[0].guard.limit == nil {
		return nil
	}
	out := make([]stagger.Strain, 0, len(s.versions))
	for _, v := range s.versions {
		out = append(out, v.guard.strain(v.name))
	}
	return out
}

func (g *guard) strain(version string) stagger.Strain {
	s := stagger.Strain{Version: version, Saturation: g.limit.saturation()}
	s.Circuit, s.Why = g.circuit.state()
	if g.limit != nil {
		s.InFlight, s.Limit = int(g.limit.inFlight.Load()), int(g.limit.most.Load())
	}
	return s
}

// Degraded tells which routes of a service give their users less than they came
// for, now or within the last minute.
func (p *Proxy) Degraded(service string) []stagger.Degraded {
	s, _ := p.table.Load().service(service)
	if s == nil || s.shield == nil {
		return nil
	}
	var out []stagger.Degraded
	for i := range s.shield.routes {
		if d, ok := s.shield.routes[i].notice.standing(time.Now()); ok {
			out = append(out, d)
		}
	}
	return out
}

// Tripped returns what opened the circuit of a version; empty while it is
// closed, or there is none.
func (p *Proxy) Tripped(service, version string) string {
	s, _ := p.table.Load().service(service)
	if s == nil {
		return ""
	}
	v := s.version(version)
	if v == nil || v.guard == nil || v.guard.circuit.closed() {
		return ""
	}
	_, why := v.guard.circuit.state()
	return why
}

var (
	circuitDesc = prometheus.NewDesc("stagger_circuit_closed",
		"1 while the circuit of a version lets requests pass, 0 while it is open or tried.", []string{"service", "version"}, nil)
	tripsDesc = prometheus.NewDesc("stagger_circuit_opened_total",
		"How often the circuit of a version opened.", []string{"service", "version"}, nil)
	limitDesc = prometheus.NewDesc("stagger_concurrency_limit",
		"How many requests of a version may be under way at once.", []string{"service", "version"}, nil)
	usedDesc = prometheus.NewDesc("stagger_concurrency_in_flight",
		"How many are.", []string{"service", "version"}, nil)
	saturationDesc = prometheus.NewDesc("stagger_saturation_ratio",
		"The most of the limit that was in use of late: 0 idle, 1 saturated.", []string{"service", "version"}, nil)
	refusedDesc = prometheus.NewDesc("stagger_refused_requests_total",
		"Requests whose version was not asked at first, by reason.", []string{"service", "version", "reason"}, nil)
	shedDesc = prometheus.NewDesc("stagger_shed_requests_total",
		"Attempts refused as a version had enough, by priority.", []string{"service", "version", "priority"}, nil)
	degradedDesc = prometheus.NewDesc("stagger_degraded_answers_total",
		"Answers that a route declares for when its service fails.", []string{"service", "route", "mode"}, nil)
	pausedDesc = prometheus.NewDesc("stagger_paused_requests",
		"Requests that wait as their service is paused.", []string{"service"}, nil)
)

// Collector shows what protects users, and what the proxy bore, as Prometheus
// metrics.
func (p *Proxy) Collector() prometheus.Collector { return collector{p} }

type collector struct{ proxy *Proxy }

// Describe implements prometheus.Collector.
func (collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		circuitDesc, tripsDesc, limitDesc, usedDesc, saturationDesc, refusedDesc, shedDesc, degradedDesc, pausedDesc, troubleDesc,
	} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(to chan<- prometheus.Metric) {
	c.proxy.troubles.collect(to)
	for _, s := range c.proxy.table.Load().services {
		if s.pause != nil {
			to <- gauge(pausedDesc, float64(s.pause.waiting.Load()), s.service.Name)
		}
		if s.shield == nil {
			continue
		}
		for _, v := range s.versions {
			v.guard.collect(to, s.service.Name, v.name)
		}
		for i := range s.shield.routes {
			if r := &s.shield.routes[i]; r.mode != "" {
				to <- counter(degradedDesc, r.notice.answers(), s.service.Name, r.notice.route, r.mode)
			}
		}
	}
}

func (g *guard) collect(to chan<- prometheus.Metric, service, version string) {
	if g.circuit != nil {
		closed := 0.0
		if g.circuit.closed() {
			closed = 1
		}
		to <- gauge(circuitDesc, closed, service, version)
		to <- counter(tripsDesc, g.circuit.trips.Load(), service, version)
	}
	for r, name := range reasonNames {
		to <- counter(refusedDesc, g.refused[r].Load(), service, version, name)
	}
	if g.limit == nil {
		return
	}
	to <- gauge(limitDesc, float64(g.limit.most.Load()), service, version)
	to <- gauge(usedDesc, float64(g.limit.inFlight.Load()), service, version)
	to <- gauge(saturationDesc, g.limit.saturation(), service, version)
	for p := range limiter.Priority(limiter.Priorities) {
		to <- counter(shedDesc, g.limit.refused[p].Load(), service, version, p.String())
	}
}

func gauge(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func counter(d *prometheus.Desc, value uint64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
}
