package judge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/judge"
)

// lottery draws who arrives, with a chance of meeting the candidate, and says
// what the chance should be.
func lottery(w *world, t stagger.Tick, wanted, met, rate float64) stagger.Tick {
	t.Share = &wanted
	for range w.poisson(rate * tickLength.Seconds()) {
		side := 0
		if w.random.Float64() < met {
			side = 1
		}
		o := &t.Observations[side] // with a request of their own
		o.Arrived++
		o.Started++
		o.Outcomes.OK++
	}
	return t
}

func TestABrokenSplitHolds(t *testing.T) {
	w := newWorld(1, 100)
	j := judge.New(config())
	w.warm(j, 0.2)
	var v stagger.Verdict
	seen := time.Duration(0)
	for start := w.now; w.now.Sub(start) < 2*time.Minute && seen == 0; {
		j.Observe(lottery(w, w.tick(), 0.2, 0.14, 200))
		if v = j.Verdict(w.now); v.Advice == stagger.AdviseHold {
			seen = w.now.Sub(start)
		}
	}
	if seen == 0 || v.Outcome != stagger.OutcomeInconclusive || v.Signal != "" {
		t.Fatalf("%s, advice %s by %q after %s: %s", v.Outcome, v.Advice, v.Signal, seen, v.Sentence)
	}
	if !strings.Contains(v.Sentence, "split is broken") || !strings.Contains(v.Sentence, "20.0%") {
		t.Errorf("it says %q", v.Sentence)
	}
	t.Logf("seen after %s: %s", seen, v.Sentence)

	mended := time.Duration(0)
	for start := w.now; w.now.Sub(start) < 5*time.Minute && mended == 0; {
		j.Observe(lottery(w, w.tick(), 0.2, 0.2, 200))
		if v = j.Verdict(w.now); v.Advice == stagger.AdviseNothing {
			mended = w.now.Sub(start)
		}
	}
	if mended == 0 {
		t.Fatalf("a mended split still holds: %s", v.Sentence)
	}
	t.Logf("forgiven %s after it was mended", mended)
}

func TestAWholeSplitHoldsNobody(t *testing.T) {
	alarms := 0
	for seed := range uint64(40) {
		w := newWorld(seed, 50)
		j := judge.New(config())
		w.warm(j, 0.05)
		for range 4 * 60 * 4 {
			j.Observe(lottery(w, w.tick(), 0.05, 0.05, 100))
		}
		if v := j.Verdict(w.now); strings.Contains(v.Sentence, "split") {
			alarms++
			t.Logf("seed %d: %s", seed, v.Sentence)
		}
	}
	if alarms > 0 {
		t.Errorf("%d of 40 whole splits were called broken; one in a thousand may be", alarms)
	}
}

// TestASplitThatChangesIsNotBroken lets the weight climb, each tick with its own.
func TestASplitThatChangesIsNotBroken(t *testing.T) {
	w := newWorld(3, 50)
	j := judge.New(config())
	w.warm(j, 0.05)
	for i := range 3 * 60 * 4 {
		share := 0.01 + 0.9*float64(i%100)/100
		j.Observe(lottery(w, w.tick(), share, share, 100))
	}
	if v := j.Verdict(w.now); strings.Contains(v.Sentence, "split") {
		t.Error(v.Sentence)
	}
}
