package proxy_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/cohort"
	"github.com/stagger-dev/stagger/internal/proxy"
)

func TestCrowdIsOfTheRolloutAndStaysAfterIt(t *testing.T) {
	services := service(version("v1", named(t, "v1")), version("v2", named(t, "v2")))
	w := run(t, proxy.Limits{}, services)
	if w.Crowd("shop", "r1") != nil || w.Crowd("nobody", "r1") != nil {
		t.Fatal("somebody met a candidate before there was one")
	}
	s := half()
	s.Rollout = "r1"
	come := func(weight stagger.Weight) (met int) {
		t.Helper()
		if s.Weight = weight; s.Weight == 0 {
			s.Candidate = ""
		}
		if err := w.Apply(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		for i := range 300 {
			name := fmt.Sprint("user-", i)
			if cohort.Member("seed", name, weight) {
				met++
			}
			get(t, client(t), w.url, user(name))
		}
		return met
	}
	near := func(want int) {
		t.Helper()
		crowd := w.Crowd("shop", "r1")
		if crowd == nil {
			t.Fatal("nobody is counted")
		}
		if n := crowd.Estimate(); math.Abs(n-float64(want)) > 0.08*float64(want)+2 {
			t.Errorf("%d users met the candidate, counted are %.1f", want, n)
		}
	}
	come(stagger.Percent(10))
	most := come(stagger.Percent(50)) // nobody moves back, so all of before are among them
	near(most)
	if err := w.Reload([]stagger.Service{services}); err != nil {
		t.Fatal(err)
	}
	near(most)
	come(0)
	near(most)
	if w.Crowd("shop", "r2") != nil {
		t.Error("another rollout has a crowd")
	}
}
