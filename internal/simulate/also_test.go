package simulate_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
	"github.com/stagger-dev/stagger/internal/simulate"
)

// everything looks at all there is to look at.
func everything() []stagger.Guardrail {
	return append(strict(),
		stagger.Guardrail{Signal: stagger.SignalRetries, Tolerance: 1.5, Floor: 0.005, Alpha: 0.01, Action: stagger.ActionHold},
		stagger.Guardrail{Signal: stagger.SignalCount, Metric: "refunds", Tolerance: 1.5, Alpha: 0.01, Action: stagger.ActionHold},
		stagger.Guardrail{Signal: stagger.SignalGauge, Metric: "heap", Tolerance: 0.25, Alpha: 0.01, Action: stagger.ActionHold},
		stagger.Guardrail{Signal: stagger.SignalSaturation, Metric: "cpu", Tolerance: 0.25, Alpha: 0.01, Action: stagger.ActionHold},
	)
}

// played shows every tick of a life after its warm-up.
func played(t *testing.T, tr simulate.Trial, watch func(simulate.Scene)) {
	t.Helper()
	if err := tr.Play(t.Context(), 1, func(s simulate.Scene) bool {
		if s.At > 0 {
			watch(s)
		}
		return !t.Failed()
	}); err != nil {
		t.Fatal(err)
	}
}

// The hosts of every tick add up to the whole, in coarse buckets.
func TestHostsAddUp(t *testing.T) {
	for _, name := range []string{"healthy", "errors=50%", "bursts-10s", "p50=100", "pods", "pods-spread", "ramp"} {
		t.Run(name, func(t *testing.T) {
			tr := trial(t, name)
			tr.Subjects, tr.Length, tr.Hosts = true, time.Minute, 20
			for _, rate := range []float64{3, 1000, 20_000} {
				tr.Rate = rate
				played(t, tr, func(s simulate.Scene) {
					for _, o := range s.Tick.Observations {
						compareHosts(t, o)
					}
				})
			}
		})
	}
}

