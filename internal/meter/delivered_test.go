package meter_test

import (
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/meter"
)

func TestWhatUsersGotIsCountedBesideWhatTheVersionDid(t *testing.T) {
	m := meter.New(meter.Options{})
	candidate, baseline := m.Series("shop", "v2", "all"), m.Series("shop", "v1", "all")
	candidate.Further()
	begin := time.Now()
	for range 3 { // the candidate fails, the baseline answers
		candidate.Begin(begin, 1).End(begin, meter.ServerError)
		baseline.Attempt(meter.Fallback, meter.OK)
		candidate.Deliver(meter.ServerError, meter.OK)
	}
	candidate.Begin(begin, 1).End(begin, meter.OK)
	candidate.Deliver(meter.OK, meter.OK)

	if got, want := m.Delivered("shop", "v2"), (stagger.Outcomes{OK: 4}); got != want {
		t.Errorf("delivered %+v, want %+v", got, want)
	}
	if got, want := m.Attempts("shop", "v1", meter.Fallback), (stagger.Outcomes{OK: 3}); got != want {
		t.Errorf("attempts %+v, want %+v", got, want)
	}
	m.Seal(begin.Add(time.Minute))
	ticks, err := m.Ticks(t.Context(), "shop", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tick := range ticks {
		for _, o := range tick.Observations {
			want := stagger.Outcomes{}
			if o.Version == "v2" && o.Started > 0 {
				want = stagger.Outcomes{OK: 1, ServerError: 3}
			}
			if o.Outcomes != want {
				t.Errorf("a judge sees %+v of %s, want %+v", o.Outcomes, o.Version, want)
			}
		}
	}
	delivered := map[string]float64{}
	for _, one := range gather(t, m)["stagger_delivered_total"].GetMetric() {
		if label(one, "version") == "v2" {
			delivered[label(one, "outcome")] = one.GetCounter().GetValue()
		}
	}
	if delivered["2xx"] != 4 || delivered["5xx"] != 0 || total(t, m, "v2", "5xx") != 3 {
		t.Errorf("metrics: %v delivered, %v failed", delivered, total(t, m, "v2", "5xx"))
	}
}
