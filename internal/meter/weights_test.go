package meter_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/meter"
)

// shares writes the shares of ticks: "-" where there is none.
func shares(all []stagger.Tick) []string {
	out := make([]string, 0, len(all))
	for _, one := range all {
		share := "-"
		if one.Share != nil {
			share = fmt.Sprint(*one.Share)
		}
		out = append(out, share)
	}
	return out
}

func TestATickTellsTheShareThatItHadAllTheTime(t *testing.T) {
	split := func(percent float64) stagger.Split {
		return stagger.Split{Service: "shop", Baseline: "v1", Candidate: "v2", Seed: "seed", Weight: stagger.Percent(percent)}
	}
	ruled := split(0)
	ruled.Rules, ruled.RuleShare = []stagger.Rule{{Header: "X", Equals: "y"}}, stagger.WeightFull
	another := split(20)
	another.Seed = "another"
	other := split(20)
	other.Service = "unknown"
	type change struct {
		at    float64 // in ticks
		split stagger.Split
	}
	for _, row := range []struct {
		rule    string
		changes []change
		want    []string
	}{
		{"nobody says", nil, []string{"-", "-", "-", "-", "-"}},
		{"nobody says of this service", []change{{0, other}}, []string{"-", "-", "-", "-", "-"}},
		{"the tick of a change has none, nor that before it", []change{{0.5, split(5)}, {3.2, split(25)}}, []string{"-", "0.05", "-", "-", "0.25"}},
		{"the same again is no change", []change{{0.5, split(5)}, {2.1, split(5)}, {2.2, split(5)}}, []string{"-", "0.05", "0.05", "0.05", "0.05"}},
		{"there and back within a tick is one", []change{{0.5, split(5)}, {3.1, split(25)}, {3.2, split(5)}}, []string{"-", "0.05", "-", "-", "0.05"}},
		{"another rollout is one", []change{{0.5, split(20)}, {2.5, another}}, []string{"-", "-", "-", "0.2", "0.2"}},
		{"rules alone leave the weight nobody", []change{{0.5, ruled}}, []string{"-", "0", "0", "0", "0"}},
		{"without exposure there is none", []change{{0.5, split(5)}, {2.5, split(0)}}, []string{"-", "-", "-", "-", "-"}},
		{"a clock that goes back", []change{{2.5, split(5)}, {-9, split(25)}}, []string{"-", "-", "-", "0.25", "0.25"}},
	} {
		t.Run(row.rule, func(t *testing.T) {
			m := meter.New(meter.Options{})
			m.Series("shop", "v1", "all")
			m.Seal(start)
			for _, c := range row.changes {
				m.Weigh(start.Add(time.Duration(c.at*float64(tick))), c.split)
			}
			m.Seal(start.Add(5*tick + 2*time.Second))
			if got := shares(ticks(t, m, time.Time{})); !slices.Equal(got, row.want) {
				t.Errorf("got %v, want %v", got, row.want)
			}
		})
	}
}

// TestSharesSurviveSealing seals between changes, as it is in life.
func TestSharesSurviveSealing(t *testing.T) {
	m := meter.New(meter.Options{})
	m.Series("shop", "v1", "all")
	m.Seal(start)
	weights := []float64{5, 10, 25, 50}
	for i, percent := range weights {
		at := start.Add(time.Duration(i) * 10 * time.Second)
		m.Weigh(at, stagger.Split{Service: "shop", Baseline: "v1", Candidate: "v2", Seed: "seed", Weight: stagger.Percent(percent)})
		for s := range 10 {
			m.Seal(at.Add(time.Duration(s) * time.Second))
		}
	}
	for _, one := range ticks(t, m, start.Add(tick)) {
		i := int(one.From.Sub(start) / (10 * time.Second))
		flips := one.To.Add(tick).After(start.Add(time.Duration(i+1)*10*time.Second)) || one.From.Equal(start.Add(time.Duration(i)*10*time.Second))
		switch {
		case flips && i < len(weights)-1 && one.Share != nil:
			t.Errorf("%v: the share is %v where it changed", one.From.Sub(start), *one.Share)
		case !flips && (one.Share == nil || *one.Share != weights[i]/100):
			t.Errorf("%v: the share is %s, want %v %%", one.From.Sub(start), shares([]stagger.Tick{one})[0], weights[i])
		}
	}
}
