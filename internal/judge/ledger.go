package judge

import (
	"math"

	"github.com/stagger-dev/stagger"
)

// ledger says what every answer may cost in false alarms, and how far it is.
func (j *Judge) ledger() []stagger.Account {
	var out []stagger.Account
	if alpha := j.alphaRollback(); alpha > 0 {
		out = append(out, stagger.Account{
			Use: stagger.UseRollback, Level: alpha, Per: "rollout", Evidence: reached(j.totalRollback(), alpha),
			Parts: j.parts(func(s slot) float64 {
				if s.guardrail.Action != stagger.ActionRollback {
					return 0
				}
				return s.weight.proof
			}),
		})
	}
	hold := stagger.Account{
		Use: stagger.UseHold, Level: AlphaSuspect, Per: "rollout", Evidence: reached(j.totalSuspect(), AlphaSuspect),
		Parts: j.parts(func(s slot) float64 {
			if s.alerts() {
				return 0
			}
			return s.weight.suspicion
		}),
	}
	if j.shedWeight > 0 {
		hold.Parts = append(hold.Parts, stagger.Part{Signal: stagger.SignalErrors, Slot: "catastrophe", Weight: j.shedWeight})
	}
	out = append(out, hold)
	if j.shedWeight > 0 {
		out = append(out, stagger.Account{
			Use: stagger.UseShed, Level: alphaShed, Per: "rollout", Evidence: reached(alphaShed*j.state.Shed.Evidence.value(), alphaShed),
		})
	}
	return append(out,
		stagger.Account{Use: stagger.UseHealthy, Level: AlphaHealthy, Per: "stage", Evidence: j.healthReached()},
		stagger.Account{Use: stagger.UseSplit, Level: AlphaSplit, Per: "rollout", Evidence: j.state.Split.reached()},
		stagger.Account{Use: stagger.UsePlacebo, Level: alphaPlacebo, Per: "rollout", Evidence: j.placeboReached()},
		stagger.Account{Use: stagger.UsePast, Level: 1, Per: "30 days", Evidence: j.pastReached()},
	)
}

// parts lists the slots that have a weight.
func (j *Judge) parts(weight func(slot) float64) []stagger.Part {
	var out []stagger.Part
	for _, s := range j.slots {
		if w := weight(s); w > 0 {
			out = append(out, stagger.Part{Signal: s.guardrail.Signal, Slot: s.name, Metric: s.guardrail.Metric, Weight: w})
		}
	}
	return out
}

// reached is how far evidence is, given it as a part of what is needed.
func reached(part, alpha float64) float64 { return progress(part/alpha, 1/alpha) }

// healthReached is how far the stage is from being called healthy: as far as the
// signal that lacks most.
func (j *Judge) healthReached() float64 {
	_, least := j.leastHealthy()
	if math.IsInf(least, 1) {
		return 1
	}
	return min(max(least/math.Log(1/AlphaHealthy), 0), 1)
}

// placeboReached is how far the placebo is from an alarm.
func (j *Judge) placeboReached() float64 {
	sum := 0.0
	for i, s := range j.slots {
		sum += s.weight.every * j.state.Placebo.Forms[i].value()
	}
	return progress(sum, 1/alphaPlacebo)
}

// pastReached is how far the baseline is from being called worse than before.
func (j *Judge) pastReached() float64 {
	if len(j.state.Past.Slots) > 0 {
		return 1
	}
	sum := 0.0
	for i, s := range j.slots {
		sum += s.weight.every * j.state.Past.Growth[i].mean()
	}
	return progress(sum, falseAlarmEach)
}
