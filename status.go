package stagger

// ServiceStatus is a service as it is now.
type ServiceStatus struct {
	Service Service `json:"service"`
	// Baseline is the version trusted now: the one promoted last, else the
	// configured one.
	Baseline string `json:"baseline"`
	// Rollout is the one under way; nil while none is.
	Rollout *Rollout `json:"rollout,omitempty"`
}
