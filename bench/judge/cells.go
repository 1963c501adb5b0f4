package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/simulate"
)

// A cell is one trial of a table, with what its design promised.
type cell struct {
	section string
	peers   bool // the peers judge, not we
	model   string
	rate    float64
	share   float64
	length  time.Duration
	harm    string // which guardrails: strict, boundary or usual
	depend  bool   // subjects are told apart
	hosts   int    // that are told apart, of both versions
	stay    bool   // the judge must not mind how far requests depend on each other
	want    want
	timed   bool // delays are measured: they need fewer lives than false alarms
}

// lives is how many lives the cell is measured by.
func (c cell) lives(o options) int {
	if c.timed {
		return o.delays
	}
	return o.runs
}

// want is what the design measured in its own simulation, medians in seconds; 0
// is nothing.
type want struct{ suspect, rollback float64 }

// ours is who we are beside the peers.
const ours = "stagger"

// The sections, in the order in which they are measured and shown.
const (
	sectionNull    = "null"
	sectionRobust  = "robust"
	sectionDelay   = "delay"
	sectionLate    = "late"
	sectionBlips   = "blips"
	sectionUsual   = "usual"
	sectionClumps  = "clumps"
	sectionSignals = "signals"
	sectionPeers   = "peers"
	sectionPeersAt = "peers-delay"
)

func sectionNames() []string {
	return []string{
		sectionNull, sectionRobust, sectionDelay, sectionLate, sectionBlips, sectionUsual, sectionClumps, sectionSignals,
		sectionPeers, sectionPeersAt,
	}
}

// cellsOf lists the cells of the sections named, or of all.
func cellsOf(sections string) ([]cell, error) {
	var wanted []string
	if sections != "" {
		wanted = strings.Split(sections, ",")
	}
	for _, name := range wanted {
		if !slices.Contains(sectionNames(), name) {
			return nil, fmt.Errorf("there is no section %q; there are %s", name, strings.Join(sectionNames(), ", "))
		}
	}
	var out []cell
	for _, c := range slices.Concat(nullCells(), robustCells(), delayCells(), lateCells(), blipCells(), usualCells(), clumpCells(), signalCells(), peerCells()) {
		if wanted == nil || slices.Contains(wanted, c.section) {
			out = append(out, c)
		}
	}
	return out, nil
}

// The kinds of guardrails.
const (
	harmStrict   = "strict"   // tolerates nothing: healthy traffic is at the boundary
	harmBoundary = "boundary" // tolerates odds of 1.5, for a candidate that is just there
	harmUsual    = "usual"    // as in plans that say nothing
	harmSignals  = "signals"  // and on everything else that can be looked at
)

func guardrails(harm string) []stagger.Guardrail {
	both := func(errors, floor, latency, seconds float64) []stagger.Guardrail {
		return []stagger.Guardrail{
			{Signal: stagger.SignalErrors, Tolerance: errors, Floor: floor, Alpha: 0.01, Action: stagger.ActionRollback},
			{Signal: stagger.SignalLatency, Tolerance: latency, Floor: seconds, Alpha: 0.01, Action: stagger.ActionRollback},
		}
	}
	switch harm {
	case harmUsual:
		return both(1.5, 0.0005, 0.044, 0.002)
	case harmSignals:
		return append(both(1.5, 0.0005, 0.044, 0.002), others()...)
	case harmBoundary:
		return both(1.5, 0, 0, 0)
	default:
		// A healthy margin of nothing cannot be proved, so that holds stay and
		// verdicts need not be read each second.
		return both(1, 0, 0, 0)
	}
}

// trial is what the cell simulates.
func (c cell) trial() (simulate.Trial, error) {
	model, err := simulate.Parse(c.model)
	if err != nil {
		return simulate.Trial{}, fmt.Errorf("cell %s: %w", c.model, err)
	}
	return simulate.Trial{
		Model: model, Rate: c.rate, Share: c.share, Shares: []float64{0.01, 0.05, 0.25, 0.5},
		Length: c.length, Planned: time.Hour, Guardrails: guardrails(c.harm), Subjects: c.depend, Hosts: c.hosts,
		Plain: c.harm != harmSignals && c.section != sectionClumps, StayPlain: c.stay, WarmUp: warmUp(c.model), Sparse: true,
	}, nil
}

// loads are the nine cells of traffic, by rate and share.
var loads = [...]struct{ rate, share float64 }{
	{100, 0.01},
	{100, 0.05},
	{100, 0.25},
	{1000, 0.01},
	{1000, 0.05},
	{1000, 0.25},
	{10_000, 0.01},
	{10_000, 0.05},
	{10_000, 0.25},
}

func nullCells() []cell {
	var out []cell
	for _, l := range loads {
		out = append(out, cell{section: sectionNull, model: "healthy", rate: l.rate, share: l.share, length: time.Hour, harm: harmStrict})
	}
	for _, l := range []int{4, 8} {
		out = append(out, cell{section: sectionNull, model: "odds=1.5", rate: loads[l].rate, share: loads[l].share, length: time.Hour, harm: harmBoundary})
	}
	return out
}

