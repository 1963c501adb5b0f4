package judge_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/judge"
)

// TestAGlanceSaysWhatTheVerdictSays looks twice at a version that fails, from its
// first request to the proof.
func TestAGlanceSaysWhatTheVerdictSays(t *testing.T) {
	w, j := newWorld(1, 400), judge.New(config())
	w.warm(j, 0.3)
	w.v2.errors = 0.03
	seen := make(map[stagger.Advice]bool)
	for w.now.Sub(epoch) < 3*time.Minute && !seen[stagger.AdviseRollback] {
		j.Observe(w.tick())
		glance, verdict := j.Glance(w.now), j.Verdict(w.now)
		seen[glance.Advice] = true
		if diff := cmp.Diff(verdict, glance, cmpopts.IgnoreFields(stagger.Verdict{}, "Findings", "Ledger")); diff != "" {
			t.Fatal(diff)
		}
	}
	for _, a := range []stagger.Advice{stagger.AdviseNothing, stagger.AdviseHold, stagger.AdviseRollback} {
		if !seen[a] {
			t.Errorf("it never said %q", a)
		}
	}
}
