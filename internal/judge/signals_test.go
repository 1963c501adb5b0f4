package judge_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/judge"
)

// only is a judge of one guardrail.
func only(g stagger.Guardrail) *judge.Judge {
	g.Alpha = 0.01
	return judge.New(judge.Config{Baseline: "v1", Candidate: "v2", Guardrails: []stagger.Guardrail{g}, Planned: 10 * time.Minute})
}

// fate observes ticks that add has added to, until they roll back or hold or the
// time is over, and returns the last verdict and when it came.
func (w *world) fate(j *judge.Judge, longest time.Duration, add func(t *stagger.Tick, minute bool)) (stagger.Verdict, time.Duration) {
	for range 3 * 60 * 4 {
		t := w.tick()
		add(&t, w.now.Truncate(time.Minute).After(w.now.Add(-tickLength)))
		j.Observe(t)
	}
	w.share = 0.25
	j.BeginStage(w.now)
	start := w.now
	var v stagger.Verdict
	for w.now.Sub(start) < longest {
		t := w.tick()
		add(&t, w.now.Truncate(time.Minute).After(w.now.Add(-tickLength)))
		j.Observe(t)
		if v = j.Verdict(w.now); v.Advice != stagger.AdviseNothing {
			break
		}
	}
	return v, w.now.Sub(start)
}

func TestRetriesAreSeenByUser(t *testing.T) {
	guardrail := stagger.Guardrail{Signal: stagger.SignalRetries, Tolerance: 1.5, Floor: 0.005, Action: stagger.ActionRollback}
	for name, again := range map[string]float64{"healthy": 0.3, "retrying": 0.6} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(2, 60)
			// Users of the candidate come again with another chance.
			v, after := w.fate(only(guardrail), 15*time.Minute, func(tick *stagger.Tick, minute bool) {
				if !minute {
					return
				}
				for side, p := range []float64{0.3, again} {
					users := 300
					if side == 1 {
						users = int(300 * w.share / (1 - w.share))
					}
					bins := map[uint64]*stagger.Senders{}
					for u := range users {
						n := uint64(1)
						for w.random.Float64() < p {
							n++
						}
						if bins[n] == nil {
							bins[n] = &stagger.Senders{Requests: n}
						}
						bins[n].Subjects[u%stagger.Groups]++
					}
					for _, b := range bins {
						tick.Observations[side].Senders = append(tick.Observations[side].Senders, *b)
					}
				}
			})
			if name == "healthy" {
				if v.Advice != stagger.AdviseNothing {
					t.Errorf("healthy after %s: %s: %s", after, v.Advice, v.Sentence)
				}
				return
			}
			if v.Advice == stagger.AdviseNothing || v.Signal != stagger.SignalRetries {
				t.Fatalf("%s by %q: %s", v.Advice, v.Signal, v.Sentence)
			}
			t.Logf("%s after %s: %s", v.Advice, after, v.Sentence)
			if !strings.Contains(v.Sentence, "users") {
				t.Errorf("it says %q", v.Sentence)
			}
		})
	}
}

func TestCountsAreComparedByRequest(t *testing.T) {
	guardrail := stagger.Guardrail{Signal: stagger.SignalCount, Metric: "payments_failed_total", Tolerance: 1.5, Action: stagger.ActionRollback}
	for name, times := range map[string]float64{"healthy": 1, "three times as often": 3} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(4, 60)
			v, after := w.fate(only(guardrail), 20*time.Minute, func(tick *stagger.Tick, _ bool) {
				for side := range tick.Observations {
					o := &tick.Observations[side]
					rate := 0.2 // several events a request are possible
					if side == 1 {
						rate *= times
					}
					o.Counts = []stagger.Count{{Metric: "payments_failed_total", N: uint64(w.poisson(rate * float64(o.Started)))}}
				}
			})
			switch {
			case name == "healthy" && v.Advice != stagger.AdviseNothing:
				t.Errorf("after %s: %s: %s", after, v.Advice, v.Sentence)
			case name != "healthy" && (v.Advice == stagger.AdviseNothing || v.Signal != stagger.SignalCount):
				t.Errorf("%s by %q: %s", v.Advice, v.Signal, v.Sentence)
			case name != "healthy":
				t.Logf("%s after %s: %s", v.Advice, after, v.Sentence)
				if !strings.Contains(v.Sentence, "payments_failed_total") {
					t.Errorf("it says %q", v.Sentence)
				}
			}
		})
	}
}

