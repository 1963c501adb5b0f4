package dashboard_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api/apitest"
	"github.com/stagger-dev/stagger/internal/course"
	"github.com/stagger-dev/stagger/internal/judge"
)

// fleet is 20 services, each in an hour-long rollout that goes on.
type fleet struct {
	world

	now      time.Time
	rollouts []stagger.Rollout
	course   *course.Recorder // as all of them went
	trail    *judge.Trail
	random   *rand.Rand
}

const fleetSize = 20

func fleetServices() []stagger.Service {
	var all []stagger.Service
	for i := range fleetSize {
		s := apitest.Services()[0]
		s.Name = fmt.Sprintf("service-%02d", i+1)
		all = append(all, s)
	}
	return all
}

// newFleet is there an hour after all of them began.
func newFleet(t testing.TB) *fleet {
	t.Helper()
	f := &fleet{
		world: worldOf(t, fleetServices, apitest.Epoch.Add(time.Hour)),
		now:   apitest.Epoch, course: course.New("v1", "v2"), trail: judge.NewTrail(), random: rand.New(rand.NewPCG(1, 2)),
	}
	for _, service := range fleetServices() {
		f.begins(t, service.Name)
	}
	f.course.BeginStage(1, f.now)
	for f.now.Before(apitest.Epoch.Add(time.Hour)) {
		f.ticks()
	}
	f.keeps(t)
	return f
}

// begins starts the rollout of a service, with an hour of history: it is held and
// released every two minutes.
func (f *fleet) begins(t testing.TB, service string) {
	t.Helper()
	start := apitest.Start()
	start.Service = service
	start.Change = stagger.Change{Kind: "code", Commit: "4f2a91c", Author: "ada", Ticket: "SHOP-42", Summary: "Faster basket totals"}
	r, e := apitest.Create(service+"-20261123-120000-4f2a", start)
	must(t, f.Store.Commit(t.Context(), r, []stagger.Event{e}))
	r.Phase, r.Stage, r.Weight = stagger.PhaseProgressing, 0, 10*stagger.WeightPercent
	enter(t, f.world, &r, stagger.EventStageEntered, "stage few begins at 10%: v1 and v2 are ready")
	for range 30 {
		r.Phase, r.Hold = stagger.PhaseWaiting, stagger.HoldSuspect
		enter(t, f.world, &r, stagger.EventHeld, "the evidence looks bad, not yet proved: v2 takes 31.1 ms at p99 against 25.1 ms for v1 in the same seconds (ratio 1.01 to 1.5), 10231 candidate requests; the limit is 1.1; chance of being wrong at most 5%")
		r.Phase, r.Hold = stagger.PhaseProgressing, ""
		enter(t, f.world, &r, stagger.EventReleased, "the suspicion has cleared: v2 takes 25.3 ms at p99 against 25.1 ms for v1 in the same seconds (ratio 0.9 to 1.2)")
	}
	f.rollouts = append(f.rollouts, r)
}

// ticks lets a quarter of a second pass.
func (f *fleet) ticks() {
	const quarter = 250 * time.Millisecond
	backlog := 7 + f.random.Float64()
	f.course.Look(0.1, stagger.Level{InFlight: 14}, stagger.Level{InFlight: 2, Backlog: &backlog})
	f.course.Observe(&stagger.Tick{Service: "shop", From: f.now, To: f.now.Add(quarter), Observations: []stagger.Observation{
		seen("v1", f.now, 90, 0.012, f.random), seen("v2", f.now, 10, 0.0124, f.random),
	}})
	f.now = f.now.Add(quarter)
	f.trail.Add(f.verdict())
}

func (f *fleet) verdict() stagger.Verdict {
	v := progress(stagger.Rollout{}).Verdict
	v.At = f.now
	for i := range v.Findings {
		x := &v.Findings[i]
		if x.Estimate > 0 {
			x.Estimate *= 1 + 0.01*f.random.NormFloat64()
		}
	}
	return v
}

// keeps writes down what grows, as the controller does every few seconds.
func (f *fleet) keeps(t testing.TB) {
	t.Helper()
	grown, err := f.course.State()
	must(t, err)
	path, err := f.trail.State()
	must(t, err)
	for _, r := range f.rollouts {
		must(t, f.Store.SaveCourse(t.Context(), r.ID, grown))
		must(t, f.Store.SavePath(t.Context(), r.ID, path))
		f.tells(t, r)
	}
}

// tells says how a rollout does now, as the controller does with each tick.
func (f *fleet) tells(t testing.TB, r stagger.Rollout) {
	t.Helper()
	p := progress(r)
	p.At, p.Verdict = time.Now(), f.verdict() // what is old is no news
	p.Observed *= 1 + 0.01*f.random.NormFloat64()
	p.Candidate.Rate *= 1 + 0.05*f.random.NormFloat64()
	must(t, f.Store.SaveProgress(t.Context(), p))
}
