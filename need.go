package stagger

import "time"

// Need is something that is missing before the next stage may begin, beside
// time.
type Need struct {
	// Signal, Slot and Metric say whose harm must be excluded; all are empty
	// where it is requests alone that are missing, whatever they show.
	Signal Signal `json:"signal,omitempty"`
	Slot   string `json:"slot,omitempty"`
	Metric string `json:"metric,omitempty"`
	// Excludes is that harm: for latency a relative increase, 0.1 for +10 %;
	// for errors, goodput and shadow a share of requests.
	Excludes float64 `json:"excludes,omitempty"`
	// Evidence is how far the evidence is: 0 nothing, 1 enough.
	Evidence float64 `json:"evidence"`
	// Requests is about how many more requests must meet the candidate, if the
	// evidence grows as it did in this stage; 0 where too few were judged to
	// tell. Mirrored says that it is mirrored ones.
	Requests uint64 `json:"requests,omitempty"`
	Mirrored bool   `json:"mirrored,omitempty"`
	// Span is how long these take at the candidate's traffic of now; 0 where
	// that is not known, or there is none.
	Span time.Duration `json:"span,omitempty"`
	// Sentence says it to a person: "about 1,200 more requests needed to
	// exclude +10% at p99".
	Sentence string `json:"sentence"`
}
