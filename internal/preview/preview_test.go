package preview

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stagger-dev/stagger"
)

// seen is a witness of one service.
func seen(watch *stagger.Watch, r *stagger.Rollout, p stagger.Progress) Witness {
	return Witness{
		Statuses: func(context.Context) ([]stagger.ServiceStatus, error) {
			s := stagger.ServiceStatus{Service: stagger.Service{Name: "shop"}, Watch: watch}
			if r != nil && !r.Phase.Final() {
				s.Rollout = r
			}
			return []stagger.ServiceStatus{{Service: stagger.Service{Name: "other"}, Watch: &stagger.Watch{Level: stagger.Level{Rate: 1, P50: 1, P95: 2, P99: 3}}}, s}, nil
		},
		Last: func(context.Context, string) (stagger.Rollout, bool, error) {
			if r == nil {
				return stagger.Rollout{}, false, nil
			}
			return *r, true, nil
		},
		Progress: func(context.Context, string) (stagger.Progress, error) { return p, nil },
	}
}

var (
	slow  = stagger.Level{Rate: 100, Errors: 0.02, P50: 0.2, P95: 0.4, P99: 0.8}
	quick = stagger.Level{Rate: 300, Errors: 0.01, P50: 0.1, P95: 0.2, P99: 0.4}
)

func TestTheNewestMeasurementOfTheTrustedVersionCounts(t *testing.T) {
	now := &stagger.Watch{Version: "v3", Level: stagger.Level{Rate: 700, Errors: 0.03, P50: 0.3, P95: 0.4, P99: 0.5}}
	both := stagger.Progress{Baseline: slow, Candidate: quick}
	of := func(phase stagger.Phase) *stagger.Rollout {
		return &stagger.Rollout{ID: "r1", Baseline: "v1", Candidate: "v2", Phase: phase}
	}
	for name, c := range map[string]struct {
		witness      Witness
		rate, errors float64
		source, err  string
	}{
		"watched now":       {seen(now, of(stagger.PhasePromoted), both), 700, 0.03, "v3 in the last seconds,", ""},
		"under way":         {seen(now, of(stagger.PhaseProgressing), both), 400, 0.02, "v1 in the last seconds of r1", ""},
		"promoted":          {seen(nil, of(stagger.PhasePromoted), both), 400, 0.01, "v2 in the last seconds of r1", ""},
		"rolled back":       {seen(&stagger.Watch{Version: "v1"}, of(stagger.PhaseRolledBack), both), 400, 0.02, "v1 in the last", ""},
		"nothing passed":    {seen(nil, of(stagger.PhaseAborted), stagger.Progress{}), 0, 0, "", "measured too little of v1 in r1"},
		"nothing ever was":  {seen(nil, nil, both), 0, 0, "", "knows of no rollout of shop"},
		"watched, but idle": {seen(&stagger.Watch{Version: "v1"}, nil, both), 0, 0, "", "knows of no rollout of shop"},
	} {
		b, rate, err := c.witness.Of(t.Context(), "shop")
		if c.err != "" {
			if stagger.CodeOf(err) != stagger.CodeNotFound || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v, want %q", name, err, c.err)
			}
			continue
		}
		if err != nil || rate != c.rate || b.Errors != c.errors || !strings.Contains(b.Source, c.source) {
			t.Errorf("%s: %v, %g requests/s, %g errors, %q", name, err, rate, b.Errors, b.Source)
		}
	}
}

func ask(lives int) Ask {
	return Ask{File: "f", Rollout: []byte("service: shop\ncandidate: v2\n"), Traffic: Traffic{Rate: 50}, Harms: []string{"errors=100%"}, Replicates: lives, Seed: 1}
}

// TestOneSimulationIsMadeAtATime: who waits too long is told, who goes is let go,
// and the formula waits for nobody.
func TestOneSimulationIsMadeAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := NewDesk(seen(nil, nil, stagger.Progress{}))
		d.turn <- struct{}{}
		if _, err := d.Preview(t.Context(), ask(1)); stagger.CodeOf(err) != stagger.CodeUnavailable || !strings.Contains(err.Error(), "more than 2m0s") {
			t.Errorf("who waited is told %v", err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := d.Preview(gone, ask(1)); !errors.Is(err, context.Canceled) {
			t.Errorf("who went is told %v", err)
		}
		if out, err := d.Preview(t.Context(), ask(0)); err != nil || out.Stages[0].Simulated != 0 || len(out.Stages) != 4 {
			t.Errorf("the formula says %v", err)
		}
		<-d.turn
		if out, err := d.Preview(t.Context(), ask(1)); err != nil || out.Stages[0].Simulated == 0 || len(d.turn) != 0 {
			t.Errorf("the simulation says %v", err)
		}
	})
}

func TestAServerRefusesMoreThanItCanDo(t *testing.T) {
	d := NewDesk(seen(nil, nil, stagger.Progress{}))
	for want, change := range map[string]func(*Ask){
		"lives to simulate, and a server simulates 4000": func(a *Ask) { a.Replicates = 501 },
		"-1 lives cannot be simulated":                   func(a *Ask) { a.Replicates = -1 },
		"write how many requests per second":             func(a *Ask) { a.Traffic.Rate = 0 },
		"already, so this is no harm":                    func(a *Ask) { a.Harms = []string{"errors=0.01%"} },
		"no harm is named":                               func(a *Ask) { a.Lenient, a.Harms = true, []string{"errors=0.01%"} },
	} {
		a := ask(0)
		change(&a)
		if _, err := d.Preview(t.Context(), a); stagger.CodeOf(err) != stagger.CodeInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
