package controller_test

import (
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/controller"
	"github.com/stagger-dev/stagger/internal/sim"
)

// restart ends the controller and starts another on the same journal.
func restart(t *testing.T, w *sim.World) {
	t.Helper()
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestRestartGoesOn(t *testing.T) {
	w := world(t)
	w.Deploy("v2", plan())
	w.Run(t.Context(), 6*time.Second)
	w.Plane.Restart()
	restart(t, w)
	w.Run(t.Context(), 20*time.Second)
	if r := w.Last(); r.Phase != stagger.PhasePromoted {
		t.Errorf("the rollout is %s: %s", r.Phase, r.Reason)
	}
}

func TestRestartKeepsTheLowerUntilItHasLooked(t *testing.T) {
	w := world(t)
	w.Deploy("v2", plan())
	w.Run(t.Context(), 3500*time.Millisecond)
	if !w.Plane.Split(sim.Service).Exposes() {
		t.Fatal("nobody is exposed before the restart")
	}
	w.Plane.Restart()
	restart(t, w)
	w.Traffic.Down = func() bool { return true }
	w.Run(t.Context(), 5*time.Second)
	if w.Plane.Split(sim.Service).Exposes() {
		t.Error("exposed again, unseen")
	}
	w.Traffic.Down = nil
	w.Run(t.Context(), 2*time.Second)
	if !w.Plane.Split(sim.Service).Exposes() {
		t.Error("nobody is exposed though all is well")
	}
}

func TestRestartRemembersTheEvidence(t *testing.T) {
	w := world(t)
	w.Deploy("v2", plan())
	w.Run(t.Context(), 3*time.Second)
	before := w.Journal.LastProgress(w.Active().ID).Verdict.Candidate.Requests
	restart(t, w)
	w.Step(t.Context())
	if after := w.Journal.LastProgress(w.Active().ID).Verdict.Candidate.Requests; before == 0 || after < before*2/3 {
		t.Errorf("%d requests judged before the restart, %d after it", before, after)
	}
}

func TestRestartAppliesThePromotedBaseline(t *testing.T) {
	w := world(t)
	w.Deploy("v2", plan())
	w.Run(t.Context(), 20*time.Second)
	w.Plane.Restart()
	restart(t, w)
	w.Run(t.Context(), time.Second)
	if got := w.Plane.Split(sim.Service).Baseline; got != "v2" {
		t.Errorf("the service is at %s after a restart; v2 was promoted", got)
	}
}

func TestOutageIsNotABadRelease(t *testing.T) {
	w := world(t)
	w.Deploy("v2", plan())
	w.Run(t.Context(), 3*time.Second)
	w.Traffic.Down = func() bool { return true }
	w.Run(t.Context(), time.Minute)
	if r := w.Active(); r.Hold != stagger.HoldBlind {
		t.Errorf("the rollout is %s, held by %q", r.Phase, r.Hold)
	}
	w.Traffic.Down = nil
	w.Run(t.Context(), 30*time.Second)
	if r := w.Last(); r.Phase != stagger.PhasePromoted {
		t.Errorf("the rollout is %s: %s", r.Phase, r.Reason)
	}
}

// listener notes what a judge is told before its first stage begins.
type listener struct {
	controller.Judge
	begun     *bool
	requests  *uint64
	strangers *uint64
}

func (l listener) Observe(t stagger.Tick) {
	for _, o := range t.Observations {
		switch {
		case *l.begun:
		case o.Version == "v1":
			*l.requests += o.Started
		default:
			*l.strangers += o.Started
		}
	}
	l.Judge.Observe(t)
}

func (l listener) BeginStage(at time.Time) {
	*l.begun = true
	l.Judge.BeginStage(at)
}

func TestNewRolloutKnowsWhatIsUsual(t *testing.T) {
	var begun bool
	var requests, strangers uint64
	w := sim.NewWorld(1, 800, func(c controller.Case, state []byte) (controller.Judge, error) {
		j, err := sim.NewRuleJudge(c, state)
		return listener{j, &begun, &requests, &strangers}, err
	})
	restart(t, w)
	w.Run(t.Context(), 15*time.Minute)
	w.Deploy("v2", plan())
	w.Run(t.Context(), time.Second)
	if usual := uint64(800 * 600); !begun || requests < usual*9/10 || requests > usual*11/10 {
		t.Errorf("told of %d requests before the first stage; ten minutes are about %d", requests, usual)
	}
	if strangers > 0 {
		t.Errorf("told of %d requests to other versions", strangers)
	}
}

func TestProgressTellsHowItDoes(t *testing.T) {
	w := world(t)
	w.Traffic.Versions["v2"] = &sim.Behaviour{Errors: 0.01, Median: 30 * time.Millisecond}
	w.Deploy("v2", plan())
	w.Run(t.Context(), 5*time.Second)
	w.Ask(stagger.VerbWeight, func(c *stagger.Command) { half := 50 * stagger.WeightPercent; c.Weight = &half })
	w.Run(t.Context(), 8*time.Second)
	p := w.Journal.LastProgress(w.Active().ID)
	if p.Observed < 0.45 || p.Observed > 0.57 {
		t.Errorf("the candidate is seen to have %.2f of the requests; a half and some staff is set", p.Observed)
	}
	if p.Baseline.Rate < 300 || p.Baseline.Rate > 500 || p.Candidate.Rate < 300 || p.Candidate.Rate > 500 {
		t.Errorf("rates %.0f and %.0f; there are 800 requests per second", p.Baseline.Rate, p.Candidate.Rate)
	}
	if p.Candidate.P50 < 0.028 || p.Candidate.P50 > 0.032 || p.Candidate.P99 < p.Candidate.P95 || p.Candidate.P95 < p.Candidate.P50 {
		t.Errorf("latencies %v, %v, %v; the median is 30 ms", p.Candidate.P50, p.Candidate.P95, p.Candidate.P99)
	}
	if p.Candidate.Errors < 0.003 || p.Candidate.Errors > 0.02 {
		t.Errorf("a share of %v fails; it is one in a hundred", p.Candidate.Errors)
	}
	if p.Next == "" {
		t.Error("does not say what happens next")
	}
}
