package judge_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/judge"
)

// mirroring judges failures, latency and mirrored requests.
func mirroring(action stagger.Action) *judge.Judge {
	c := config()
	c.Guardrails = append(c.Guardrails, stagger.Guardrail{
		Signal: stagger.SignalShadow, Tolerance: 1.5, Floor: 0.001, Healthy: 0.01, Alpha: 0.01, Action: action,
	})
	return judge.New(c)
}

// pairs are n mirrored requests in which each side differs with its own chance,
// given how unlike the moment is.
func pairs(random *rand.Rand, n int, candidate, baseline float64) *stagger.Shadowed {
	s := &stagger.Shadowed{Compared: uint64(n), Pairs: uint64(n)}
	for range n {
		k, m := random.Float64() < candidate, random.Float64() < baseline
		if k {
			s.Differing++
		}
		if m {
			s.Noisy++
		}
		if k && !m {
			s.OnlyCandidate++
		}
		if m && !k {
			s.OnlyBaseline++
		}
	}
	return s
}

// mirror has the judge see a stage in which nobody meets the candidate and some
// requests are mirrored.
func (w *world) mirror(j *judge.Judge, longest time.Duration, add func() *stagger.Shadowed) stagger.Verdict {
	w.share = 0
	for range 100 {
		j.Observe(w.tick())
	}
	j.BeginStage(w.now)
	var v stagger.Verdict
	for start := w.now; w.now.Sub(start) < longest; {
		t := w.tick()
		for i := range t.Observations {
			if t.Observations[i].Version == "v2" {
				t.Observations[i].Shadow = add()
			}
		}
		j.Observe(t)
		if v = j.Verdict(w.now); v.Outcome == stagger.OutcomeHealthy || v.Advice != stagger.AdviseNothing {
			break
		}
	}
	return v
}

func TestAStageThatOnlyMirrorsBecomesHealthy(t *testing.T) {
	w := newWorld(1, 100)
	j := mirroring(stagger.ActionHold)
	v := w.mirror(j, 10*time.Minute, func() *stagger.Shadowed { return pairs(w.random, 5, 0.0005, 0.0005) })
	if v.Outcome != stagger.OutcomeHealthy || v.Candidate.Stage != 0 || v.Mirrored == 0 || !strings.Contains(v.Sentence, "mirrored requests of this stage") {
		t.Fatalf("%s %s: %s", v.Outcome, v.Advice, v.Sentence)
	}
	// The next stage needs more than that: users.
	j.BeginStage(w.now)
	w.share = 0.1
	j.Observe(w.tick())
	for range 4 {
		j.Observe(w.tick())
	}
	if v = j.Verdict(w.now); v.Outcome == stagger.OutcomeHealthy || v.Mirrored != 0 {
		t.Errorf("a stage with users is called healthy after a second: %s", v.Sentence)
	}
}

func TestAnswersThatDifferHoldOrRollBack(t *testing.T) {
	for action, want := range map[stagger.Action]stagger.Advice{
		stagger.ActionHold: stagger.AdviseHold, stagger.ActionRollback: stagger.AdviseRollback, stagger.ActionAlert: stagger.AdviseAlert,
	} {
		t.Run(string(action), func(t *testing.T) {
			w := newWorld(2, 100)
			j := mirroring(action)
			v := w.mirror(j, 10*time.Minute, func() *stagger.Shadowed { return pairs(w.random, 5, 0.06, 0.01) })
			for range 1200 { // a proof takes longer than a suspicion
				if v.Advice == want {
					break
				}
				tick := w.tick()
				for i := range tick.Observations {
					if tick.Observations[i].Version == "v2" {
						tick.Observations[i].Shadow = pairs(w.random, 5, 0.06, 0.01)
					}
				}
				j.Observe(tick)
				v = j.Verdict(w.now)
			}
			if v.Advice != want || v.Signal != stagger.SignalShadow || !strings.Contains(v.Sentence, "otherwise than v1") {
				t.Fatalf("%s by %q: %s", v.Advice, v.Signal, v.Sentence)
			}
			f := v.Findings[len(v.Findings)-1]
			if f.Low <= 1 || f.Low > 6 || f.High != 0 && f.High < 6 {
				t.Errorf("odds of six lie in %g to %g", f.Low, f.High)
			}
		})
	}
}

// TestNoiseIsNoHarm lets both versions differ alike, in clumps that no
// independence would make, and looks all the time.
func TestNoiseIsNoHarm(t *testing.T) {
	alarms, lives := 0, runs(t, 12)
	for seed := range lives {
		w := newWorld(uint64(seed), 100)
		clump := 0.0
		n := 0
		v := w.mirror(mirroring(stagger.ActionHold), 5*time.Minute, func() *stagger.Shadowed {
			if n++; n%50 == 1 {
				clump = w.random.Float64()
			}
			return pairs(w.random, 5, clump, clump)
		})
		if v.Advice != stagger.AdviseNothing {
			alarms++
		}
	}
	if float64(alarms) > 0.05*float64(lives)+4*0.22*float64(lives)/10 {
		t.Errorf("%d of %d lives without harm are held", alarms, lives)
	}
	t.Logf("%d of %d", alarms, lives)
}

func TestWithoutMirroredRequestsNothingAsksForThem(t *testing.T) {
	w := newWorld(3, 200)
	j := mirroring(stagger.ActionHold)
	w.warm(j, 0.3)
	w.run(j, 10*time.Minute, is(stagger.OutcomeHealthy))
	if v := j.Verdict(w.now); v.Outcome != stagger.OutcomeHealthy {
		t.Errorf("%s: %s", v.Outcome, v.Sentence)
	}
}

func TestImpossibleComparisonsAreRefused(t *testing.T) {
	w := newWorld(4, 50)
	j := mirroring(stagger.ActionHold)
	v := w.mirror(j, 20*time.Second, func() *stagger.Shadowed { return &stagger.Shadowed{Compared: 1, OnlyCandidate: 5, Pairs: 1} })
	if v.Mirrored != 0 || v.Outcome != stagger.OutcomeBlind {
		t.Errorf("%s: %s", v.Outcome, v.Sentence)
	}
}
