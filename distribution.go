package stagger

import "time"

// Distribution is how long the requests of both versions took: in the stage
// under way, which is what the decision to leave it rests on, and in the whole
// rollout, which is what a proof of harm rests on. Of a rollout that is over,
// the stage is its last.
type Distribution struct {
	At      time.Time `json:"at,omitzero"` // of the newest request in it
	Stage   Latencies `json:"stage"`
	Rollout Latencies `json:"rollout"`
}

// Latencies are the latencies of both versions in the same bins. Requests that
// had not ended when they were counted, and those the client gave up, are in
// none.
type Latencies struct {
	Since time.Time `json:"since,omitzero"`
	// Bounds are the upper edges of the bins in seconds, rising by the same
	// factor from one to the next; there are at most 256. The first bin also
	// holds whatever took no time.
	Bounds    []float64     `json:"bounds"`
	Baseline  LatencyCounts `json:"baseline"`
	Candidate LatencyCounts `json:"candidate"`
}

// LatencyCounts are the latencies of one version.
type LatencyCounts struct {
	Version string `json:"version"`
	// Counts is how many requests fell into each bin.
	Counts []uint64 `json:"counts"`
	Total  uint64   `json:"total"` // requests in all bins
	// Mean and percentiles are in seconds, from finer bins, 2.2 % wide; 0
	// without a request.
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P75  float64 `json:"p75"`
	P90  float64 `json:"p90"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
}
