package judge_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/judge"
)

// TestARestartAtAnyTickChangesNoBit interrupts one judge in each tick and lets
// the other run through. Batches are half full in most ticks, requests come in
// bursts on two routes, one of which is silent half of the time, and the
// rollout goes through learning, a stage, harm and the bake.
func TestARestartAtAnyTickChangesNoBit(t *testing.T) {
	t.Parallel()
	settings := config()
	settings.Plain = true
	c := newCrowd(2, 40)
	c.v1.errors, c.v2.errors, c.burst, c.over = 0.02, 0.02, 5, 10*time.Second
	through, interrupted := judge.New(settings), judge.New(settings)
	for i := range 640 {
		switch i {
		case 200:
			c.share = 0.3
			through.BeginStage(c.now)
			interrupted.BeginStage(c.now)
		case 320:
			c.v1.errors, c.v2.slow = 0.1, 4
		case 520:
			through.BeginBake(c.now)
			interrupted.BeginBake(c.now)
		}
		tick := c.tick()
		if i%8 < 4 {
			tick.Observations[i%2].Route = "another"
		}
		through.Observe(tick)
		interrupted.Observe(tick)
		kept := stateOf(t, interrupted)
		if string(kept) != string(stateOf(t, through)) {
			t.Fatalf("tick %d: the states differ", i)
		}
		var err error
		if interrupted, err = judge.Restore(settings, kept); err != nil {
			t.Fatal(err)
		}
		if string(kept) != string(stateOf(t, interrupted)) {
			t.Fatalf("tick %d: what was read is not what was written", i)
		}
		if diff := cmp.Diff(interrupted.Verdict(c.now), through.Verdict(c.now)); diff != "" {
			t.Fatalf("tick %d: %s", i, diff)
		}
	}
	if v := through.Verdict(c.now); !through.Suspected() || v.Outcome != stagger.OutcomeRegressed {
		t.Errorf("nothing came of the harm: %s", v.Sentence)
	}
}

func stateOf(t *testing.T, j *judge.Judge) []byte {
	t.Helper()
	state, err := j.State()
	if err != nil {
		t.Fatal(err)
	}
	return state
}
