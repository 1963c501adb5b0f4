package stagger

import "time"

// Observation is what one version did on one route with the requests that
// started in one interval. Observations of the same interval add up across
// proxies, and those of one version across time.
//
// It is sealed a fixed age after the interval's end: what had not finished by
// then is Unfinished, whatever became of it later.
type Observation struct {
	Service string    `json:"service"`
	Version string    `json:"version"`
	Route   string    `json:"route"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	// Started counts first attempts, retries apart.
	Started    uint64    `json:"started"`
	Unfinished uint64    `json:"unfinished"`
	Outcomes   Outcomes  `json:"outcomes"`
	Latency    Histogram `json:"latency"` // of finished requests, aborts left out
	// FirstFailed counts the failures that were the first of their subject
	// in the last ten minutes or so.
	FirstFailed uint64 `json:"first_failed,omitempty"`
	// Groups split the requests by subject into Groups many parts, at random
	// but the same ones all the time: how unalike the parts are tells how far
	// requests depend on each other. Nil where it was not measured.
	Groups []Group `json:"groups,omitempty"`
	// Proxy names who counted, where proxies need not share a split or a mix
	// of traffic; each is then compared within itself. Empty where they do.
	Proxy string `json:"proxy,omitempty"`
	// Hosts split the requests by the endpoint that they were sent to, by name;
	// those that could be sent to none are in none. Nil where it was not measured.
	Hosts []Host `json:"hosts,omitempty"`
	// Arrived counts subjects that were never seen before under this split's
	// seed and whose version the weight alone decided: each once, ever.
	Arrived uint64 `json:"arrived,omitempty"`
	// Senders count subjects by how many requests each sent within one whole
	// minute, on any route, in the observation of the subject's first request
	// and of the interval that ends the minute. A subject is counted in one
	// minute of ten.
	Senders []Senders `json:"senders,omitempty"`
	// Counts and Gauges are what else was measured of the version in the
	// interval, by metric; in the observation of its first route.
	Counts []Count `json:"counts,omitempty"`
	Gauges []Gauge `json:"gauges,omitempty"`
	// Shadow is what comparing its answers to mirrored requests found, of which
	// nothing is in any other figure; in the observation of its first route. Nil
	// where nothing was compared.
	Shadow *Shadowed `json:"shadow,omitempty"`
}

// Groups is how many parts the requests of a version are split into.
const Groups = 16

// GroupSteps is how many buckets of HistogramSchema one bucket of a group's
// histogram spans: it grows by the factor 2^(1/2).
const GroupSteps = 16

// Group is what one part of the subjects met.
type Group struct {
	Started     uint64 `json:"started"`
	Unfinished  uint64 `json:"unfinished,omitempty"`
	Failed      uint64 `json:"failed,omitempty"`
	FirstFailed uint64 `json:"first_failed,omitempty"`
	// Latency has bucket indexes that are multiples of GroupSteps.
	Latency Histogram `json:"latency"`
}

// Host is what one endpoint of a version met, as a Group has it; FirstFailed
// is not counted.
type Host struct {
	Name string `json:"name"`
	Group
}

// Senders are the subjects that sent as many requests as each other.
type Senders struct {
	Requests uint64         `json:"requests"` // of each, at least
	Subjects [Groups]uint64 `json:"subjects"` // how many, by group
}

// Count is how often something happened in an interval: a counter's increase.
type Count struct {
	Metric string `json:"metric"`
	N      uint64 `json:"n"`
}

// Gauge is a level that one instance reported in an interval.
type Gauge struct {
	Metric   string  `json:"metric"`
	Instance string  `json:"instance,omitempty"`
	Value    float64 `json:"value"`
}

// Outcomes counts finished requests by class.
type Outcomes struct {
	Informational uint64 `json:"1xx,omitempty"` // 101 Switching Protocols
	OK            uint64 `json:"2xx,omitempty"`
	Redirect      uint64 `json:"3xx,omitempty"`
	ClientError   uint64 `json:"4xx,omitempty"`
	ServerError   uint64 `json:"5xx,omitempty"`     // answered by the upstream, or a gRPC status that blames it
	ConnectError  uint64 `json:"connect,omitempty"` // no connection, or it broke
	Timeout       uint64 `json:"timeout,omitempty"`
	ClientAbort   uint64 `json:"abort,omitempty"` // the client went away; nobody's fault
}

// Failed counts what the version is to blame for.
func (o Outcomes) Failed() uint64 { return o.ServerError + o.ConnectError + o.Timeout }

// Finished counts requests that came to an end, aborts included.
func (o Outcomes) Finished() uint64 {
	return o.Informational + o.OK + o.Redirect + o.ClientError + o.Failed() + o.ClientAbort
}

// Add returns the sum of o and p.
func (o Outcomes) Add(p Outcomes) Outcomes {
	o.Informational += p.Informational
	o.OK += p.OK
	o.Redirect += p.Redirect
	o.ClientError += p.ClientError
	o.ServerError += p.ServerError
	o.ConnectError += p.ConnectError
	o.Timeout += p.Timeout
	o.ClientAbort += p.ClientAbort
	return o
}

// HistogramSchema is the resolution of every latency histogram: bucket bounds
// grow by the factor 2^(1/32), about 2.2 %.
const HistogramSchema = 5

// Histogram counts durations in base-2 exponential buckets of HistogramSchema.
// Bucket i holds durations d in seconds with base^(i-1) < d <= base^i, as in
// Prometheus native histograms; OpenTelemetry's bucket index is one less.
type Histogram struct {
	Zero    uint64   `json:"zero,omitempty"` // durations of zero
	Sum     float64  `json:"sum"`            // seconds
	Buckets []Bucket `json:"buckets,omitempty"`
}

// Bucket is one non-empty bucket; a histogram lists them by rising index.
type Bucket struct {
	Index int32  `json:"i"`
	Count uint64 `json:"n"`
}

// Count returns how many durations h holds.
func (h Histogram) Count() uint64 {
	n := h.Zero
	for _, b := range h.Buckets {
		n += b.Count
	}
	return n
}

// Tick is all that was sealed of one service for one interval. An interval in
// which nothing was requested is a tick with empty observations; a tick that
// is missing is missing telemetry.
type Tick struct {
	Service string    `json:"service"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	// Age is how long after To it was sealed: every request of it had at
	// least that long to finish.
	Age          time.Duration `json:"age"`
	Observations []Observation `json:"observations"` // one per version and route
	// Share is the part of subjects, 0 to 1, that the weight assigned to the
	// candidate during the whole interval; nil where it changed or is unknown.
	Share *float64 `json:"share,omitempty"`
}
