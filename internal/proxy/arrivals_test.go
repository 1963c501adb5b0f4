package proxy_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/cohort"
	"github.com/stagger-dev/stagger/internal/proxy"
)

// arrivals seals everything and returns how many subjects arrived at each
// version, and every share that any tick tells.
func (w *world) arrivals(t *testing.T) (arrived map[string]uint64, shares map[float64]bool) {
	t.Helper()
	w.observed(t, "v1")
	w.observed(t, "v2")
	all, err := w.meter.Ticks(t.Context(), "shop", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	arrived, shares = make(map[string]uint64), make(map[float64]bool)
	for _, one := range all {
		if one.Share != nil {
			shares[*one.Share] = true
		}
		for _, o := range one.Observations {
			arrived[o.Version] += o.Arrived
		}
	}
	return arrived, shares
}

// TestEverySubjectArrivesOnceAtTheVersionOfItsFirstRequest lets the weight
// grow, go, come back and survive a reload while the same subjects come again
// and again, some of them chosen by a rule.
func TestEverySubjectArrivesOnceAtTheVersionOfItsFirstRequest(t *testing.T) {
	shop := service(version("v1", named(t, "v1")), version("v2", named(t, "v2")))
	w := run(t, proxy.Limits{}, shop)
	c := client(t)
	come := func(from, to int) {
		for i := from; i < to; i++ {
			get(t, c, w.url, user(fmt.Sprint(i)))
		}
	}
	apply := func(weight stagger.Weight) {
		t.Helper()
		s := half()
		s.Weight = weight
		s.Rules, s.RuleShare = []stagger.Rule{{Header: "X-User", Matches: "1?7"}}, stagger.WeightFull
		if err := w.Apply(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	come(0, 20) // before the rollout nobody arrives
	apply(stagger.WeightNone)
	come(0, 20) // nor while rules alone choose
	apply(stagger.Percent(20))
	come(0, 20)
	apply(stagger.Percent(60)) // many of the twenty meet another version now
	come(0, 40)
	apply(stagger.WeightNone)
	come(0, 40)
	if err := w.Apply(t.Context(), stagger.Split{Service: "shop", Baseline: "v1"}); err != nil {
		t.Fatal(err)
	}
	apply(stagger.Percent(60))
	if err := w.Reload([]stagger.Service{shop}); err != nil {
		t.Fatal(err)
	}
	come(0, 60)

	want := map[string]uint64{"v1": 0, "v2": 0}
	for i := range 60 {
		weight := stagger.Percent(60)
		if i < 20 {
			weight = stagger.Percent(20)
		}
		switch name := fmt.Sprint(i); {
		case i == 7 || i == 17: // a rule had a say
		case cohort.Member("seed", name, weight):
			want["v2"]++
		default:
			want["v1"]++
		}
	}
	got, shares := w.arrivals(t)
	if got["v1"] != want["v1"] || got["v2"] != want["v2"] {
		t.Errorf("%v arrived, want %v", got, want)
	}
	// The last split was in force for all the ticks that are sealed beyond now;
	// of the others only those without a change have a share.
	if !shares[0.6] {
		t.Errorf("the shares are %v, want 0.6 among them", shares)
	}
	for share := range shares {
		if share != 0 && share != 0.2 && share != 0.6 {
			t.Errorf("a tick has the share %v, which never was", share)
		}
	}
}

func TestWithoutExposureNoTickHasAShare(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", named(t, "v1")), version("v2", named(t, "v2"))))
	s := half()
	s.Weight = stagger.WeightNone
	if err := w.Apply(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	get(t, client(t), w.url)
	if arrived, shares := w.arrivals(t); len(shares) > 0 || arrived["v1"] > 0 {
		t.Errorf("shares %v, arrived %v", shares, arrived)
	}
}
