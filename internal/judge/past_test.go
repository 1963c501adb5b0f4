package judge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/judge"
)

// TestHarmToBothIsHeld makes both versions worse at once, as a candidate does
// that damages what they share, and then lets them recover.
func TestHarmToBothIsHeld(t *testing.T) {
	for name, spoil := range map[string]func(v *version){
		"failures": func(v *version) { v.errors = 0.1 },
		"latency":  func(v *version) { v.slow = 2.5 },
	} {
		t.Run(name, func(t *testing.T) {
			w, j := newWorld(1, 400), judge.New(config())
			w.warm(j, 0.3)
			if w.run(j, 30*time.Second, advises(stagger.AdviseHold)) != 0 {
				t.Fatalf("held before anything happened: %s", j.Verdict(w.now).Sentence)
			}
			before := [2]version{w.v1, w.v2}
			spoil(&w.v1)
			spoil(&w.v2)
			after := w.run(j, 30*time.Second, advises(stagger.AdviseHold))
			v := j.Verdict(w.now)
			if after == 0 || !strings.Contains(v.Sentence, "v1 itself is worse") {
				t.Fatalf("after %s: %s: %s", after, v.Advice, v.Sentence)
			}
			w.v1, w.v2 = before[0], before[1]
			if w.run(j, time.Minute, advises(stagger.AdviseNothing)) == 0 {
				t.Errorf("never released: %s", j.Verdict(w.now).Sentence)
			}
		})
	}
}

// TestSteadyBaselineIsNotHeld looks for an hour.
func TestSteadyBaselineIsNotHeld(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates an hour")
	}
	w, j := newWorld(2, 200), judge.New(config())
	w.warm(j, 0.1)
	w.run(j, time.Hour, func(v stagger.Verdict) bool {
		if strings.Contains(v.Sentence, "itself is worse") {
			t.Errorf("after %s: %s", w.now.Sub(epoch), v.Sentence)
			return true
		}
		return false
	})
}
