package judge

import "github.com/stagger-dev/stagger"

// weights are the shares that one slot has in what is summed over slots. They
// are fixed before the rollout, by what the guardrails ask and by nothing that
// is measured.
//
// Why that is enough: each slot's evidence is an e-process, R plus the mass not
// yet used being a nonnegative supermartingale that starts at 1 at most. A sum
// of such with fixed weights w is again one, whatever binds the signals to each
// other, and starts at the sum of w; so the chance that it ever reaches
// 1/alpha is at most alpha times that sum (Ville). Weights that add up to 1
// spend the level whole, less would waste it. Where each slot has a level of
// its own, the sum of w alpha R starts at the mean of the levels by w, and
// reaches 1 with a chance of at most that mean, hence at most the largest
// level; where all guardrails name one level, that level is kept exactly.
type weights struct {
	proof     float64 // among the slots that do the same when crossed
	suspicion float64 // among those that hold, with the shed tier; or among those that alert
	every     float64 // among all, for what tests the assumptions or the baseline
}

// How much each signal is worth beside the others. What a plan leaves out is
// spread over what it names.
const (
	worthErrors  = 0.35
	worthLatency = 0.35 // of all quantiles together
	worthOther   = 0.10
	worthShed    = 0.10
)

// worth is that of one slot of a signal.
func worth(s stagger.Signal) float64 {
	switch s {
	case stagger.SignalErrors:
		return worthErrors
	case stagger.SignalLatency:
		return worthLatency / float64(len(quantiles))
	default:
		return worthOther
	}
}

// spread gives the slots their weights, and returns that of the shed tier in a
// suspicion: 0 where nothing may be shed.
func spread(slots []slot) (shed float64) {
	var every, alerting, holding float64
	acting := make(map[stagger.Action]float64)
	for _, s := range slots {
		w := worth(s.guardrail.Signal)
		every += w
		acting[s.guardrail.Action] += w
		if s.alerts() {
			alerting += w
		} else {
			holding += w
		}
	}
	if sheds(slots) {
		holding += worthShed
		shed = worthShed / holding
	}
	for i := range slots {
		s := &slots[i]
		w := worth(s.guardrail.Signal)
		s.weight = weights{proof: w / acting[s.guardrail.Action], suspicion: w / holding, every: w / every}
		if s.alerts() {
			s.weight.suspicion = w / alerting
		}
	}
	return shed
}

// sheds says whether a catastrophe is looked for: only a guardrail on errors
// that may roll back sheds.
func sheds(slots []slot) bool {
	for _, s := range slots {
		if s.guardrail.Signal == stagger.SignalErrors && s.guardrail.Action == stagger.ActionRollback {
			return true
		}
	}
	return false
}

// alerts says whether the slot only alerts.
func (s slot) alerts() bool { return s.guardrail.Action == stagger.ActionAlert }
