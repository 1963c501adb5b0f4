package proxy

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// trouble is what clients, or the machine, did to the proxy and no version is to
// blame for: bounded, survived and counted.
type trouble uint8

// The troubles.
const (
	notAccepted trouble = iota // a connection, as there was no descriptor left or the like
	malformedRequest
	slowHead // a head that did not come in time, over the own transport
	panicked // a mistake of ours, in one request
	troubles = iota
)

// troubleNames are the values of the label "kind".
var troubleNames = [troubles]string{"not_accepted", "malformed", "slow_head", "panic"}

// tallies counts the troubles of one proxy.
type tallies [troubles]atomic.Uint64

var troubleDesc = prometheus.NewDesc("stagger_proxy_troubles_total",
	"What went wrong before or beside any version, by kind.", []string{"kind"}, nil)

func (t *tallies) collect(to chan<- prometheus.Metric) {
	for kind, name := range troubleNames {
		to <- counter(troubleDesc, t[kind].Load(), name)
	}
}
