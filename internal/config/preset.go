package config

import (
	"time"

	"github.com/stagger-dev/stagger"
)

// The harm that is accepted unless a plan says otherwise.
func defaultGuardrail(s stagger.Signal) stagger.Guardrail {
	switch s {
	case stagger.SignalErrors:
		return stagger.Guardrail{Signal: s, Tolerance: 1.5, Floor: 0.0005, Healthy: 0.002, Alpha: 0.01, Action: stagger.ActionRollback}
	case stagger.SignalGoodput:
		return stagger.Guardrail{Signal: s, Tolerance: 1.5, Floor: 0.005, Healthy: 0.02, Alpha: 0.01, Action: stagger.ActionRollback}
	case stagger.SignalShadow:
		return stagger.Guardrail{Signal: s, Tolerance: 1.5, Floor: 0.001, Healthy: 0.01, Alpha: 0.01, Action: stagger.ActionHold}
	case stagger.SignalRetries:
		return stagger.Guardrail{Signal: s, Tolerance: 1.5, Floor: 0.005, Alpha: 0.01, Action: stagger.ActionHold}
	case stagger.SignalCount:
		return stagger.Guardrail{Signal: s, Tolerance: 1.5, Alpha: 0.01, Action: stagger.ActionHold}
	case stagger.SignalGauge, stagger.SignalSaturation:
		return stagger.Guardrail{Signal: s, Tolerance: 0.25, Alpha: 0.01, Action: stagger.ActionHold}
	default:
		return stagger.Guardrail{Signal: s, Tolerance: 0.044, Floor: 0.002, Healthy: 0.24, Alpha: 0.01, Action: stagger.ActionRollback}
	}
}

const standard = "standard"

// preset returns the named plan.
func preset(name string) stagger.Plan {
	p := stagger.Plan{
		Preset: name,
		Key:    stagger.Key{ClientAddress: true},
		Guardrails: []stagger.Guardrail{
			defaultGuardrail(stagger.SignalErrors), defaultGuardrail(stagger.SignalLatency),
		},
		Shed:  stagger.Shed{Probe: stagger.WeightPercent, Patience: time.Minute},
		Blind: stagger.Blind{After: 10 * time.Second},
	}
	switch name {
	case "cautious":
		p.Stages = ladder(stagger.Stage{MinTime: 15 * time.Minute, Timebox: 4 * time.Hour, AtTimebox: stagger.TimeboxHold, MinSamples: 1000}, 1, 5, 10, 25, 50, 75)
		p.Bake = stagger.Bake{Time: time.Hour}
	case "fast":
		p.Stages = ladder(stagger.Stage{MinTime: time.Minute, Timebox: 10 * time.Minute, AtTimebox: stagger.TimeboxAdvance, MinSamples: 100}, 10, 50)
		p.Bake = stagger.Bake{Time: 2 * time.Minute}
	default:
		p.Preset = standard
		p.Stages = ladder(stagger.Stage{MinTime: 5 * time.Minute, Timebox: time.Hour, AtTimebox: stagger.TimeboxHold, MinSamples: 500}, 1, 5, 25, 50)
		p.Bake = stagger.Bake{Time: 10 * time.Minute}
	}
	return p
}

// ladder makes stages alike but for their weights in percent.
func ladder(s stagger.Stage, percents ...float64) []stagger.Stage {
	out := make([]stagger.Stage, len(percents))
	for i, p := range percents {
		out[i] = s
		out[i].Weight = stagger.Percent(p)
		out[i].Name = out[i].Weight.String()
	}
	return out
}
