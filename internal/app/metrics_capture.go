package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/stagger-dev/stagger/internal/proxy"
)

// captures tells of captures under way.
type captures struct{ proxy *proxy.Proxy }

var capturedDesc = prometheus.NewDesc("stagger_capture_requests",
	"Requests that the capture of the service under way has chosen so far, by what became of them: kept, dropped, skipped.",
	[]string{"service", "outcome"}, nil)

// Describe implements prometheus.Collector.
func (captures) Describe(to chan<- *prometheus.Desc) { to <- capturedDesc }

// Collect implements prometheus.Collector.
func (c captures) Collect(to chan<- prometheus.Metric) {
	for _, one := range c.proxy.Captures() {
		for outcome, n := range map[string]uint64{"kept": one.Kept, "dropped": one.Dropped, "skipped": one.Skipped} {
			to <- gauge(capturedDesc, float64(n), one.Service, outcome)
		}
	}
}
