package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/stagger-dev/stagger"
)

// endpoints shows the endpoints of all versions as metrics.
type endpoints struct {
	services func() []stagger.Service
	of       func(service string) []stagger.EndpointStatus
}

var (
	endpointLabels     = []string{"service", "version", "endpoint"}
	endpointHealthy    = prometheus.NewDesc("stagger_endpoint_healthy", "1 while the endpoint passes its probes.", endpointLabels, nil)
	endpointEjected    = prometheus.NewDesc("stagger_endpoint_ejected", "1 while the endpoint is left out because its requests failed.", endpointLabels, nil)
	endpointInFlight   = prometheus.NewDesc("stagger_endpoint_in_flight_requests", "Requests under way at the endpoint.", endpointLabels, nil)
	endpointConnection = prometheus.NewDesc("stagger_endpoint_connections", "Connections open to the endpoint, idle ones included.", endpointLabels, nil)
)

// Describe implements prometheus.Collector.
func (endpoints) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{endpointHealthy, endpointEjected, endpointInFlight, endpointConnection} {
		to <- d
	}
}

// Collect implements prometheus.Collector. Who only drains may have the address
// of somebody who is there, and is left out.
func (c endpoints) Collect(to chan<- prometheus.Metric) {
	for _, s := range c.services() {
		for _, e := range c.of(s.Name) {
			if e.State == stagger.EndpointDraining {
				continue
			}
			to <- gauge(endpointHealthy, asNumber(e.State != stagger.EndpointUnhealthy), s.Name, e.Version, e.Address)
			to <- gauge(endpointEjected, asNumber(e.State == stagger.EndpointEjected), s.Name, e.Version, e.Address)
			to <- gauge(endpointInFlight, float64(e.InFlight), s.Name, e.Version, e.Address)
			to <- gauge(endpointConnection, float64(e.Connections), s.Name, e.Version, e.Address)
		}
	}
}

func asNumber(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
