package dashboard_test

import (
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api/apitest"
)

const longPath = "/rollouts/checkout-and-payments-gateway-eu-20261123-120000-4f2a"

// newLong is a world in which everything has the names that pipelines give, and
// many stages.
func newLong(t *testing.T) world {
	t.Helper()
	name, from, to := "checkout-and-payments-gateway-eu", "2026.11.25-4f2a91c0d3e5a7b8c9d0", "2026.11.26-0a1b2c3d4e5f60718293"
	w := worldOf(t, func() []stagger.Service {
		s := apitest.Services()[0]
		s.Name, s.Baseline = name, from
		s.Versions[0].Name, s.Versions[1].Name = from, to
		return []stagger.Service{s}
	}, apitest.Epoch.Add(42*time.Second))
	start := apitest.Start()
	start.Service, start.Candidate = name, to
	start.Change = stagger.Change{Kind: "code", Commit: "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567", Author: "ada.lovelace@analytical-engines.example", Ticket: "PAYMENTS-12345", Summary: "Move the settlement of partially refunded multi-currency baskets to the new ledger and drop the old rounding mode"}
	start.Plan.Stages = []stagger.Stage{
		{Name: "internal-users-and-testers", Rules: []stagger.Rule{{Header: "X-Group", Equals: "staff"}}, MinTime: 10 * time.Second, Timebox: time.Minute},
		{Name: "tenth", Weight: 10 * stagger.WeightPercent, MinTime: 10 * time.Second, Timebox: time.Minute, MinSamples: 2000},
		{Name: "half", Weight: 50 * stagger.WeightPercent, MinTime: 10 * time.Second, Timebox: time.Minute},
		{Name: "most", Weight: 80 * stagger.WeightPercent, MinTime: 10 * time.Second, Timebox: time.Minute},
		{Name: "nearly", Weight: 90 * stagger.WeightPercent, MinTime: 10 * time.Second, Timebox: time.Minute},
		{Name: "nearly-all", Weight: 95 * stagger.WeightPercent, MinTime: 10 * time.Second, Timebox: time.Minute},
	}
	r, e := apitest.Create(name+"-20261123-120000-4f2a", start)
	r.Baseline = from
	e.Created.Baseline = from
	must(t, w.Store.Commit(t.Context(), r, []stagger.Event{e}))
	r.Phase, r.Stage, r.Weight = stagger.PhaseWaiting, 1, 10*stagger.WeightPercent
	r.Hold = stagger.HoldSuspect
	enter(t, w, &r, stagger.EventHeld, "the evidence looks bad, not yet proved: p99 is slower")
	must(t, w.Store.SaveProgress(t.Context(), progress(r)))
	trail, err := grown(progress(r).Verdict).State()
	must(t, err)
	must(t, w.Store.SavePath(t.Context(), r.ID, trail))
	return w
}
