package demo

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stagger-dev/stagger"
)

// Scenario is one story the demo can tell.
type Scenario struct {
	Name    string
	Summary string
	// Want is the phase it must end in.
	Want stagger.Phase

	// From is the stage whose start lets the trouble begin, After how much
	// later it does, and For how long it lasts; zero is to the end.
	From  int
	After time.Duration
	For   time.Duration
	// The trouble itself.
	Candidate Behaviour
	Baseline  Behaviour
	Outage    bool // of telemetry
}

// troubled says whether the candidate itself is to blame.
func (s Scenario) troubled() bool { return s.Want == stagger.PhaseRolledBack }

// FromStart marks trouble that is there before the first request.
const FromStart = -1

// Scenarios lists every story, in the order to show them.
func Scenarios() []Scenario {
	return []Scenario{
		{
			Name: "healthy", Summary: "both versions behave alike", Want: stagger.PhasePromoted,
			From: FromStart,
		},
		{
			Name: "errors", Summary: "the candidate fails 30% of its requests", Want: stagger.PhaseRolledBack,
			From: FromStart, Candidate: Behaviour{Errors: 0.3},
		},
		{
			Name: "latency", Summary: "the candidate takes 1.6 times as long", Want: stagger.PhaseRolledBack,
			From: FromStart, Candidate: Behaviour{Slow: 1.6},
		},
		{
			Name: "tail", Summary: "4% of the candidate's answers take six times as long", Want: stagger.PhaseRolledBack,
			From: FromStart, Candidate: Behaviour{Tail: 0.04, TailBy: 6},
		},
		{
			Name: "blip", Summary: "both versions fail half their requests for four seconds", Want: stagger.PhasePromoted,
			From: 1, After: 2 * time.Second, For: 4 * time.Second,
			Candidate: Behaviour{Errors: 0.5}, Baseline: Behaviour{Errors: 0.5},
		},
		{
			Name: "late", Summary: "the candidate begins to fail 10% of its requests after the first promotions", Want: stagger.PhaseRolledBack,
			From: 2, After: time.Second, Candidate: Behaviour{Errors: 0.1},
		},
		{
			Name: "telemetry-outage", Summary: "no measurement arrives for eight seconds", Want: stagger.PhasePromoted,
			From: 1, After: time.Second, For: 8 * time.Second, Outage: true,
		},
	}
}

// Find returns the named scenario.
func Find(name string) (Scenario, error) {
	all := Scenarios()
	i := slices.IndexFunc(all, func(s Scenario) bool { return s.Name == name })
	if i < 0 {
		return Scenario{}, &stagger.Error{
			Code:    stagger.CodeInvalid,
			Message: fmt.Sprintf("no scenario %q; choose one of %s", name, strings.Join(Names(), ", ")),
		}
	}
	return all[i], nil
}

// Names lists the scenarios' names.
func Names() []string {
	var names []string
	for _, s := range Scenarios() {
		names = append(names, s.Name)
	}
	return names
}

// The world of the demo.
const (
	service       = "shop"
	baseline      = "v1"
	candidate     = "v2"
	userHeader    = "X-User"
	groupHeader   = "X-Group"
	internalGroup = "staff"
)

// Plan is the standard plan with hours pressed into seconds: staff first, then
// a tenth, a half and everybody. Its margins are wider than the standard's, so
// that seconds of traffic can exclude them.
func Plan(seed uint64) stagger.Plan {
	return stagger.Plan{
		Preset: "demo",
		Key:    stagger.Key{Header: userHeader},
		Seed:   fmt.Sprintf("demo-%d", seed),
		Stages: []stagger.Stage{
			stage("staff", 0, stagger.Rule{Header: groupHeader, Equals: internalGroup}),
			stage("tenth", 10*stagger.WeightPercent),
			stage("half", 50*stagger.WeightPercent),
		},
		Guardrails: []stagger.Guardrail{
			{Signal: stagger.SignalErrors, Tolerance: 1.5, Floor: 0.002, Healthy: 0.02, Alpha: 0.01, Action: stagger.ActionRollback},
			{Signal: stagger.SignalLatency, Tolerance: 0.09, Floor: 0.004, Healthy: 0.35, Alpha: 0.01, Action: stagger.ActionRollback},
		},
		Bake:  stagger.Bake{Time: 6 * time.Second},
		Shed:  stagger.Shed{Probe: stagger.WeightPercent, Patience: 8 * time.Second},
		Blind: stagger.Blind{After: 3 * time.Second},
	}
}

func stage(name string, w stagger.Weight, rules ...stagger.Rule) stagger.Stage {
	return stagger.Stage{
		Name: name, Rules: rules, Weight: w,
		MinTime: 4 * time.Second, Timebox: 30 * time.Second, AtTimebox: stagger.TimeboxAdvance,
		MinSamples: 100,
	}
}
