package peers

import "time"

// Threshold counts checks that fail and alarms at a number of them. It is the
// rule of Flagger and of Argo Rollouts, which differ in how they count:
//
//   - Flagger: "threshold: max number of failed metric checks before rollback";
//     failed checks add up over the whole analysis, and the alarm comes when
//     there are as many (docs.flagger.app, "Canary analysis").
//   - Argo Rollouts: failureLimit is "the maximum number of times the
//     measurement is allowed to fail"; the alarm comes with one more
//     (argo-rollouts.readthedocs.io, "Analysis and progressive delivery").
type Threshold struct {
	every
	failed  int
	alarmAt int
	check   func(Sample) bool // whether a stretch of time passes
}

// NewFlagger returns Flagger's rule: checks each period, an alarm at threshold
// failed ones.
func NewFlagger(threshold int, length time.Duration, check func(Sample) bool) *Threshold {
	return &Threshold{every: every{period: length}, alarmAt: threshold, check: check}
}

// NewArgo returns the rule of Argo Rollouts: checks each period, an alarm when
// more than failureLimit have failed.
func NewArgo(failureLimit int, length time.Duration, check func(Sample) bool) *Threshold {
	return &Threshold{every: every{period: length}, alarmAt: failureLimit + 1, check: check}
}

// SuccessRate passes when at least a share of the candidate's requests succeed,
// and when there are none. 0.99 is what Flagger's tutorials ask for.
func SuccessRate(least float64) func(Sample) bool {
	return func(s Sample) bool { return 1-s.Candidate.failures() >= least }
}

// TailRatio passes when the candidate's p99 is at most a number of times the
// baseline's.
func TailRatio(most float64) func(Sample) bool {
	return func(s Sample) bool { return s.Candidate.p99() <= most*s.Baseline.p99() }
}

// Observe implements Peer.
func (t *Threshold) Observe(s Sample) bool {
	full, ok := t.gather(s)
	if ok && !t.check(full) {
		t.failed++
	}
	return t.failed >= t.alarmAt
}
