package stagger

import "time"

// Balance says how an endpoint is chosen among those of a version.
type Balance string

// The ways to choose.
const (
	// LeastRequest takes the less busy of two drawn at random.
	LeastRequest Balance = "least_request"
	// RoundRobin takes one after the other.
	RoundRobin Balance = "round_robin"
	// RingHash gives every subject the same endpoint while it is well, and the
	// next one while it is full.
	RingHash Balance = "ring_hash"
)

// Outlier says when an endpoint gets no requests for a while because those that
// met it failed, whatever its probes say. The zero value never leaves one out.
type Outlier struct {
	// Consecutive failures in a row leave an endpoint out; zero does not count
	// them.
	Consecutive int `json:"consecutive"`
	// Failures says what counts as one, beside no connection and no answer.
	Failures FailureKind `json:"failures"`
	// Excess is how much higher the share of failures over an Interval must be
	// than at the other endpoints together, and beyond chance; zero does not
	// compare.
	Excess   float64       `json:"excess"`
	Interval time.Duration `json:"interval"`
	// Ejection is how long an endpoint is left out the first time, twice as long
	// the second, and so on up to MaxEjection. An Interval without is one time
	// forgiven.
	Ejection    time.Duration `json:"ejection"`
	MaxEjection time.Duration `json:"max_ejection"`
	// MaxShare is the share of a version's endpoints that may be left out; the
	// last that passes its probes stays in any case.
	MaxShare float64 `json:"max_share"`
}

// On says whether anything is looked at.
func (o Outlier) On() bool { return o.Consecutive > 0 || o.Excess > 0 }

// FailureKind says which answers are failures of an endpoint.
type FailureKind string

// The kinds.
const (
	ServerErrors  FailureKind = "server_errors"  // every 5xx
	GatewayErrors FailureKind = "gateway_errors" // 502, 503 and 504
)

// EndpointLimits bound what one endpoint gets at once. Beyond them another one
// is taken; when all are full a request is refused. Zero is no limit.
type EndpointLimits struct {
	Requests    int `json:"requests"`
	Connections int `json:"connections"`
}

// DNS says how names of upstreams are followed.
type DNS struct {
	Every time.Duration `json:"every"` // between two look-ups
}

// UpstreamTLS is how https upstreams of a version are spoken to. Files are read
// again when they change.
type UpstreamTLS struct {
	// CA is a file of certificates that sign those of the upstreams; empty takes
	// the system's.
	CA string `json:"ca,omitempty"`
	// Certificate and Key are files that tell who we are, for upstreams that ask.
	Certificate string `json:"certificate,omitempty"`
	Key         string `json:"key,omitempty"`
	// ServerName is whom the upstream's certificate must name; empty takes the
	// host of its URL.
	ServerName string `json:"server_name,omitempty"`
	// HTTP1Only leaves HTTP/2 out, which is taken wherever the upstream offers
	// it.
	HTTP1Only bool `json:"http1_only,omitempty"`
	// InsecureSkipVerify believes every certificate, so that anybody on the way
	// can read and change what passes.
	InsecureSkipVerify bool `json:"insecure_skip_verify,omitempty"`
}

// EndpointStatus is an endpoint of a version as it is now.
type EndpointStatus struct {
	Version  string `json:"version"`
	Address  string `json:"address"`  // host:port, or unix: and a path
	Upstream string `json:"upstream"` // the upstream of the configuration it belongs to

	State EndpointState `json:"state"`
	// Reason says why it is in its state; empty while it is healthy.
	Reason string `json:"reason,omitempty"`

	InFlight    int64 `json:"in_flight"`   // requests
	Connections int64 `json:"connections"` // open, idle ones included
}

// EndpointState says whether an endpoint gets requests.
type EndpointState string

// The states.
const (
	EndpointHealthy   EndpointState = "healthy"
	EndpointWarming   EndpointState = "warming"   // healthy, and at less than its full weight yet
	EndpointUnhealthy EndpointState = "unhealthy" // its probes fail
	EndpointEjected   EndpointState = "ejected"   // its requests failed; it comes back after a while
	EndpointDraining  EndpointState = "draining"  // its name leads elsewhere now; requests under way end
)
