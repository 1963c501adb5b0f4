package stagger

import "time"

// Course is how both versions did over the life of a rollout: moments in order
// of time, as many numbers in each list. Older ones are thinned, two neighbours
// into one, so that there are never many.
//
// A moment stands for the interval that ends at it and begins at the moment
// before, or at Since.
type Course struct {
	// Step is the length of an interval, but for the newest, which may be
	// shorter, and for one in which nothing was told for a while.
	Step  time.Duration `json:"step"`
	Since time.Time     `json:"since,omitzero"`
	At    []time.Time   `json:"at"`
	// Seen is how many seconds of the interval were measured: 0 in a gap, where
	// nothing else is known either.
	Seen Series `json:"seen"`
	// Wished is the share of subjects, 0 to 1, that the weight gave the
	// candidate; those of rules come on top. Observed is the share of requests
	// that met it; not known where there was no request.
	Wished   Series `json:"wished"`
	Observed Series `json:"observed"`

	Baseline  CourseVersion `json:"baseline"`
	Candidate CourseVersion `json:"candidate"`
}

// CourseVersion is how one version did at the moments of a Course.
type CourseVersion struct {
	Version string `json:"version"`
	// Requests began in the interval, Failed of them failed.
	Requests Series `json:"requests"`
	Failed   Series `json:"failed"`
	Rate     Series `json:"rate"`   // requests per second, of the time that was measured
	Errors   Series `json:"errors"` // Failed over Requests; not known without a request
	// P50, P95 and P99 are latencies in seconds. Those of intervals that were
	// thinned together are the mean of theirs, by requests.
	P50 Series `json:"p50"`
	P95 Series `json:"p95"`
	P99 Series `json:"p99"`
	// InFlight is how many requests were under way, on average.
	InFlight Series `json:"in_flight"`
	// Saturation is how much of the concurrency limit was in use, 0 to 1; not
	// known where none is declared.
	Saturation Series `json:"saturation"`
	// Backlog is what waits, as the version's own metric tells; not known
	// where no guardrail names such a gauge (see Level).
	Backlog Series `json:"backlog"`
	// Readings are the metrics that guardrails name, as the version tells them.
	Readings []CourseReading `json:"readings"`
}

// CourseReading is one metric of a version at the moments of a Course: the mean
// over its endpoints, of counts the increase per second.
type CourseReading struct {
	Signal Signal `json:"signal"`
	Metric string `json:"metric"`
	Values Series `json:"values"`
}
