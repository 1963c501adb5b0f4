package stagger

// Exposure is who met the candidate in a rollout so far. After a crash it lacks
// the last second before, and of users the last few.
type Exposure struct {
	// All counts the requests of both versions, Requests those that met the
	// candidate; Failed of these failed, and Unfinished had not ended when they
	// were counted, two seconds old at most.
	All        uint64 `json:"all"`
	Requests   uint64 `json:"requests"`
	Failed     uint64 `json:"failed"`
	Unfinished uint64 `json:"unfinished,omitempty"`
	// Users is an estimate of how many different subjects those requests came
	// from, off by 2.3 % as a rule; what a subject is the plan's key says. It is
	// 0 where nobody counts them.
	Users uint64 `json:"users,omitempty"`
}
