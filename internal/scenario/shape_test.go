package scenario_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stagger-dev/stagger/internal/scenario"
)

// shapes are profiles of every kind.
func shapes(t *testing.T) map[string]scenario.Shape {
	t.Helper()
	all := map[string]scenario.Shape{}
	for _, kind := range scenario.Profiles {
		s, err := scenario.Profile{
			Kind: kind, From: 20, To: 400, Length: 95 * time.Second, Steps: 4, Every: 10 * time.Second, Burst: 2 * time.Second,
		}.Shape()
		if err != nil {
			t.Fatal(err)
		}
		if s.Length() != 95*time.Second || math.Abs(s.Peak()-400) > 1e-9 {
			t.Errorf("%s lasts %s and peaks at %g", kind, s.Length(), s.Peak())
		}
		all[kind] = s
	}
	return all
}

func TestTheCountIsTheIntegralOfTheRate(t *testing.T) {
	for name, s := range shapes(t) {
		const step = time.Millisecond
		sum := 0.0
		for at := time.Duration(0); at < s.Length(); at += step {
			sum += s.Rate(at+step/2) * step.Seconds()
			if at%time.Second == 0 && math.Abs(sum-s.Count(at+step)) > 0.5 {
				t.Fatalf("%s: %g requests until %s, want %g", name, s.Count(at+step), at+step, sum)
			}
		}
	}
}

func TestAWalkInvertsTheCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawShape(t)
		w := scenario.NewWalk(s)
		expected := 0.0
		for range 200 {
			more := rapid.Float64Range(0, s.Count(s.Length())/50+1).Draw(t, "more")
			due, ok := w.Next(more)
			expected += more
			if !ok {
				if whole := s.Count(s.Length()); expected < whole*(1-1e-9) {
					t.Fatalf("it ended at %g of %g", expected, whole)
				}
				return
			}
			// A nanosecond is what a due time is rounded to.
			if off := math.Abs(s.Count(due) - expected); off > 1e-7*(1+expected)+s.Peak()*2e-9 {
				t.Fatalf("%g requests are expected until %s, want %g", s.Count(due), due, expected)
			}
		}
	})
}

func drawShape(t *rapid.T) scenario.Shape {
	rate := rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(0, 1000))
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) scenario.Piece {
		return scenario.Piece{
			Length: time.Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(t, "length")),
			From:   rate.Draw(t, "from"), To: rate.Draw(t, "to"), Smooth: rapid.Bool().Draw(t, "smooth"),
		}
	}), 1, 6).Draw(t, "shape")
}

// TestPoissonArrivalsFollowTheShape compares counts in tenths of the time with
// the integral: sums of squared deviations of Poisson counts, each divided by
// its expectation, are about chi-squared.
func TestPoissonArrivalsFollowTheShape(t *testing.T) {
	for name, s := range shapes(t) {
		random := rand.New(rand.NewPCG(1, 2))
		var got [10]float64
		const runs = 20
		for range runs {
			w := scenario.NewWalk(s)
			for due, ok := w.Next(random.ExpFloat64()); ok; due, ok = w.Next(random.ExpFloat64()) {
				got[min(int(10*due/s.Length()), 9)]++
			}
		}
		chi := 0.0
		for i := range got {
			want := runs * (s.Count(s.Length()*time.Duration(i+1)/10) - s.Count(s.Length()*time.Duration(i)/10))
			chi += (got[i] - want) * (got[i] - want) / want
		}
		if chi > 35.6 { // the quantile 0.9999 of chi-squared with 10 degrees of freedom
			t.Errorf("%s: chi-squared is %.1f with 10 degrees of freedom: %v", name, chi, got)
		}
	}
}

func TestEvenArrivalsAreEven(t *testing.T) {
	w := scenario.NewWalk(scenario.Shape{{From: 8, To: 8}})
	for i := range 100 {
		if due, ok := w.Next(1); !ok || due != time.Duration(i+1)*125*time.Millisecond {
			t.Fatalf("request %d is due at %s", i, due)
		}
	}
}

func TestAProfileOutOfBoundsIsRefused(t *testing.T) {
	good := scenario.Profile{Kind: scenario.Bursts, From: 1, To: 2, Length: time.Minute, Every: 2 * time.Second, Burst: time.Second}
	if _, err := good.Shape(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*scenario.Profile){
		"an unknown kind":      func(p *scenario.Profile) { p.Kind = "square" },
		"no time":              func(p *scenario.Profile) { p.Length = 0 },
		"more than a day":      func(p *scenario.Profile) { p.Length = 25 * time.Hour },
		"no rate":              func(p *scenario.Profile) { p.From, p.To = 0, 0 },
		"not a rate":           func(p *scenario.Profile) { p.To = math.NaN() },
		"a huge rate":          func(p *scenario.Profile) { p.To = scenario.MaxRate + 1 },
		"less than nothing":    func(p *scenario.Profile) { p.From = -1 },
		"one step":             func(p *scenario.Profile) { p.Kind, p.Steps = scenario.Stairs, 1 },
		"a burst without end":  func(p *scenario.Profile) { p.Every = p.Burst },
		"bursts without bound": func(p *scenario.Profile) { p.Every, p.Burst = 2*time.Millisecond, time.Millisecond },
	} {
		p := good
		change(&p)
		if s, err := p.Shape(); err == nil {
			t.Errorf("%s is taken: %v", name, s)
		}
	}
	if !slices.Contains(scenario.Profiles, good.Kind) {
		t.Error("bursts are not among the profiles")
	}
}
