package dashboard_test

import (
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api/apitest"
)

// resident is a service of a town, with what is rolled out there.
type resident struct {
	name, summary, ticket string
	phase                 stagger.Phase // "" for nothing under way
	hold                  stagger.Hold
	stage                 int
	sentence, next        string
	past                  []int // of over
}

// residents are services in all the states that a first page tells apart.
var residents = []resident{
	{"basket", "Faster basket totals", "SHOP-42", stagger.PhaseWaiting, stagger.HoldSuspect, 1, "v2 takes 39.1 ms at p99 against 31.5 ms for v1 in the same seconds (ratio 1.06 to 1.3)", "rolls back when the suspicion is proved, goes on when it clears", []int{1, 3, 2}},
	{"billing", "", "", "", "", 0, "", "", []int{1, 2, 6, 3}},
	{"catalog", "Search by synonyms", "SHOP-77", stagger.PhaseProgressing, "", 2, "no sign of harm; about 1,200 more requests needed to exclude +10% at p99", "everybody and the bake in 3m10s if healthy by then", []int{2}},
	{"checkout", "", "", "", "", 0, "", "", []int{3, 1}},
	{"login", "Passkeys", "ID-9", stagger.PhaseBaking, "", 3, "v2 is as good as v1 within the margins, on 48,120 requests", "v2 is the new baseline in 41m if healthy", nil},
	{"mail", "Templates from the store", "MAIL-3", stagger.PhasePaused, stagger.HoldPaused, 1, "no sign of harm", "goes on when a person says so", []int{4, 1}},
	{"search", "", "", "", "", 0, "", "", nil},
}

// newTown is a dashboard of several services, as a team has it on a weekday.
func newTown(t *testing.T) world {
	t.Helper()
	w := worldOf(t, func() (all []stagger.Service) {
		for _, r := range residents {
			one := apitest.Services()[0]
			one.Name = r.name
			all = append(all, one)
		}
		return all
	}, apitest.Epoch.Add(42*time.Second))
	for i, r := range residents {
		for k, n := range r.past {
			over(t, w, r.name+"-past-"+string(rune('a'+k)), r.name, apitest.Epoch.AddDate(0, 0, k-8).Add(time.Duration(i)*time.Hour), n)
		}
		if r.phase != "" {
			r.rolls(t, w)
		}
	}
	return w
}

// rolls has a resident's rollout under way.
func (r resident) rolls(t *testing.T, w world) {
	t.Helper()
	start := apitest.Start()
	start.Service = r.name
	start.Change = stagger.Change{Kind: "code", Commit: "4f2a91c", Author: "ada", Ticket: r.ticket, Summary: r.summary}
	start.Plan.Stages = []stagger.Stage{
		{Name: "staff", Rules: []stagger.Rule{{Header: "X-Group", Equals: "staff"}}, MinTime: 10 * time.Second, Timebox: time.Minute},
		{Name: "tenth", Weight: 10 * stagger.WeightPercent, MinTime: 10 * time.Second, Timebox: time.Minute},
		{Name: "half", Weight: 50 * stagger.WeightPercent, MinTime: 10 * time.Second, Timebox: time.Minute},
	}
	one, e := apitest.Create(r.name+"-20261123-120000-4f2a", start)
	e.Reason = "ada started it"
	must(t, w.Store.Commit(t.Context(), one, []stagger.Event{e}))
	one.Phase, one.Hold, one.Stage = r.phase, r.hold, r.stage
	one.Weight = []stagger.Weight{0, 10 * stagger.WeightPercent, 50 * stagger.WeightPercent, stagger.WeightFull}[r.stage]
	enter(t, w, &one, stagger.EventStageEntered, "a stage begins")
	p := progress(one)
	p.Next, p.Verdict.Sentence = r.next, r.sentence
	if r.hold != stagger.HoldSuspect {
		p.Verdict.Outcome, p.Verdict.Advice = stagger.OutcomeInconclusive, stagger.AdviseNothing
	}
	if r.phase == stagger.PhaseBaking {
		p.Verdict.Outcome = stagger.OutcomeHealthy
	}
	must(t, w.Store.SaveProgress(t.Context(), p))
}