// TestCountsThatOneSideDoesNotReportAreNoHarm leaves the baseline's metrics out.
func TestCountsThatOneSideDoesNotReportAreNoHarm(t *testing.T) {
	w := newWorld(5, 60)
	j := only(stagger.Guardrail{Signal: stagger.SignalCount, Metric: "x", Tolerance: 1.5, Action: stagger.ActionRollback})
	v, _ := w.fate(j, 10*time.Minute, func(tick *stagger.Tick, _ bool) {
		o := &tick.Observations[1]
		o.Counts = []stagger.Count{{Metric: "x", N: o.Started}}
	})
	if v.Advice != stagger.AdviseNothing {
		t.Errorf("%s: %s", v.Advice, v.Sentence)
	}
}

// metered adds readings of two hosts a version that follow themselves.
func metered(w *world, harm float64) func(*stagger.Tick, bool) {
	var noise [4]float64
	last := time.Time{}
	return func(tick *stagger.Tick, _ bool) {
		if tick.To.Sub(last) < 5*time.Second {
			return
		}
		last = tick.To
		for i := range noise {
			noise[i] = 0.7*noise[i] + 0.05*w.random.NormFloat64()
			value := 2 * math.Exp(noise[i]) * (1 + 0.05*float64(i%2))
			if i/2 == 1 {
				value *= harm
			}
			o := &tick.Observations[i/2]
			o.Gauges = append(o.Gauges, stagger.Gauge{Metric: "cpu", Instance: string(rune('a' + i)), Value: value})
		}
	}
}

func TestSaturationIsAMatterOfMargin(t *testing.T) {
	guardrail := stagger.Guardrail{Signal: stagger.SignalSaturation, Metric: "cpu", Tolerance: 0.25, Action: stagger.ActionRollback}
	for _, row := range []struct {
		name   string
		harm   float64
		limit  float64
		advice stagger.Advice
	}{
		{"alike", 1, 0, stagger.AdviseNothing},
		{"within the margin", 1.15, 0, stagger.AdviseNothing},
		{"double", 2, 0, stagger.AdviseHold},
		{"beyond its limit", 1.15, 2.1, stagger.AdviseHold},
	} {
		t.Run(row.name, func(t *testing.T) {
			w, g := newWorld(6, 20), guardrail
			g.Limit = row.limit
			v, after := w.fate(only(g), 30*time.Minute, metered(w, row.harm))
			if v.Advice != row.advice {
				t.Fatalf("%s after %s: %s", v.Advice, after, v.Sentence)
			}
			if row.advice != stagger.AdviseNothing {
				t.Logf("after %s: %s", after, v.Sentence)
				if !strings.Contains(v.Sentence, "cpu") || v.Signal != stagger.SignalSaturation {
					t.Errorf("by %q: %s", v.Signal, v.Sentence)
				}
			}
		})
	}
}

// TestGaugesThatAreNoNumbersAreNotThere feeds what a broken exporter may say.
func TestGaugesThatAreNoNumbersAreNotThere(t *testing.T) {
	w := newWorld(7, 20)
	j := only(stagger.Guardrail{Signal: stagger.SignalGauge, Metric: "queue", Tolerance: 0.25, Action: stagger.ActionRollback})
	v, _ := w.fate(j, 5*time.Minute, func(tick *stagger.Tick, _ bool) {
		for i, value := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			o := &tick.Observations[i%2]
			o.Gauges = append(o.Gauges, stagger.Gauge{Metric: "queue", Value: value})
		}
	})
	if v.Advice != stagger.AdviseNothing || v.Outcome == stagger.OutcomeBlind {
		t.Errorf("%s, %s: %s", v.Outcome, v.Advice, v.Sentence)
	}
}