func compareHosts(t *testing.T, o stagger.Observation) {
	t.Helper()
	if o.Started == 0 {
		return
	}
	var sum, want stagger.Group
	for _, h := range o.Hosts {
		if n := h.Latency.Count() + h.Unfinished; n != h.Started || h.Failed > n {
			t.Errorf("%d requests of %s, %d in its histogram or unfinished, %d failed", h.Started, h.Name, n, h.Failed)
		}
		sum.Started += h.Started
		sum.Failed += h.Failed
		sum.Unfinished += h.Unfinished
		sum.Latency = histogram.Sum(sum.Latency, h.Latency)
	}
	for _, g := range o.Groups { // which add up, as another test says
		want.Latency = histogram.Sum(want.Latency, g.Latency)
	}
	want.Started, want.Failed, want.Unfinished = o.Started, o.Outcomes.Failed(), o.Unfinished
	if diff := cmp.Diff(want, sum, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func TestEachHostMeetsAsMany(t *testing.T) {
	for _, model := range []string{"healthy", "pods"} {
		tr := trial(t, model)
		tr.Hosts, tr.Length = 20, 5*time.Minute
		met := make(map[string]float64)
		played(t, tr, func(s simulate.Scene) {
			for _, o := range s.Tick.Observations {
				for _, h := range o.Hosts {
					met[h.Name] += float64(h.Started)
				}
			}
		})
		if len(met) != 20 || met["c0"] == 0 || met["b18"] == 0 {
			t.Errorf("%s: the hosts are %v", model, met)
		}
		for name, n := range met {
			if want := tr.Rate * 0.05 * tr.Length.Seconds(); math.Abs(n-want) > 5*math.Sqrt(want) {
				t.Errorf("%s: %s met %g, want about %g", model, name, n, want)
			}
		}
	}
}

// TestPodsDifferForGood looks at how far apart hosts are over a long time.
func TestPodsDifferForGood(t *testing.T) {
	swing := func(name string) (spread, harm float64) {
		tr := trial(t, name)
		tr.Rate, tr.Length = 4000, time.Hour
		slow, all := make(map[string]float64), make(map[string]float64)
		played(t, tr, func(s simulate.Scene) {
			for _, o := range s.Tick.Observations {
				for _, h := range o.Hosts {
					slow[h.Name] += float64(histogram.Above(h.Latency, histogram.Index(103_600_000)))
					all[h.Name] += float64(h.Started)
				}
			}
		})
		mean, squares := 0.0, 0.0
		for name, n := range all {
			if name == "c0" {
				continue
			}
			l := math.Log(slow[name] / n)
			mean, squares = mean+l/19, squares+l*l/19
		}
		return math.Sqrt(squares - mean*mean), slow["c0"] / all["c0"] / math.Exp(mean)
	}
	if spread, _ := swing("pods"); spread > 0.05 {
		t.Errorf("pods differ by %.3f over an hour, want little", spread)
	}
	if spread, _ := swing("pods-spread=30%"); spread < 0.18 || spread > 0.45 {
		t.Errorf("pods-spread=30%% differs by %.3f", spread)
	}
	if _, harm := swing("pods-harm"); harm < 1.8 || harm > 2.2 {
		t.Errorf("the candidate of pods-harm has %.2f times the slow requests, want 2", harm)
	}
}

// TestOtherSignalsDoWhatTheySay adds up what is measured besides answers.
func TestOtherSignalsDoWhatTheySay(t *testing.T) {
	for _, row := range []struct {
		model                      string
		split, senders, count      float64 // of the candidate, over what is due
		heap, cpu, requestsPerHead float64
	}{
		{"healthy", 1, 1, 1, 1, 1, 1},
		{"skew", 1.1, 1, 1, 1, 1, 1},
		{"split", 0.8, 1, 1, 1, 1, 1},
		{"retries", 1, 0.8 / 0.6, 1, 1, 1, 0.8 / 0.6},
		{"count=1.5", 1, 1, 1.5, 1, 1, 1},
		{"gauge=50%", 1, 1, 1, 1.5, 1, 1},
		{"saturation=20%", 1, 1, 1, 1, 1.2, 1},
	} {
		t.Run(row.model, func(t *testing.T) {
			tr := trial(t, row.model)
			tr.Share, tr.Length, tr.Guardrails, tr.Rate = 0.25, 20*time.Minute, everything(), 400
			var sum [2]struct{ arrived, sent, senders, events, started, heap, cpu, hosts float64 }
			played(t, tr, func(s simulate.Scene) {
				if *s.Tick.Share != 0.25 {
					t.Errorf("the share is %g", *s.Tick.Share)
				}
				for i, o := range s.Tick.Observations {
					a := &sum[i]
					a.arrived += float64(o.Arrived)
					a.started += float64(o.Started)
					for _, n := range o.Senders {
						for _, subjects := range n.Subjects {
							a.senders += float64(subjects)
							a.sent += float64(subjects * n.Requests)
						}
					}
					for _, c := range o.Counts {
						a.events += float64(c.N)
					}
					for _, g := range o.Gauges {
						if g.Metric == "heap" {
							a.heap += g.Value
							a.hosts++
						} else {
							a.cpu += g.Value
						}
					}
				}
			})
			b, c := sum[0], sum[1]
			near := func(what string, got, want, part float64) {
				t.Helper()
				if math.Abs(got-want) > part*want {
					t.Errorf("%s is %.3f, want %.3f", what, got, want)
				}
			}
			near("the share of arrivals", c.arrived/(b.arrived+c.arrived), 0.25*row.split, 0.05)
			near("all arrivals", b.arrived+c.arrived, 0.1*400*1200, 0.05)
			near("the subjects of each", c.senders/(b.senders+c.senders), 0.25*row.split, 0.07)
			near("requests of a sender", c.sent/c.senders/(b.sent/b.senders), row.senders, 0.07)
			near("requests of a subject", c.started/c.senders/(b.started/b.senders), row.requestsPerHead, 0.1)
			near("events of a request", c.events/c.started/(b.events/b.started), row.count, 0.12)
			near("a gauge", c.heap/c.hosts/(b.heap/b.hosts), row.heap, 0.12)
			near("saturation", c.cpu/c.hosts/(b.cpu/b.hosts), row.cpu, 0.12)
		})
	}
}

// The meter cannot remember everybody, and nobody needs it to.
func TestArrivalsEndWhereTheMeterForgets(t *testing.T) {
	tr := trial(t, "healthy")
	tr.Rate = 10_000
	total := uint64(0)
	played(t, tr, func(s simulate.Scene) {
		total += s.Tick.Observations[0].Arrived + s.Tick.Observations[1].Arrived
	})
	if total != 49_152 {
		t.Errorf("%d subjects arrived", total)
	}
}

// Who is counted sends as many requests as the meter's bins can tell.
func TestSendersAreThoseOfWholeMinutes(t *testing.T) {
	tr := trial(t, "healthy")
	tr.Guardrails = everything()
	minutes, subjects := 0, uint64(0)
	played(t, tr, func(s simulate.Scene) {
		for _, o := range s.Tick.Observations {
			if len(o.Senders) == 0 {
				continue
			}
			if s.Tick.To.Second() != 0 {
				t.Errorf("senders are told at %v", s.Tick.To)
			}
			minutes++
			for _, n := range o.Senders {
				for _, k := range n.Subjects {
					subjects += k
				}
			}
		}
	})
	// One in ten subjects, who send 3.75 requests a minute each.
	if want := 1000.0 * 600 / 3.75 / 10; minutes != 20 || math.Abs(float64(subjects)-want) > 0.05*want {
		t.Errorf("%d subjects in %d tables, want about %g in 20", subjects, minutes, want)
	}
}

func TestAWarmUpHalvesEachMinute(t *testing.T) {
	tr := trial(t, "warm-up=100%")
	tr.Rate, tr.Share = 20_000, 0.5
	got := make([][2]stagger.Observation, 10)
	played(t, tr, func(s simulate.Scene) {
		minute := int((s.At - 1) / time.Minute)
		for i, o := range s.Tick.Observations {
			sum := &got[minute][i]
			sum.Started += o.Started
			sum.Outcomes = sum.Outcomes.Add(o.Outcomes)
			sum.Latency = histogram.Sum(sum.Latency, o.Latency)
		}
	})
	for minute, both := range got[:5] {
		failures := func(o stagger.Observation) float64 { return float64(o.Outcomes.Failed()) / float64(o.Started) }
		mean := 0.7213 * math.Exp2(-float64(minute)) // of 2^-t over the minute
		if ratio, want := failures(both[1])/failures(both[0]), 1+2*mean; math.Abs(ratio-want) > 0.15*want {
			t.Errorf("minute %d: %.2f times as many failures, want %.2f", minute, ratio, want)
		}
		_, a := histogram.Quantile(both[0].Latency, 0.5)
		_, b := histogram.Quantile(both[1].Latency, 0.5)
		if buckets, want := 32*math.Log2(b/a), 12*mean; math.Abs(buckets-want) > 1.5 {
			t.Errorf("minute %d: slower by %.1f buckets, want %.1f", minute, buckets, want)
		}
	}
}

func TestAModelNeedsTheGuardrailThatSeesIt(t *testing.T) {
	for model, signal := range map[string]string{"retries": "retries", "count": "count", "gauge": "gauge", "saturation": "saturation"} {
		tr := trial(t, model)
		if err := tr.Refused(); err == nil || !strings.Contains(err.Error(), "needs a guardrail on the signal "+signal) {
			t.Errorf("%s: got %v", model, err)
		}
		if tr.Guardrails = everything(); tr.Refused() != nil {
			t.Errorf("%s: got %v", model, tr.Refused())
		}
	}
}
