package stagger

import "time"

// Plan takes a candidate from nobody to everybody: ordered stages, the harm
// accepted on the way, and the bake after everybody.
type Plan struct {
	Preset     string      `json:"preset,omitempty"`
	Key        Key         `json:"key"`
	Seed       string      `json:"seed,omitempty"` // empty: drawn from the rollout's name
	Stages     []Stage     `json:"stages"`
	Guardrails []Guardrail `json:"guardrails"`
	Bake       Bake        `json:"bake"`
	Shed       Shed        `json:"shed"`
	Blind      Blind       `json:"blind"`
	// WarmUp is the half-life of an allowance for a candidate that has just
	// started: three times the tolerated odds of failure at first, and 12
	// histogram buckets of latency. It counts from when the youngest of its
	// hosts met its first request. 0 allows nothing.
	WarmUp time.Duration `json:"warm_up,omitempty"`
	// Shadow says how requests are mirrored, where a stage mirrors any; nil
	// where none does.
	Shadow *Shadow `json:"shadow,omitempty"`
}

// Stage is one step of a plan: who and how much, for how long, on what evidence.
// The rules of earlier stages stay in force.
type Stage struct {
	Name   string `json:"name"`
	Rules  []Rule `json:"rules,omitempty"`
	Weight Weight `json:"weight"`
	// Shadow is the share of the baseline's requests that the candidate gets a
	// copy of. Nobody sees its answer, so nobody is exposed by it.
	Shadow Weight `json:"shadow,omitempty"`
	// MinTime is the least time spent here, Timebox the most; a Timebox of
	// zero never ends.
	MinTime   time.Duration `json:"min_time"`
	Timebox   time.Duration `json:"timebox"`
	AtTimebox TimeboxEnd    `json:"at_timebox"`
	// MinSamples is the least number of requests judged per version; of mirrored
	// ones where the stage only mirrors.
	MinSamples uint64 `json:"min_samples"`
}

// TimeboxEnd says what happens when a stage's timebox ends without the
// evidence to advance.
type TimeboxEnd string

// What may happen at the end of a timebox.
const (
	TimeboxHold     TimeboxEnd = "hold"     // wait for a person
	TimeboxAdvance  TimeboxEnd = "advance"  // go on as soon as it is healthy
	TimeboxRollback TimeboxEnd = "rollback" // give up
)

// Guardrail is the harm accepted on one signal, and what to do beyond it.
type Guardrail struct {
	Signal Signal `json:"signal"`
	// Metric names what is measured where the signal does not: of counts,
	// gauges and saturation.
	Metric string `json:"metric,omitempty"`
	// Tolerance is how much worse the candidate may be. For errors, goodput,
	// retries and shadow it is a ratio of odds, 1.5 for "half as many again", for
	// counts a ratio of rates per request; for latency, saturation and gauges
	// a relative increase, 0.05 for 5 %.
	Tolerance float64 `json:"tolerance"`
	// Floor is harm too small to matter whatever the ratio: for errors,
	// goodput and shadow a share of requests, 0.0005; for latency, in seconds; for
	// retries a share of subjects; for counts, per request; for saturation and
	// gauges in their unit.
	Floor float64 `json:"floor"`
	// Limit is a level that saturation or a gauge of the candidate must not
	// stay beyond, whatever the baseline does: it holds. 0 is none.
	Limit float64 `json:"limit,omitempty"`
	// Healthy is the margin that must be excluded before a stage is called
	// healthy: errors and shadow, a share of requests (0.002); latency, a relative
	// increase (0.24).
	Healthy float64 `json:"healthy"`
	// Alpha is the chance, over the whole rollout, of acting on a harm that is
	// not there.
	Alpha  float64 `json:"alpha"`
	Action Action  `json:"action"`
}

// Signal names a measurement.
type Signal string

// The signals the built-in data plane measures.
const (
	SignalErrors  Signal = "errors"  // failed requests: 5xx, connection errors, timeouts
	SignalLatency Signal = "latency" // the whole latency curve, judged at p50 to p99.9
	// SignalGoodput looks at requests that got no answer in time: unfinished
	// when their interval was sealed, or given up by the client.
	SignalGoodput Signal = "goodput"
	// SignalRetries looks at subjects that send more requests within a minute
	// than 95 % of the baseline's used to.
	SignalRetries Signal = "retries"
	// SignalShadow looks at mirrored requests: how many the candidate answers
	// otherwise than the baseline, beyond what the baseline differs from itself.
	SignalShadow Signal = "shadow"
)

// The signals that a metric of the service itself brings.
const (
	SignalSaturation Signal = "saturation" // how much of what is scarce a request takes
	SignalCount      Signal = "count"      // how often something happens, per request
	SignalGauge      Signal = "gauge"      // a level
)

// Action is what a guardrail does when it is crossed.
type Action string

// What a guardrail may do.
const (
	ActionRollback Action = "rollback"
	ActionHold     Action = "hold"
	ActionAlert    Action = "alert"
)

// Bake keeps judging after everybody is on the candidate; a regression found
// then still rolls back.
type Bake struct {
	Time time.Duration `json:"time"`
}

// Shed cuts traffic at once when the candidate fails catastrophically.
type Shed struct {
	Probe Weight `json:"probe"` // the share that stays, to prove the case
	// Patience is how long a shed candidate may stay unproved before it is
	// rolled back all the same.
	Patience time.Duration `json:"patience"`
}

// Blind says when missing telemetry is called blind.
type Blind struct {
	After time.Duration `json:"after"` // without an observation
}
