package judge

import (
	"math"
	"testing"

	"github.com/stagger-dev/stagger"
)

// TestWeightsAddUpToOne tries what plans may ask.
func TestWeightsAddUpToOne(t *testing.T) {
	guard := func(s stagger.Signal, a stagger.Action) stagger.Guardrail {
		return stagger.Guardrail{Signal: s, Action: a, Alpha: 0.01}
	}
	for name, guardrails := range map[string][]stagger.Guardrail{
		"errors alone": {guard(stagger.SignalErrors, stagger.ActionRollback)},
		"nothing to shed": {
			guard(stagger.SignalErrors, stagger.ActionHold), guard(stagger.SignalLatency, stagger.ActionRollback),
		},
		"one of each": {
			guard(stagger.SignalErrors, stagger.ActionRollback), guard(stagger.SignalLatency, stagger.ActionHold),
			guard(stagger.SignalGoodput, stagger.ActionAlert),
		},
		"all that roll back": {
			guard(stagger.SignalErrors, stagger.ActionRollback), guard(stagger.SignalLatency, stagger.ActionRollback),
			guard(stagger.SignalGoodput, stagger.ActionRollback),
		},
	} {
		t.Run(name, func(t *testing.T) {
			j := New(Config{Guardrails: guardrails})
			proof, holding, alerting, every := 0.0, j.shedWeight, 0.0, 0.0
			for i, s := range j.slots {
				w, _ := j.proving(i)
				proof += w / s.guardrail.Alpha
				w, _ = j.holding(i)
				holding += w
				w, _ = j.alerting(i)
				alerting += w
				every += s.weight.every
			}
			for use, sum := range map[string]float64{"rollback": proof, "hold": holding, "alert": alerting, "all": every} {
				if sum != 0 && math.Abs(sum-1) > 1e-12 {
					t.Errorf("%s: the weights add up to %g", use, sum)
				}
			}
			if proof+holding == 0 || every == 0 {
				t.Error("nothing has a weight")
			}
		})
	}
}
