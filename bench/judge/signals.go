package main

import (
	"time"

	"github.com/stagger-dev/stagger"
)

// others are guardrails on all that is measured besides answers, as plans that
// say no more than their metric have them.
func others() []stagger.Guardrail {
	return []stagger.Guardrail{
		{Signal: stagger.SignalRetries, Tolerance: 1.5, Floor: 0.005, Alpha: 0.01, Action: stagger.ActionHold},
		{Signal: stagger.SignalCount, Metric: "events", Tolerance: 1.5, Alpha: 0.01, Action: stagger.ActionHold},
		{Signal: stagger.SignalSaturation, Metric: "cpu", Tolerance: 0.25, Alpha: 0.01, Action: stagger.ActionHold},
		{Signal: stagger.SignalGauge, Metric: "heap", Tolerance: 0.25, Alpha: 0.01, Action: stagger.ActionHold},
	}
}

// allowed is what the plan grants to a candidate that warms up.
const allowed = time.Minute

// warmUp is what the plan grants in the cells of a model.
func warmUp(model string) time.Duration {
	if model == "warm-up" {
		return allowed
	}
	return 0
}

// signalCells ask for all that can be looked at, with both versions alike or just
// inside what is tolerated, and with harm that one signal alone can see.
func signalCells() []cell {
	var out []cell
	for _, row := range []struct {
		model string
		timed bool
	}{
		{"healthy", false},
		{"uneven", false},
		{"warm-up", false},
		{"count=1.5", false},
		{"split", true},
		{"split=0.9", true},
		{"retries", true},
		{"retries=3", true},
		{"count", true},
		{"count=3", true},
		{"saturation", true},
		{"saturation=50%", true},
		{"gauge", true},
		{"gauge=50%", true},
	} {
		length := time.Hour
		if row.timed {
			length = 2 * time.Hour
		}
		out = append(out, cell{
			section: sectionSignals, model: row.model, rate: 1000, share: 0.05, length: length,
			harm: harmSignals, depend: true, hosts: severalHosts, timed: row.timed,
		})
	}
	return out
}
