package judge_test

import (
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/judge"
)

// TestTroubleIsNotHarm plays two versions alike through whatever measurements
// can suffer. Nothing of it may prove a regression, and what nobody met or told
// may not be called healthy.
func TestTroubleIsNotHarm(t *testing.T) {
	empty := func(o *stagger.Observation) {
		*o = stagger.Observation{Service: o.Service, Version: o.Version, Route: o.Route, From: o.From, To: o.To}
	}
	const after = 10 // seconds of stage before trouble begins
	for _, row := range []struct {
		name    string
		rate    float64
		spoil   func(w *world, i int, t *stagger.Tick) []stagger.Tick // what arrives of the i-th tick
		healthy bool                                                  // may be called so
	}{
		{name: "nobody meets the candidate", rate: 400, spoil: func(_ *world, _ int, t *stagger.Tick) []stagger.Tick {
			empty(&t.Observations[1])
			return []stagger.Tick{*t}
		}},
		{name: "nobody meets the baseline", rate: 400, healthy: true, spoil: func(_ *world, _ int, t *stagger.Tick) []stagger.Tick {
			empty(&t.Observations[0])
			return []stagger.Tick{*t}
		}},
		{name: "one request an hour", rate: 1.0 / 3600, spoil: func(_ *world, _ int, t *stagger.Tick) []stagger.Tick {
			return []stagger.Tick{*t}
		}},
		{name: "ticks come twice, late and out of order", rate: 400, healthy: true, spoil: func() func(*world, int, *stagger.Tick) []stagger.Tick {
			var before stagger.Tick
			return func(_ *world, i int, t *stagger.Tick) []stagger.Tick {
				late := before
				before = *t
				switch i % 3 {
				case 0:
					return []stagger.Tick{*t, *t}
				case 1:
					return []stagger.Tick{*t, late}
				default:
					return []stagger.Tick{late, *t}
				}
			}
		}()},
		{name: "counters that wrapped", rate: 400, healthy: true, spoil: func(_ *world, i int, t *stagger.Tick) []stagger.Tick {
			if i%2 == 0 {
				t.Observations[1].Started -= 1 << 40
			}
			return []stagger.Tick{*t}
		}},
		{name: "the candidate stops reporting", rate: 400, spoil: func(_ *world, i int, t *stagger.Tick) []stagger.Tick {
			if i > after*4 {
				t.Observations = t.Observations[:1]
			}
			return []stagger.Tick{*t}
		}, healthy: true},
		{name: "all stop reporting", rate: 400, healthy: true, spoil: func(_ *world, i int, t *stagger.Tick) []stagger.Tick {
			if i > after*4 {
				return nil
			}
			return []stagger.Tick{*t}
		}},
		{name: "the clock steps back and forth", rate: 400, healthy: true, spoil: func(w *world, i int, t *stagger.Tick) []stagger.Tick {
			if i%80 == 79 {
				w.now = w.now.Add(time.Duration(1-2*(i/80%2)) * 30 * time.Second)
			}
			return []stagger.Tick{*t}
		}},
		{name: "the weight changes every second", rate: 400, healthy: true, spoil: func(w *world, i int, t *stagger.Tick) []stagger.Tick {
			if i%4 == 3 {
				w.share = []float64{0.01, 0.5, 0.1, 0.9}[i/4%4]
				// Load and failures change with it, for both.
				w.v1.errors = []float64{0.001, 0.02, 0.005, 0.05}[i/4%4]
				w.v2.errors = w.v1.errors
			}
			return []stagger.Tick{*t}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			for seed := range uint64(6) {
				w, j := newWorld(seed, row.rate), judge.New(config())
				w.warm(j, 0.3)
				for i := range 90 * 4 {
					tick := w.tick()
					for _, arrives := range row.spoil(w, i, &tick) {
						j.Observe(arrives)
					}
					v := j.Verdict(w.now)
					if v.Outcome == stagger.OutcomeRegressed || v.Advice == stagger.AdviseShed {
						t.Fatalf("seed %d, second %d: %s: %s", seed, i/4, v.Outcome, v.Sentence)
					}
					if v.Outcome == stagger.OutcomeHealthy && (!row.healthy || v.Candidate.Stage == 0) {
						t.Fatalf("seed %d, second %d: healthy: %s", seed, i/4, v.Sentence)
					}
				}
			}
		})
	}
}
