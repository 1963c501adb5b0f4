package balance

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stagger-dev/stagger"
)

var begin = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func rule() stagger.Outlier {
	return stagger.Outlier{
		Consecutive: 5, Excess: 0.1, Interval: 10 * time.Second,
		Ejection: 30 * time.Second, MaxEjection: 100 * time.Second, MaxShare: 0.5,
	}
}

// TestTheBoundHoldsWhateverHappens ejects, returns, forgets and adds at random.
func TestTheBoundHoldsWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rule()
		r.MaxShare = rapid.Float64Range(0, 1).Draw(t, "share")
		o := NewOutliers[int](r)
		now, next := begin, 0
		var all []int
		well := map[int]bool{}
		list := func() (out []int) {
			for _, k := range all {
				if well[k] {
					out = append(out, k)
				}
			}
			return out
		}
		t.Repeat(map[string]func(*rapid.T){
			"join": func(*rapid.T) { all, well[next], next = append(all, next), true, next+1 },
			"leave": func(t *rapid.T) {
				if len(all) > 0 {
					i := rapid.IntRange(0, len(all)-1).Draw(t, "who")
					o.Forget(all[i])
					all = slices.Delete(all, i, i+1)
					o.Return(now, len(all))
				}
			},
			"probe": func(t *rapid.T) {
				if len(all) > 0 {
					k := all[rapid.IntRange(0, len(all)-1).Draw(t, "who")]
					well[k] = !well[k]
				}
			},
			"eject": func(t *rapid.T) {
				if len(all) == 0 {
					return
				}
				k := all[rapid.IntRange(0, len(all)-1).Draw(t, "who")]
				if o.Eject(now, k, "it failed", list(), len(all)) && !slices.ContainsFunc(list(), func(k int) bool { _, _, out := o.Out(k); return !out }) {
					t.Fatal("the last that was well is left out")
				}
			},
			"wait": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 200).Draw(t, "seconds")) * time.Second)
				o.Return(now, len(all))
				o.Forgive()
			},
			"": func(t *rapid.T) {
				out := 0
				for _, k := range all {
					until, _, is := o.Out(k)
					if is {
						out++
					}
					if is && until.Sub(now) > r.MaxEjection {
						t.Fatalf("left out for %s", until.Sub(now))
					}
				}
				if float64(out) > r.MaxShare*float64(len(all))+1e-9 {
					t.Fatalf("%d of %d are left out, a share of %v at most", out, len(all), r.MaxShare)
				}
			},
		})
	})
}

func TestEachTimeIsLongerAndIsForgiven(t *testing.T) {
	o := NewOutliers[string](rule())
	well := []string{"a", "b"}
	now := begin
	term := func() time.Duration {
		t.Helper()
		if !o.Eject(now, "a", "it failed", well, 2) {
			t.Fatal("it stays")
		}
		until, reason, _ := o.Out("a")
		if reason != "it failed" {
			t.Errorf("the reason is %q", reason)
		}
		d := until.Sub(now)
		if back, next := o.Return(until.Add(-1), 2); back != nil || !next.Equal(until) {
			t.Errorf("%v back before its time, next %s", back, next)
		}
		if back, _ := o.Return(until, 2); !slices.Equal(back, []string{"a"}) {
			t.Errorf("%v back at its time", back)
		}
		return d
	}
	for _, want := range []int{30, 60, 90, 100, 100} {
		if got := term(); got.Seconds() != float64(want) {
			t.Errorf("left out for %s, want %ds", got, want)
		}
	}
	for range 5 {
		o.Forgive()
	}
	if got := term(); got != 30*time.Second {
		t.Errorf("after it was forgiven it is left out for %s", got)
	}
}

func TestWhoStaysAloneIsNotLeftOut(t *testing.T) {
	o := NewOutliers[string](rule())
	if o.Eject(begin, "a", "", []string{"a"}, 1) || o.Eject(begin, "a", "", []string{"a"}, 3) {
		t.Error("the only one that is well is left out")
	}
	if o.Eject(begin, "b", "", []string{"a"}, 3) {
		t.Error("who is ill already is left out")
	}
	if !o.Eject(begin, "a", "", []string{"a", "b", "c"}, 3) || o.Eject(begin, "b", "", []string{"a", "b", "c"}, 3) {
		t.Error("of three, not one is left out")
	}
}

func TestAnotherJudgeLearnsWhatOneKnows(t *testing.T) {
	one, other := NewOutliers[string](rule()), NewOutliers[string](rule())
	one.Eject(begin, "a", "it failed", []string{"a", "b"}, 2)
	other.Learn("a", one)
	other.Learn("b", one)
	other.Learn("a", nil)
	if _, _, out := other.Out("a"); !out {
		t.Error("it does not know")
	}
	one.Return(begin.Add(time.Hour), 2)
	if _, _, out := other.Out("a"); !out {
		t.Error("it forgets with the first")
	}
}

func TestWorseIsFoundBeyondChanceOnly(t *testing.T) {
	for name, row := range map[string]struct {
		tallies []Tally
		want    []int
	}{
		"nobody":            {nil, nil},
		"alone":             {[]Tally{{100, 100}}, nil},
		"no requests":       {[]Tally{{0, 0}, {100, 0}}, nil},
		"all fail":          {[]Tally{{100, 100}, {100, 100}}, nil},
		"one of two":        {[]Tally{{100, 30}, {100, 1}}, []int{0}},
		"too few":           {[]Tally{{3, 3}, {3, 0}}, nil},
		"within the excess": {[]Tally{{100_000, 9_000}, {100_000, 0}}, nil},
		"the worst first":   {[]Tally{{500, 200}, {500, 0}, {500, 0}, {500, 400}, {500, 0}}, []int{3, 0}},
	} {
		if got := Worse(row.tallies, 0.1); !slices.Equal(got, row.want) {
			t.Errorf("%s: %v, want %v", name, got, row.want)
		}
	}
}

func TestEqualEndpointsAreNotWorse(t *testing.T) {
	chance := rand.New(rand.NewPCG(3, 4))
	found := 0
	const looks = 20_000
	for range looks {
		tallies := make([]Tally, 5)
		for i := range tallies {
			tallies[i].Requests = 40
			for range 40 {
				if chance.Float64() < 0.3 {
					tallies[i].Failures++
				}
			}
		}
		found += len(Worse(tallies, 0.1))
	}
	if found > looks/1000 {
		t.Errorf("%d of %d looks found somebody among equals", found, looks)
	}
}

func TestWarmthGrowsLinearly(t *testing.T) {
	for after, want := range map[time.Duration]float64{0: 0.1, 2 * time.Second: 0.1, 10 * time.Second: 1.0 / 3, 15 * time.Second: 0.5, 30 * time.Second: 1, time.Hour: 1} {
		if got := Warmth(begin, begin.Add(after), 30*time.Second); math.Abs(got-want) > 1e-9 {
			t.Errorf("after %s it is %v, want %v", after, got, want)
		}
	}
	if Warmth(begin, begin, 0) != 1 {
		t.Error("without slow start it is not whole")
	}
}