// TestAWarmUpIsAllowedFor lets a candidate fail and dawdle at first.
func TestAWarmUpIsAllowedFor(t *testing.T) {
	live := func(allow time.Duration) stagger.Verdict {
		w := newWorld(8, 400)
		c := config()
		c.WarmUp = allow
		j := judge.New(c)
		w.warm(j, 0.3)
		start := w.now
		var v stagger.Verdict
		for w.now.Sub(start) < 5*time.Minute {
			cold := math.Exp2(-w.now.Sub(start).Seconds() / 20)
			w.v2 = version{errors: 0.001 * (1 + 2*cold), slow: 1 + 0.36*cold}
			j.Observe(w.tick())
			if v = j.Verdict(w.now); v.Advice != stagger.AdviseNothing {
				break
			}
		}
		return v
	}
	if v := live(30 * time.Second); v.Advice != stagger.AdviseNothing {
		t.Errorf("with an allowance: %s: %s", v.Advice, v.Sentence)
	}
	if v := live(0); v.Advice == stagger.AdviseNothing {
		t.Error("without one it should have been held")
	}
}

// TestProxiesThatSplitDifferentlyAreComparedEachByItself has two regions of
// which the one that sends the candidate more is the worse one.
func TestProxiesThatSplitDifferentlyAreComparedEachByItself(t *testing.T) {
	live := func(named bool) stagger.Verdict {
		good, bad := newWorld(9, 300), newWorld(10, 300)
		bad.v1.errors, bad.v2.errors = 0.02, 0.02
		j := judge.New(config())
		var v stagger.Verdict
		for i := range 2 * 60 * 4 {
			if i == 12*4 {
				good.share, bad.share = 0.05, 0.5
				j.BeginStage(good.now)
			}
			t, u := good.tick(), bad.tick()
			for k := range u.Observations {
				if named {
					t.Observations[k].Proxy, u.Observations[k].Proxy = "eu", "us"
				}
				t.Observations = append(t.Observations, u.Observations[k])
			}
			j.Observe(t)
			if v = j.Verdict(good.now); v.Advice != stagger.AdviseNothing {
				break
			}
		}
		return v
	}
	if v := live(true); v.Advice != stagger.AdviseNothing {
		t.Errorf("each by itself: %s: %s", v.Advice, v.Sentence)
	}
	if v := live(false); v.Advice == stagger.AdviseNothing {
		t.Error("all together the mix should have looked like harm")
	}
}

// TestAStageIsNotHealthyWhileAMetricIsBeyondItsLimit lets failures and latency
// prove health long before a metric can be proved to be bad.
func TestAStageIsNotHealthyWhileAMetricIsBeyondItsLimit(t *testing.T) {
	for _, row := range []struct {
		name  string
		times float64 // as often at the candidate; 0 is not told
		want  stagger.Outcome
		says  string
	}{
		{"as often", 1, stagger.OutcomeHealthy, "as good as"},
		{"twice as often", 2, stagger.OutcomeInconclusive, "not called healthy while orders_lost rises"},
		{"not told", 0, stagger.OutcomeInconclusive, "orders_lost was not told by both versions"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w, c := newWorld(3, 400), config()
			c.Guardrails = append(c.Guardrails, stagger.Guardrail{
				Signal: stagger.SignalCount, Metric: "orders_lost", Tolerance: 1.5, Alpha: 0.01, Action: stagger.ActionHold,
			})
			j := judge.New(c)
			w.warm(j, 0.3)
			var v stagger.Verdict
			for range 40 * 4 {
				tick := w.tick()
				for side, times := range []float64{1, row.times} {
					o := &tick.Observations[side]
					if times > 0 {
						o.Counts = []stagger.Count{{Metric: "orders_lost", N: uint64(w.poisson(0.02 * times * float64(o.Started)))}}
					}
				}
				j.Observe(tick)
				v = j.Verdict(w.now)
			}
			if v.Outcome != row.want || !strings.Contains(v.Sentence, row.says) {
				t.Errorf("%s: %s", v.Outcome, v.Sentence)
			}
		})
	}
}
