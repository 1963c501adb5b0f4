package stagger_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stagger-dev/stagger"
)

// meets is what a data plane does with a subject at a point of the line, that
// some rules choose.
func meets(s stagger.Split, point stagger.Weight, chosen []string) bool {
	if s.Candidate == "" {
		return false
	}
	ruled := slices.ContainsFunc(s.Rules, func(r stagger.Rule) bool { return slices.Contains(chosen, r.Equals) })
	return point < s.Weight || ruled && point < s.RuleShare
}

// TestWithinExposesWhomBothExpose draws splits of one rollout and holds, for
// every subject, that the split within two is the lower of both.
func TestWithinExposesWhomBothExpose(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	rules := []stagger.Rule{{Header: "X-Group", Equals: "staff"}, {Header: "X-Group", Equals: "friends"}}
	draw := func(most int) stagger.Split {
		s := stagger.Split{Service: "shop", Baseline: "v1", Candidate: "v2", Seed: "a", Weight: stagger.Weight(random.IntN(11))}
		if s.Rules = rules[:random.IntN(most+1)]; len(s.Rules) > 0 {
			s.RuleShare = s.Weight + stagger.Weight(random.IntN(12-int(s.Weight)))
		}
		return s
	}
	for range 5000 {
		a, b := draw(2), draw(2)
		both := a.Within(b)
		if both.Exceeds(a) || both.Exceeds(b) {
			t.Fatalf("%+v within %+v is %+v, which exceeds one of them", a, b, both)
		}
		for point := range stagger.Weight(12) {
			for _, chosen := range [][]string{nil, {"staff"}, {"friends"}, {"staff", "friends"}} {
				got, want := meets(both, point, chosen), meets(a, point, chosen) && meets(b, point, chosen)
				if got && !want {
					t.Fatalf("%+v within %+v exposes %d of %v", a, b, point, chosen)
				}
				if got != want && len(a.Rules) == len(b.Rules) {
					t.Fatalf("%+v within %+v leaves %d of %v out", a, b, point, chosen)
				}
			}
		}
	}
}
