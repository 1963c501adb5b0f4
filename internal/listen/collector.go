package listen

import "github.com/prometheus/client_golang/prometheus"

var (
	refusedDesc = prometheus.NewDesc("stagger_connections_refused_total",
		"Connections that were closed before they were let in, by reason.", []string{"listener", "reason"}, nil)
	expiryDesc = prometheus.NewDesc("stagger_certificate_expiry_timestamp_seconds",
		"When a certificate of a listener expires.", []string{"listener", "certificate"}, nil)
	staleDesc = prometheus.NewDesc("stagger_certificate_reload_failed",
		"1 while a listener's newer certificate files cannot be used and the old ones stay.", []string{"listener"}, nil)
)

// Doors are shown as metrics.
type Doors []*Door

// Describe implements prometheus.Collector.
func (Doors) Describe(to chan<- *prometheus.Desc) {
	to <- refusedDesc
	to <- expiryDesc
	to <- staleDesc
}

// Collect implements prometheus.Collector.
func (ds Doors) Collect(to chan<- prometheus.Metric) {
	for _, d := range ds {
		if d.Preface != Off || d.Identity != nil {
			for i, why := range reasons {
				to <- prometheus.MustNewConstMetric(refusedDesc, prometheus.CounterValue, float64(d.refused[i].Load()), d.Name, string(why))
			}
		}
		if d.Identity == nil {
			continue
		}
		now := d.Identity.current.Load()
		for _, l := range now.leaves {
			to <- prometheus.MustNewConstMetric(expiryDesc, prometheus.GaugeValue, float64(l.until.Unix()), d.Name, l.pair.Certificate)
		}
		stale := 0.0
		if now.stale {
			stale = 1
		}
		to <- prometheus.MustNewConstMetric(staleDesc, prometheus.GaugeValue, stale, d.Name)
	}
}
