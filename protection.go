package stagger

import "time"

// Retries says when a request is sent again after an attempt that failed. The
// zero value sends nothing again, but for what was sent over a connection that
// the upstream had closed already.
//
// A version is judged by the first attempt of every request, whatever becomes
// of it later.
type Retries struct {
	// Attempts bounds how often one request is sent, the first time included;
	// below 2 there are no retries.
	Attempts int `json:"attempts"`
	// On says which failures are worth another attempt.
	On []RetryOn `json:"on,omitempty"`
	// Methods may be repeated beside those that are idempotent (RFC 9110,
	// section 9.2.2): GET, HEAD, OPTIONS, TRACE, PUT and DELETE. A request of
	// which nothing was sent may be repeated whatever its method.
	Methods []string `json:"methods,omitempty"`
	// Budget is how many retries there may be per request, over ten seconds: 0.2
	// is a fifth.
	Budget float64 `json:"budget"`
	// Least is how many retries a second the budget never forbids.
	Least float64 `json:"least"`
}

// RetryOn is a failure that is worth another attempt.
type RetryOn string

// The failures. A status is the one the upstream answered with.
const (
	RetryOnConnect RetryOn = "connect" // the upstream was not reached, nothing was sent
	RetryOnBroken  RetryOn = "broken"  // it broke off before it answered
	RetryOnTimeout RetryOn = "timeout" // it did not answer in time
	RetryOn429     RetryOn = "429"
	RetryOn500     RetryOn = "500"
	RetryOn502     RetryOn = "502"
	RetryOn503     RetryOn = "503"
	RetryOn504     RetryOn = "504"
)

// Circuit says when a version, or one of its endpoints, gets no more requests
// because those before failed, and how it is tried again. The zero value never
// opens.
type Circuit struct {
	// Consecutive failures in a row open it, of a version as many for each of its
	// endpoints; zero does not count them.
	Consecutive int `json:"consecutive"`
	// Rate is the share of failures within Window that opens it, once Least
	// requests were seen; zero does not look at it.
	Rate   float64       `json:"rate"`
	Window time.Duration `json:"window"`
	Least  int           `json:"least"`
	// Open is how long it lets nothing through.
	Open time.Duration `json:"open"`
	// Probes are let through after that, at most so many at once; when all of
	// them succeed it closes, when one fails it opens again.
	Probes int `json:"probes"`
}

// Concurrency bounds how many requests a version has at once by what it bears:
// the limit follows the latency, and beyond it requests are refused by
// priority. The zero value bounds nothing.
type Concurrency struct {
	Adaptive bool `json:"adaptive"`
	// Min and Max bound the limit.
	Min int `json:"min"`
	Max int `json:"max"`
	// PriorityHeader is a request header that tells the priority, believed from
	// Trusted only, which are networks such as 10.0.0.0/8.
	PriorityHeader string   `json:"priority_header,omitempty"`
	Trusted        []string `json:"trusted,omitempty"`
}

// Deadline says where requests carry how long their client waits. Such a
// request is not sent once that is over, and the upstream is told what is left.
// gRPC's own grpc-timeout is read wherever a header is named. The zero value
// reads nothing.
type Deadline struct {
	// Header holds a duration with a unit, such as 1.5s, or milliseconds without
	// one.
	Header string `json:"header"`
}

// Priority is who is refused last when a version has more requests than it
// bears. Empty is normal.
type Priority string

// The priorities.
const (
	PriorityCritical Priority = "critical"
	PriorityNormal   Priority = "normal"
	PriorityLow      Priority = "low"
)

// Degrade says what the users of a route get when the service fails them. At
// most one is set; the zero value tells the failure.
type Degrade struct {
	// Static is an answer that is always the same.
	Static *StaticAnswer `json:"static,omitempty"`
	// Cached is the last good answer to the same request.
	Cached *CachedAnswer `json:"cached,omitempty"`
	// Drop refuses the route at once while the service is in trouble, to leave
	// what it bears to the others.
	Drop bool `json:"drop,omitempty"`
	// Accept takes requests of which nothing was sent over to somebody else.
	Accept *AcceptAnswer `json:"accept,omitempty"`
}

// Mode names what is declared, empty for nothing.
func (d Degrade) Mode() string {
	switch {
	case d.Static != nil:
		return "static"
	case d.Cached != nil:
		return "cached"
	case d.Drop:
		return "dropped"
	case d.Accept != nil:
		return "accepted"
	}
	return ""
}

// StaticAnswer is an answer that is always the same.
type StaticAnswer struct {
	Status      int    `json:"status"`
	Body        string `json:"body,omitempty"`
	ContentType string `json:"content_type,omitempty"`
}

// CachedAnswer is how long and how much is remembered for a route.
type CachedAnswer struct {
	For      time.Duration `json:"for"`       // the age up to which an answer is given
	MaxBytes int           `json:"max_bytes"` // of all answers together
}

// AcceptAnswer is who takes a request when the service does not: its body is
// posted to Hook, and the client gets 202 when that answers with 2xx.
type AcceptAnswer struct {
	Hook string `json:"hook"` // an http URL
}

// Strain is how a version bears its traffic now, as the proxy sees it.
type Strain struct {
	Version string `json:"version"`
	// Circuit is "closed", "open" or "probing"; empty where none is declared.
	Circuit string `json:"circuit,omitempty"`
	// Why is what opened it.
	Why string `json:"why,omitempty"`
	// InFlight requests are under way of at most Limit; Limit is 0 where the
	// concurrency is not bounded.
	InFlight int `json:"in_flight"`
	Limit    int `json:"limit"`
	// Saturation is the most of the limit that was in use within the last
	// seconds: 0 idle, 1 saturated.
	Saturation float64 `json:"saturation"`
}

// Degraded tells that users of a route get less than they came for.
type Degraded struct {
	Route  string    `json:"route"`
	Mode   string    `json:"mode"`   // static, cached, dropped or accepted
	Reason string    `json:"reason"` // the failure of the last such request
	Since  time.Time `json:"since"`  // the first of them
	Last   time.Time `json:"last"`   // the most recent
	Count  uint64    `json:"count"`  // since then
}
