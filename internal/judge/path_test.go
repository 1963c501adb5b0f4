package judge_test

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/judge"
)

var pathEpoch = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// anyVerdict draws a verdict with whatever numbers and slots there may be.
func anyVerdict(t *rapid.T, at time.Time) stagger.Verdict {
	number := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, 1, 1.23456789, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, 5e-324}))
	return stagger.Verdict{
		At:     at,
		Advice: rapid.SampledFrom([]stagger.Advice{stagger.AdviseNothing, stagger.AdviseNothing, stagger.AdviseNothing, stagger.AdviseHold, stagger.AdviseRollback}).Draw(t, "advice"),
		Findings: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) stagger.Finding {
			return stagger.Finding{
				Signal: rapid.SampledFrom([]stagger.Signal{stagger.SignalErrors, stagger.SignalLatency, stagger.SignalGoodput}).Draw(t, "signal"),
				Slot:   rapid.SampledFrom([]string{"", "p50", "p99"}).Draw(t, "slot"), Metric: rapid.SampledFrom([]string{"", "", "carts"}).Draw(t, "metric"),
				Tolerance: number.Draw(t, "tolerance"), Estimate: number.Draw(t, "estimate"), Low: number.Draw(t, "low"), High: number.Draw(t, "high"),
				Suspect: number.Draw(t, "suspect"), Rollback: number.Draw(t, "rollback"), Healthy: number.Draw(t, "healthy"),
			}
		}), 0, 5).Draw(t, "findings"),
	}
}

// checkPath holds what a path owes to those who draw it.
func checkPath(t rapid.TB, p stagger.Path) {
	t.Helper()
	n := len(p.At)
	if n > 240 || len(p.Advice) != n || len(p.Slots) > 32 {
		t.Fatalf("%d points, %d advices, %d slots", n, len(p.Advice), len(p.Slots))
	}
	if !slices.IsSortedFunc(p.At, func(a, b time.Time) int { return a.Compare(b) }) {
		t.Fatalf("out of order: %v", p.At)
	}
	for _, s := range p.Slots {
		for _, list := range [][]float64{s.Estimate, s.Low, s.High, s.Suspect, s.Rollback, s.Healthy, {s.Tolerance}} {
			if len(list) != n && len(list) != 1 {
				t.Fatalf("%s has a list of %d numbers at %d points", s.Signal, len(list), n)
			}
			for _, x := range list {
				if math.IsNaN(x) || math.IsInf(x, 0) {
					t.Fatalf("%s has %v", s.Signal, x)
				}
			}
		}
	}
}

func TestPathIsBoundedOrderedAndWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		trail, now := judge.NewTrail(), pathEpoch
		for range rapid.IntRange(1, 8).Draw(t, "phases") {
			v := anyVerdict(t, now)
			stride := rapid.SampledFrom([]time.Duration{0, 250 * time.Millisecond, time.Second, time.Minute, -time.Hour}).Draw(t, "stride")
			for range rapid.IntRange(1, 300).Draw(t, "looks") {
				now = now.Add(stride)
				v.At = now
				trail.Add(v)
			}
			p := trail.Path()
			checkPath(t, p)
			if p.Advice[len(p.At)-1] != v.Advice {
				t.Fatalf("the newest advice is %s, not %s", p.Advice[len(p.At)-1], v.Advice)
			}
		}
	})
}

func TestRestoredPathGoesOnBitForBit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		through, restarted, now := judge.NewTrail(), judge.NewTrail(), pathEpoch
		for range rapid.IntRange(1, 6).Draw(t, "phases") {
			v := anyVerdict(t, now)
			for range rapid.IntRange(1, 200).Draw(t, "looks") {
				now = now.Add(430 * time.Millisecond)
				v.At = now
				through.Add(v)
				restarted.Add(v)
			}
			restarted = reread(t, restarted)
		}
		if a, b := written(t, through), written(t, restarted); !bytes.Equal(a, b) {
			t.Fatalf("it went on with\n%s\nafter restarts with\n%s", a, b)
		}
	})
}

func written(t rapid.TB, trail *judge.Trail) []byte {
	t.Helper()
	state, err := trail.State()
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func reread(t rapid.TB, trail *judge.Trail) *judge.Trail {
	t.Helper()
	again, err := judge.RestoreTrail(written(t, trail))
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// TestPathKeepsDecisionsAndTheNewest lets an hour pass at four looks a second,
// with one suspicion early on.
func TestPathKeepsDecisionsAndTheNewest(t *testing.T) {
	trail := judge.NewTrail()
	var at time.Time
	held, cleared := pathEpoch.Add(10*time.Minute+250*time.Millisecond), pathEpoch.Add(10*time.Minute+1500*time.Millisecond)
	for i := range 4 * 3600 {
		at = pathEpoch.Add(time.Duration(i) * 250 * time.Millisecond)
		v := stagger.Verdict{At: at, Advice: stagger.AdviseNothing, Findings: []stagger.Finding{{Signal: stagger.SignalErrors, Suspect: float64(i)}}}
		if !at.Before(held) && at.Before(cleared) {
			v.Advice = stagger.AdviseHold
		}
		trail.Add(v)
	}
	p := trail.Path()
	checkPath(t, p)
	if n := len(p.At); n < 120 || !p.At[n-1].Equal(at) || p.Slots[0].Suspect[n-1] != 4*3600-1 {
		t.Errorf("%d points; the newest at %s has %v", n, p.At[n-1], p.Slots[0].Suspect[n-1])
	}
	for _, want := range []time.Time{held, cleared} {
		if !slices.ContainsFunc(p.At, want.Equal) {
			t.Errorf("the decision at %s is gone", want)
		}
	}
	if p.Step != 16*time.Second {
		t.Errorf("a step of %s", p.Step)
	}
}

func TestBrokenPathIsRefused(t *testing.T) {
	trail := judge.NewTrail()
	for i := range 3 {
		trail.Add(stagger.Verdict{At: pathEpoch.Add(time.Duration(i) * time.Minute), Findings: []stagger.Finding{{Signal: stagger.SignalErrors}}})
	}
	for name, spoil := range map[string]func(p *stagger.Path){
		"a list is short":      func(p *stagger.Path) { p.Slots[0].Low = p.Slots[0].Low[1:] },
		"no advice":            func(p *stagger.Path) { p.Advice = nil },
		"time runs backwards":  func(p *stagger.Path) { slices.Reverse(p.At) },
		"no step":              func(p *stagger.Path) { p.Step = 0 },
		"a step without end":   func(p *stagger.Path) { p.Step = math.MaxInt64 },
		"too many slots":       func(p *stagger.Path) { p.Slots = slices.Repeat(p.Slots, 33) },
		"more than all points": func(p *stagger.Path) { p.At = slices.Repeat(p.At, 100) },
	} {
		var p stagger.Path
		if err := json.Unmarshal(written(t, trail), &p); err != nil {
			t.Fatal(err)
		}
		spoil(&p)
		data, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := judge.RestoreTrail(data); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
	if _, err := judge.RestoreTrail([]byte("[")); err == nil {
		t.Error("what is no JSON is taken")
	}
}
