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
	// Next says what will happen next, and NextAt when at the earliest.
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
}
