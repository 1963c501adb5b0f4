package main

import "time"

// severalHosts is how many hosts answer where they are told apart.
const severalHosts = 20

// clumpCells have requests that depend on each other. Those that stay plain show
// what happens to a judge that does not mind, and whether its placebo notices.
func clumpCells() []cell {
	var out []cell
	for _, row := range []struct {
		model string
		stay  bool
	}{
		{"healthy", false},
		{"bursts", false},
		{"bursts-10s", false},
		{"bursts-30s", false},
		{"bursts", true},
		{"bursts-10s", true},
		{"bursts-30s", true},
		{"pods", false},
		{"pods=0.4", false},
		{"pods-spread", false},
		{"pods", true},
		{"pods=0.4", true},
		{"bursts-harm", false},
		{"pods-harm", false},
		{"pods-harm", true},
	} {
		c := cell{
			section: sectionClumps, model: row.model, rate: 1000, share: 0.05, length: time.Hour,
			harm: harmStrict, depend: true, hosts: severalHosts, stay: row.stay,
		}
		if row.model == "bursts-harm" || row.model == "pods-harm" {
			c.length, c.timed = 6*time.Hour, true
		}
		out = append(out, c)
	}
	return out
}
