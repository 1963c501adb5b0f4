package judge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/judge"
)

// TestARegressionIsLaidToItsRoute slows one route of three down, which fails as
// well, and nothing else.
func TestARegressionIsLaidToItsRoute(t *testing.T) {
	worlds := map[string]*world{"/": newWorld(11, 150), "/cart": newWorld(12, 150), "/pay": newWorld(13, 150)}
	j := judge.New(config())
	pay := worlds["/pay"]
	var v stagger.Verdict
	for i := range 3 * 60 * 4 {
		if i == 20*4 {
			for _, w := range worlds {
				w.share = 0.3
			}
			pay.v2 = version{errors: 0.1, slow: 2}
			j.BeginStage(pay.now)
		}
		var tick stagger.Tick
		for _, route := range []string{"/", "/cart", "/pay"} {
			one := worlds[route].tick()
			for k := range one.Observations {
				one.Observations[k].Route = route
			}
			tick.From, tick.To, tick.Age = one.From, one.To, one.Age
			tick.Observations = append(tick.Observations, one.Observations...)
		}
		j.Observe(tick)
		if v = j.Verdict(pay.now); v.Advice == stagger.AdviseRollback {
			break
		}
	}
	if v.Advice != stagger.AdviseRollback || !strings.Contains(v.Sentence, "most of them on /pay") {
		t.Fatalf("%s: %s", v.Advice, v.Sentence)
	}
	if !strings.Contains(v.Sentence, "worse as well: ") || !strings.Contains(v.Sentence, "chance of being wrong at most 1%") {
		t.Errorf("it says %q", v.Sentence)
	}
	for _, f := range v.Findings {
		if f.Suspect >= 1 && f.Route != "/pay" {
			t.Errorf("%s %s is laid to %q", f.Signal, f.Slot, f.Route)
		}
	}
	t.Log(v.Sentence)
}

// TestTheRoutesWithMostTrafficAreComparedByThemselves has a hundred routes before
// the candidate comes, of which a few have nearly all requests.
func TestTheRoutesWithMostTrafficAreComparedByThemselves(t *testing.T) {
	j := judge.New(config())
	at := epoch
	tick := func(version string, started uint64) stagger.Tick {
		at = at.Add(time.Second)
		out := stagger.Tick{From: at.Add(-time.Second), To: at, Age: time.Second}
		for i := range 100 {
			n := started
			if i == 97 {
				n *= 50 // comes late in the list, and has most
			}
			out.Observations = append(out.Observations, stagger.Observation{
				Version: version, Route: "/" + strings.Repeat("x", i), Started: n, Outcomes: stagger.Outcomes{OK: n},
			})
		}
		return out
	}
	for range 60 {
		j.Observe(tick("v1", 2))
	}
	j.BeginStage(at)
	for range 60 {
		both := tick("v1", 2)
		candidate := tick("v2", 2)
		for i := range candidate.Observations {
			o := &candidate.Observations[i]
			if o.Started > 2 { // the busy route fails
				o.Outcomes = stagger.Outcomes{ServerError: o.Started}
			}
		}
		both.To = candidate.To
		both.Observations = append(both.Observations, candidate.Observations...)
		j.Observe(both)
	}
	v := j.Verdict(at)
	if want := "on /" + strings.Repeat("x", 97); !strings.Contains(v.Sentence, want) {
		t.Errorf("%s: %q does not name the busy route", v.Advice, v.Sentence)
	}
}
