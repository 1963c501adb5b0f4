package judge_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/judge"
)

// TestContradictionsAreBlind breaks measurements in ways that no service can.
func TestContradictionsAreBlind(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *stagger.Tick)
		says  string
	}{
		"more failures than requests":  {func(t *stagger.Tick) { t.Observations[1].Outcomes.ServerError += 1000 }, "more outcomes than its"},
		"a number that wrapped":        {func(t *stagger.Tick) { t.Observations[1].Started = 1 << 63 }, "requests in one interval"},
		"a histogram of something":     {func(t *stagger.Tick) { t.Observations[1].Latency.Zero = 1 << 40 }, "a latency histogram"},
		"an interval that ends early":  {func(t *stagger.Tick) { t.From = t.To.Add(time.Second) }, "an interval of"},
		"first failures of no failure": {func(t *stagger.Tick) { t.Observations[0].FirstFailed = 1000 }, "failed for the first time"},
		"users without requests":       {func(t *stagger.Tick) { t.Observations[0].Arrived = 1 << 40 }, "users who arrived"},
		"a share of more than all":     {func(t *stagger.Tick) { t.Share = new(1.5) }, "a share of 1.5"},
		"a share that is no number":    {func(t *stagger.Tick) { t.Share = new(math.NaN()) }, "a share of NaN"},
		"a host that fails more than it is asked": {func(t *stagger.Tick) {
			t.Observations[0].Hosts = []stagger.Host{{Name: "a", Group: stagger.Group{Started: 1, Failed: 2}}}
		}, "a host with more outcomes"},
		"three groups": {func(t *stagger.Tick) { t.Observations[0].Groups = make([]stagger.Group, 3) }, "3 groups"},
	} {
		t.Run(name, func(t *testing.T) {
			w, j := newWorld(1, 400), judge.New(config())
			w.warm(j, 0.3)
			w.run(j, 5*time.Second, advises("never"))
			for range 5 * 4 {
				tick := w.tick()
				c.spoil(&tick)
				j.Observe(tick)
			}
			if v := j.Verdict(w.now); v.Outcome != stagger.OutcomeBlind || !strings.Contains(v.Sentence, c.says) {
				t.Errorf("%s: %s", v.Outcome, v.Sentence)
			}
			if w.run(j, 20*time.Second, healthy) == 0 {
				t.Errorf("it does not see again: %s", j.Verdict(w.now).Sentence)
			}
		})
	}
}

// TestTickFromTheFutureDoesNotSilence lets one clock run an hour ahead.
func TestTickFromTheFutureDoesNotSilence(t *testing.T) {
	w, j := newWorld(1, 400), judge.New(config())
	w.warm(j, 0.3)
	tick := w.tick()
	tick.From, tick.To = tick.From.Add(time.Hour), tick.To.Add(time.Hour)
	j.Observe(tick)
	j.Verdict(w.now)
	if w.run(j, 20*time.Second, healthy) == 0 {
		t.Errorf("nothing is heard any more: %s", j.Verdict(w.now).Sentence)
	}
}

func healthy(v stagger.Verdict) bool { return v.Outcome == stagger.OutcomeHealthy }

// TestManyRequestsInOneBucket lets a million requests take the same time.
func TestManyRequestsInOneBucket(t *testing.T) {
	w, j := newWorld(1, 1), judge.New(config())
	for i := range 40 {
		tick := w.tick()
		for side, version := range []string{"v1", "v2"} {
			o := &tick.Observations[side]
			*o = stagger.Observation{Service: "shop", Version: version, Route: "all", From: tick.From, To: tick.To, Started: 1_000_000}
			if side == 1 && i < 8 {
				o.Started = 0
			}
			o.Outcomes.OK = o.Started
			if o.Started > 0 {
				o.Latency.Buckets = []stagger.Bucket{{Index: -200, Count: o.Started}}
			}
		}
		j.Observe(tick)
	}
	if v := j.Verdict(w.now); v.Outcome != stagger.OutcomeHealthy {
		t.Errorf("%s: %s", v.Outcome, v.Sentence)
	}
}