func robustCells() []cell {
	var out []cell
	for _, model := range []string{"ramp", "jump", "diurnal", "incident", "skew"} {
		out = append(out, cell{section: sectionRobust, model: model, rate: 1000, share: 0.05, length: time.Hour, harm: harmStrict})
	}
	return out
}

// minutes and hours make the tables below read like those they are held to.
const (
	minutes = 60.0
	hours   = 3600.0
)

// delays are the medians of suspicion and rollback, by load.
var delays = []struct {
	model string
	want  [len(loads)]want
}{
	{"errors=0.3%", [...]want{
		{73.3 * minutes, 2.1 * hours},
		{15.3 * minutes, 26.9 * minutes},
		{4.4 * minutes, 8.1 * minutes},
		{8 * minutes, 14.4 * minutes},
		{1.6 * minutes, 3.5 * minutes},
		{26, 65},
		{46, 1.8 * minutes},
		{11, 31},
		{3, 16},
	}},
	{"errors=1%", [...]want{
		{7 * minutes, 14.4 * minutes},
		{1.8 * minutes, 3.9 * minutes},
		{29, 76},
		{46, 1.8 * minutes},
		{10, 33},
		{3, 17},
		{5, 20},
		{2, 12},
		{1, 11},
	}},
	{"errors=50%", [...]want{{4, 19}, {2, 12}, {1, 11}, {1, 11}, {1, 11}, {1, 11}, {1, 11}, {1, 11}, {1, 11}}},
	{"p99=20%", [...]want{
		{1.6 * hours, 2.5 * hours},
		{21.9 * minutes, 32.2 * minutes},
		{5.7 * minutes, 9.8 * minutes},
		{10.1 * minutes, 17 * minutes},
		{2.3 * minutes, 4.1 * minutes},
		{33, 75},
		{64, 2.2 * minutes},
		{14, 38},
		{4, 17},
	}},
	{"p99=50%", [...]want{
		{22.7 * minutes, 39.8 * minutes},
		{5.1 * minutes, 9 * minutes},
		{77, 2.6 * minutes},
		{2.4 * minutes, 4.8 * minutes},
		{32, 73},
		{9, 27},
		{16, 43},
		{4, 17},
		{1, 12},
	}},
	{"p50=5%", [...]want{
		{2.1 * hours, 3.1 * hours},
		{29 * minutes, 44.8 * minutes},
		{8.2 * minutes, 13.2 * minutes},
		{14.1 * minutes, 23.3 * minutes},
		{3.3 * minutes, 5.6 * minutes},
		{48, 1.7 * minutes},
		{1.5 * minutes, 2.9 * minutes},
		{21, 49},
		{6, 21},
	}},
	{"p50=10%", [...]want{
		{36.3 * minutes, 55.2 * minutes},
		{8 * minutes, 13.3 * minutes},
		{1.9 * minutes, 3.7 * minutes},
		{3.8 * minutes, 6.6 * minutes},
		{50, 1.7 * minutes},
		{14, 35},
		{24, 57},
		{6, 21},
		{2, 12},
	}},
}

func delayCells() []cell {
	var out []cell
	for _, row := range delays {
		for i, l := range loads {
			out = append(out, cell{
				section: sectionDelay, model: row.model, rate: l.rate, share: l.share,
				length: 12 * time.Hour, harm: harmStrict, want: row.want[i], timed: true,
			})
		}
	}
	return out
}

func lateCells() []cell {
	var out []cell
	for _, row := range []struct {
		model string
		want  [3]want
	}{
		{"intermittent=1%", [...]want{{24 * minutes, 48 * minutes}, {10, 6.1 * minutes}, {2, 67}}},
		{"intermittent", [...]want{{67, 5.1 * minutes}, {2, 65}, {1, 61}}},
		{"intermittent-p99", [...]want{{12 * minutes, 23 * minutes}, {6, 3.1 * minutes}, {1, 63}}},
		{"late", [...]want{{2.6 * minutes, 4.8 * minutes}, {20, 45}, {3, 13}}},
		{"late-p99", [...]want{{6.9 * minutes, 11.2 * minutes}, {55, 1.7 * minutes}, {8, 21}}},
	} {
		for i, rate := range []float64{100, 1000, 10_000} {
			out = append(out, cell{
				section: sectionLate, model: row.model, rate: rate, share: 0.05,
				length: 6 * time.Hour, harm: harmStrict, want: row.want[i], timed: true,
			})
		}
	}
	return out
}

func blipCells() []cell {
	var out []cell
	for _, model := range []string{"blip", "blip=10", "burst"} {
		out = append(out, cell{section: sectionBlips, model: model, rate: 1000, share: 0.05, length: 20 * time.Minute, harm: harmStrict})
	}
	return out
}

// usualCells have the tolerances of plans that say nothing.
func usualCells() []cell {
	var out []cell
	for _, row := range []struct {
		model string
		want  want
	}{
		{"errors=0.3%", want{240, 440}},
		{"errors=1%", want{14, 41}},
		{"p99=20%", want{250, 405}},
		{"p99=50%", want{41, 85}},
		{"p50=10%", want{188, 303}},
	} {
		out = append(out, cell{
			section: sectionUsual, model: row.model, rate: 1000, share: 0.05,
			length: 12 * time.Hour, harm: harmUsual, want: row.want, timed: true,
		})
	}
	return out
}
