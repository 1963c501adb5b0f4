package stagger

import (
	"reflect"
	"slices"
)

// Within returns a split that exposes nobody and mirrors nothing beyond what
// both s and t do: what may hold while one gives way to the other. Where both
// have the same rules it leaves nobody out. Splits that draw their subjects
// differently have nobody in common for sure, and then it is s without its
// candidate.
func (s Split) Within(t Split) Split {
	if s.Baseline != t.Baseline || s.Candidate != t.Candidate || s.Seed != t.Seed || s.Key != t.Key {
		return Split{Service: s.Service, Baseline: s.Baseline}
	}
	both := s
	both.Weight = min(s.Weight, t.Weight)
	both.Rules, both.RuleShare = nil, WeightNone
	for _, r := range s.Rules {
		if slices.ContainsFunc(t.Rules, func(o Rule) bool { return reflect.DeepEqual(r, o) }) {
			both.Rules = append(both.Rules, r)
		}
	}
	if len(both.Rules) > 0 {
		both.RuleShare = min(s.RuleShare, t.RuleShare)
	}
	switch {
	case !s.mirrorsBeyond(t):
	case t.mirrorsBeyond(s):
		return both.Unmirrored()
	default:
		both.Shadow, both.ShadowRules = t.Shadow, t.ShadowRules
	}
	return both
}
