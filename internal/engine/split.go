package engine

import "github.com/stagger-dev/stagger"

// Split returns what the data plane should do for r as it stands. It is a
// function of the state alone, so a restart finds it again.
//
// Everybody whom an earlier stage chose stays chosen: the rules add up. While
// traffic is shed the subjects of rules are cut to the probe too, and a person
// who sets 0 means nobody, rules included. What is mirrored is the stage's own.
func Split(r stagger.Rollout) stagger.Split {
	switch r.Phase {
	case stagger.PhasePromoted:
		return stagger.Split{Service: r.Service, Baseline: r.Candidate}
	case stagger.PhaseRolledBack, stagger.PhaseAborted, stagger.PhaseSuperseded:
		return stagger.Split{Service: r.Service, Baseline: r.Baseline}
	case stagger.PhasePending, stagger.PhaseProgressing, stagger.PhaseWaiting, stagger.PhasePaused, stagger.PhaseBaking:
	}
	s := stagger.Split{
		Service: r.Service, Baseline: r.Baseline, Candidate: r.Candidate, Weight: r.Weight,
		Key: r.Plan.Key, Seed: r.Seed, Rollout: r.ID,
	}
	if share := ruleShare(r); share > 0 {
		s.Rules, s.RuleShare = rules(r), share
	}
	if len(s.Rules) == 0 {
		s.RuleShare = stagger.WeightNone
	}
	if s.Shadow = shadow(r); s.Shadow > stagger.WeightNone {
		s.ShadowRules = r.Plan.Shadow
	}
	return s
}

// shadow is the share of the baseline's requests that are mirrored: the stage's
// own. A candidate that is cut to the probe has enough to do, and a person who
// sets 0 means that it gets nothing.
func shadow(r stagger.Rollout) stagger.Weight {
	s, ok := stage(r)
	if !ok || probing(r) || r.Manual && r.Weight == stagger.WeightNone {
		return stagger.WeightNone
	}
	return s.Shadow
}

// onlyMirrors says whether nobody meets the candidate in the stage that r is in:
// it gets copies of requests and no others.
func onlyMirrors(r stagger.Rollout) bool {
	s := Split(r)
	return s.Mirrors() && !s.Exposes()
}

// ruleShare is how many of the subjects of rules meet the candidate.
func ruleShare(r stagger.Rollout) stagger.Weight {
	switch {
	case r.Manual && r.Weight == stagger.WeightNone:
		return stagger.WeightNone
	case probing(r):
		return r.Plan.Shed.Probe
	}
	return stagger.WeightFull
}

// probing says whether r is cut to the probe. A person who set more while it
// was shed has ended that.
func probing(r stagger.Rollout) bool {
	return !r.Shed.IsZero() && r.Weight <= r.Plan.Shed.Probe
}

// rules are those of all stages so far.
func rules(r stagger.Rollout) []stagger.Rule {
	var all []stagger.Rule
	for i, s := range r.Plan.Stages {
		if i <= r.Stage {
			all = append(all, s.Rules...)
		}
	}
	return all
}
