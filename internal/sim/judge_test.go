package sim_test

import (
	"testing"

	"github.com/stagger-dev/stagger/internal/controller"
	"github.com/stagger-dev/stagger/internal/sim"
)

// statistical makes the judge that the scenarios are played with; nil while
// there is none.
var statistical controller.NewJudge

// judgeOf returns the judge for a scenario. Rules do not see latency.
func judgeOf(t *testing.T, s scenario) controller.NewJudge {
	t.Helper()
	if statistical != nil {
		return statistical
	}
	if s.candidate.Median != s.baseline.Median || s.candidate.Tail != s.baseline.Tail {
		t.Skip("there is no judge of latency yet")
	}
	return sim.NewRuleJudge
}
