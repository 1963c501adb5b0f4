package stagger

import "time"

// Service is what clients call. It has versions and one data plane.
type Service struct {
	Name     string    `json:"name"`
	Baseline string    `json:"baseline"` // the version trusted when nothing else is recorded
	Listener string    `json:"listener"` // the listener that serves it
	Routes   []Route   `json:"routes"`
	Versions []Version `json:"versions"`
	Health   Health    `json:"health"`
	Timeouts Timeouts  `json:"timeouts"`
	// Metrics says where endpoints tell of themselves.
	Metrics Metrics `json:"metrics,omitzero"`
	// VersionHeader names the response header that tells the version; empty turns it off.
	VersionHeader string `json:"version_header,omitempty"`

	// Balance says how an endpoint is chosen; empty is LeastRequest.
	Balance Balance `json:"balance,omitempty"`
	Outlier Outlier `json:"outlier,omitzero"`
	// SlowStart is how long the weight of an endpoint grows that was added or
	// has come back; zero gives it its full weight at once.
	SlowStart time.Duration  `json:"slow_start,omitzero"`
	Limits    EndpointLimits `json:"limits,omitzero"`
	DNS       DNS            `json:"dns,omitzero"`

	Retries     Retries     `json:"retries,omitzero"`
	Circuit     Circuit     `json:"circuit,omitzero"`
	Concurrency Concurrency `json:"concurrency,omitzero"`
	Deadline    Deadline    `json:"deadline,omitzero"`
	// Fallback answers from the baseline when the candidate fails a request that
	// may be repeated. The failure still counts against the candidate.
	Fallback bool `json:"fallback,omitempty"`

	StatusPage StatusPage `json:"status_page,omitzero"`
}

// Version returns the named version.
func (s Service) Version(name string) (Version, bool) {
	for _, v := range s.Versions {
		if v.Name == name {
			return v, true
		}
	}
	return Version{}, false
}

// Route says which requests belong to a service. An empty host matches every
// host; "*.example.org" matches one label or more before it. Path is a prefix
// that ends at a segment border: "/api" matches "/api" and "/api/x", not "/apis".
// The most specific route wins: exact host before wildcard before any, then
// the longest path.
type Route struct {
	Name string `json:"name"`
	Host string `json:"host,omitempty"`
	Path string `json:"path"`
	// Title is what users call what the route leads to, on the status page;
	// empty is its name.
	Title string `json:"title,omitempty"`

	Priority Priority `json:"priority,omitempty"`
	Degrade  Degrade  `json:"degrade,omitzero"`
}

// Version is one deployable build or state of a service.
type Version struct {
	Name string `json:"name"`
	// Upstreams are base URLs: http://host:port, https://host:port, h2c://host:port
	// for cleartext HTTP/2 (gRPC), unix:///path of a socket, and with srv+ before
	// one of the first three and a name instead of host and port whatever the SRV
	// records of that name say.
	Upstreams []string    `json:"upstreams"`
	TLS       UpstreamTLS `json:"tls,omitzero"`
}

// Health says how endpoints are probed. An endpoint is taken out after
// Unhealthy failures in a row and back in after Healthy successes in a row.
type Health struct {
	Path      string        `json:"path,omitempty"` // empty: a TCP connection is enough
	Interval  time.Duration `json:"interval"`
	Timeout   time.Duration `json:"timeout"`
	Healthy   int           `json:"healthy"`
	Unhealthy int           `json:"unhealthy"`
}

// Timeouts bound a request on its way to an upstream.
type Timeouts struct {
	Connect  time.Duration `json:"connect"`  // until the upstream accepts
	Response time.Duration `json:"response"` // until its response header arrives
	Idle     time.Duration `json:"idle"`     // between two pieces of a body; bounds streams and upgrades
}

// Metrics says where each endpoint exposes its own metrics, as Prometheus text,
// for guardrails that name one. The zero value is nowhere.
type Metrics struct {
	Path    string        `json:"path"`    // of the URL, with its query if it needs one
	Every   time.Duration `json:"every"`   // between two readings
	Timeout time.Duration `json:"timeout"` // until a reading has failed
}
