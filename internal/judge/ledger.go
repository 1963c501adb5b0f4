package judge

import (
	"math"
	"slices"

	"github.com/stagger-dev/stagger"
)

// ledger says what every answer may cost in false alarms, and how far it is.
func (j *Judge) ledger() []stagger.Account {
	out := slices.Clone(j.accounts)
	for i := range out {
		out[i].Evidence = j.reached(out[i].Use)
	}
	return out
}

// open opens an account for every answer that can be given. Who reads a ledger
// leaves the parts as they are: every ledger shares them.
func (j *Judge) open() []stagger.Account {
	var out []stagger.Account
	if alpha := j.alphaRollback(); alpha > 0 {
		out = append(out, stagger.Account{
			Use: stagger.UseRollback, Level: alpha, Per: "rollout",
			Parts: j.parts(func(s slot) float64 {
				if s.guardrail.Action != stagger.ActionRollback {
					return 0
				}
				return s.weight.proof
			}),
		})
	}
	hold := stagger.Account{
		Use: stagger.UseHold, Level: AlphaSuspect, Per: "rollout",
		Parts: j.parts(func(s slot) float64 {
			if s.alerts() {
				return 0
			}
			return s.weight.suspicion
		}),
	}
	if j.shedWeight > 0 {
		hold.Parts = append(hold.Parts, stagger.Part{Signal: stagger.SignalErrors, Slot: "catastrophe", Weight: j.shedWeight})
		out = append(out, stagger.Account{Use: stagger.UseShed, Level: alphaShed, Per: "rollout"})
	}
	return append(out, hold,
		stagger.Account{Use: stagger.UseHealthy, Level: AlphaHealthy, Per: "stage"},
		stagger.Account{Use: stagger.UseSplit, Level: AlphaSplit, Per: "rollout"},
		stagger.Account{Use: stagger.UsePlacebo, Level: alphaPlacebo, Per: "rollout"},
		stagger.Account{Use: stagger.UsePast, Level: 1, Per: "30 days"},
	)
}

// reached is how far an answer is: 0 nothing, 1 given.
func (j *Judge) reached(u stagger.Use) float64 {
	switch u {
	case stagger.UseRollback:
		return part(j.totalRollback(), j.alphaRollback())
	case stagger.UseHold:
		return part(j.totalSuspect(), AlphaSuspect)
	case stagger.UseShed:
		return progress(j.state.Shed.Evidence.value(), 1/alphaShed)
	case stagger.UseSplit:
		return j.state.Split.reached()
	case stagger.UseHealthy:
		return j.healthReached()
	case stagger.UsePlacebo:
		return j.placeboReached()
	case stagger.UsePast:
		return j.pastReached()
	}
	return 0
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

// part is how far evidence is, given as a part of what is needed.
func part(of, alpha float64) float64 { return progress(of/alpha, 1/alpha) }

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
		sum += s.weight.every * j.state.Placebo.value(i)
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
