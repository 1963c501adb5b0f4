package stagger

import "time"

// ServiceStatus is a service as it is now.
type ServiceStatus struct {
	Service Service `json:"service"`
	// Baseline is the version trusted now: the one promoted last, else the
	// configured one.
	Baseline string `json:"baseline"`
	// Rollout is the one under way; nil while none is.
	Rollout *Rollout `json:"rollout,omitempty"`
	// Watch is how the baseline does while no rollout is under way; nil when
	// nothing is known of it.
	Watch *Watch `json:"watch,omitempty"`
	// Strain is how its versions bear their traffic; nil where nothing is
	// declared that would know.
	Strain []Strain `json:"strain,omitempty"`
	// Degraded are the routes whose users get less than they came for, now or
	// within the last minute.
	Degraded []Degraded `json:"degraded,omitempty"`
	// Endpoints are those of all versions, where the server knows them.
	Endpoints []EndpointStatus `json:"endpoints,omitempty"`
}

// Watch looks after a version that everybody meets, with nobody to compare it
// to but its own past. It alerts people and does nothing else.
type Watch struct {
	Service string    `json:"service"`
	Version string    `json:"version"`
	At      time.Time `json:"at"`
	// Learning is set until enough of the version was seen to know what is
	// usual.
	Learning bool `json:"learning"`
	// Since is when it got worse; zero while it is as it was.
	Since    time.Time `json:"since,omitzero"`
	Signal   Signal    `json:"signal,omitempty"`
	Sentence string    `json:"sentence,omitempty"`
	// Level is how it does over the last seconds.
	Level Level `json:"level"`
}
