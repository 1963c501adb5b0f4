package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/engine"
)

// mirrorsFirst is a plan whose first stage shows the candidate to nobody.
func mirrorsFirst() stagger.Plan {
	p := twoStages()
	p.Stages[0].Weight, p.Stages[0].Shadow, p.Stages[0].Rules = 0, 10*stagger.WeightPercent, nil
	p.Shadow = &stagger.Shadow{Repeat: stagger.WeightFull}
	return p
}

func TestAStageThatOnlyMirrorsIsLeftOnMirroredRequests(t *testing.T) {
	p := mirrorsFirst()
	p.Stages[0].MinSamples, p.Stages[0].MinTime = 100, 0
	r := create(t, p).Rollout
	in := engine.Input{At: began, Ready: engine.Ready{Baseline: true, Candidate: true}}
	next := func(v stagger.Verdict) engine.Step {
		t.Helper()
		in.At = in.At.Add(time.Second)
		in.Verdict = v
		step, err := engine.Next(r, in)
		if err != nil {
			t.Fatal(err)
		}
		r = step.Rollout
		return step
	}
	step := next(stagger.Verdict{})
	if s := step.Split; s.Exposes() || !s.Mirrors() || s.Shadow != 10*stagger.WeightPercent || s.ShadowRules == nil {
		t.Fatalf("the first stage splits as %+v", s)
	}
	if !strings.Contains(step.Events[0].Reason, "begins at 0%, mirroring 10%") {
		t.Errorf("it begins with %q", step.Events[0].Reason)
	}
	v := stagger.Verdict{Outcome: stagger.OutcomeHealthy, Mirrored: 99, Baseline: stagger.Sample{Stage: 1000}}
	if next(v); r.Stage != 0 {
		t.Fatalf("left after 99 of 100: %s", r.Reason)
	}
	if what, _ := engine.Upcoming(r, v, in.Ready, nil, in.At); !strings.Contains(what, "after 1 more mirrored request") {
		t.Errorf("it is said to wait for %q", what)
	}
	v.Mirrored = 100
	if step = next(v); r.Stage != 1 || step.Split.Mirrors() {
		t.Errorf("not left: %s, %+v", r.Reason, step.Split)
	}
	// Where users meet it, mirrored requests are no substitute.
	p.Stages[0].Weight = stagger.WeightPercent
	r = create(t, p).Rollout
	next(stagger.Verdict{})
	if next(v); r.Stage != 0 {
		t.Errorf("left without a request of a user: %s", r.Reason)
	}
}

func TestNothingIsMirroredToWhoShouldGetNothing(t *testing.T) {
	base := stagger.Rollout{
		ID: "r1", Service: "shop", Baseline: "v1", Candidate: "v2", Plan: mirrorsFirst(), Phase: stagger.PhaseProgressing, Stage: 0,
	}
	for name, change := range map[string]func(*stagger.Rollout){
		"rolled back":      func(r *stagger.Rollout) { r.Phase = stagger.PhaseRolledBack },
		"baking":           func(r *stagger.Rollout) { r.Stage = len(r.Plan.Stages) },
		"pending":          func(r *stagger.Rollout) { r.Stage = -1 },
		"cut to the probe": func(r *stagger.Rollout) { r.Shed = began },
		"set to nobody":    func(r *stagger.Rollout) { r.Manual = true },
	} {
		r := base
		change(&r)
		if s := engine.Split(r); s.Mirrors() || s.ShadowRules != nil {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestMirroringWaitsForTheRecord(t *testing.T) {
	mirrors := stagger.Split{Candidate: "v2", Rollout: "r1", Shadow: stagger.WeightPercent, ShadowRules: &stagger.Shadow{}}
	more, posts, another := mirrors, mirrors, mirrors
	more.Shadow++
	posts.ShadowRules = &stagger.Shadow{Methods: []string{"GET", "HEAD", "OPTIONS", "POST"}}
	another.Rollout = "r2"
	for name, s := range map[string]stagger.Split{"any": mirrors, "more": more, "other methods": posts, "another rollout": another} {
		before := mirrors
		if name == "any" {
			before = stagger.Split{Candidate: "v2"}
		}
		if !s.Exceeds(before) {
			t.Errorf("%s does not wait", name)
		}
		if name != "another rollout" && before.Exceeds(s) {
			t.Errorf("the way back from %s waits", name)
		}
	}
	if mirrors.Exceeds(mirrors) {
		t.Error("the same waits")
	}
}
