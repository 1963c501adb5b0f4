package stagger

import "time"

// Progress is a rollout as it is now, for people who watch: what the history
// does not keep because it changes every second.
type Progress struct {
	Rollout   string    `json:"rollout"`
	At        time.Time `json:"at"`
	Split     Split     `json:"split"`
	Observed  float64   `json:"observed_share"` // of recent requests, that met the candidate
	Verdict   Verdict   `json:"verdict"`
	Baseline  Level     `json:"baseline"`
	Candidate Level     `json:"candidate"`
	// Exposure is who met the candidate so far.
	Exposure Exposure `json:"exposure"`
	// Needs are what is missing before the next stage, what lacks most first;
	// empty where time or a person alone decides.
	Needs []Need `json:"needs,omitempty"`
	// Next says what will happen next, when at the earliest, and what is missing.
	// NextAt is that time, zero when no clock decides it.
	Next   string    `json:"next"`
	NextAt time.Time `json:"next_at,omitzero"`
}

// Level is how one version does over the last seconds.
type Level struct {
	Rate     float64 `json:"rate"`   // requests per second
	Errors   float64 `json:"errors"` // share of requests that failed
	P50      float64 `json:"p50"`    // seconds
	P95      float64 `json:"p95"`
	P99      float64 `json:"p99"`
	InFlight int64   `json:"in_flight"`
	// Saturation is how much of the concurrency limit was in use, 0 to 1; nil
	// where none is declared.
	Saturation *float64 `json:"saturation,omitempty"`
	// Backlog is what waits: the reading of the first gauge among the
	// guardrails whose name speaks of that (queue, backlog, pending, waiting,
	// lag). Nil where there is none, or it was not told within the last minute.
	Backlog *float64 `json:"backlog,omitempty"`
	// Readings are the metrics that guardrails name.
	Readings []Reading `json:"readings,omitempty"`
}

// Reading is what a version tells of a metric: the mean over its endpoints, of a
// count the increase per second.
type Reading struct {
	Signal Signal  `json:"signal"`
	Metric string  `json:"metric"`
	Value  float64 `json:"value"`
}
