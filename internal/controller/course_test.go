package controller_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/controller"
	"github.com/stagger-dev/stagger/internal/course"
	"github.com/stagger-dev/stagger/internal/sim"
	"github.com/stagger-dev/stagger/internal/store"
)

func courseOf(t *testing.T, w *sim.World, id string) *course.Recorder {
	t.Helper()
	kept, err := w.Journal.CourseState(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	r, err := course.Restore(kept)
	if err != nil {
		t.Fatalf("%q: %v", kept, err)
	}
	return r
}

// TestCourseSurvives reads the course of a rollout after restarts, and after its
// end.
func TestCourseSurvives(t *testing.T) {
	w := world(t)
	w.Deploy("v2", plan())
	w.Run(t.Context(), 8*time.Second)
	id := w.Active().ID
	before := courseOf(t, w, id).Course()
	if n := len(before.At); n < 2 || w.Clock.Now().Sub(before.At[n-1]) > 6*time.Second {
		t.Fatalf("before the restart the course has %d moments", n)
	}
	met := w.Journal.LastProgress(id).Exposure
	restart(t, w)
	w.Step(t.Context())
	if now := w.Journal.LastProgress(id).Exposure; now.Requests < met.Requests*2/3 {
		t.Errorf("%d requests had met it before the restart, %d after", met.Requests, now.Requests)
	}
	w.Run(t.Context(), 20*time.Second)
	r, after := w.Last(), courseOf(t, w, id).Course()
	if r.Phase != stagger.PhasePromoted {
		t.Fatalf("the rollout is %s: %s", r.Phase, r.Reason)
	}
	if last := len(before.At) - 1; len(after.At) <= last || !after.At[last-1].Equal(before.At[last-1]) || after.Since != before.Since {
		t.Errorf("before the restart %v, after it %v", before.At, after.At)
	}
	last := len(after.At) - 1
	if after.At[last].Before(r.EndedAt.Add(-time.Second)) {
		t.Errorf("the course ends at %s and the rollout at %s", after.At[last], r.EndedAt)
	}
	if after.Observed[last] < 0.99 || after.Wished[last] < 0.99 {
		t.Errorf("at the end %g is wished and %g observed", after.Wished[last], after.Observed[last])
	}
}

func TestCourseTellsBothVersionsApart(t *testing.T) {
	w := world(t)
	w.Traffic.Versions["v2"] = &sim.Behaviour{Errors: 0.01, Median: 30 * time.Millisecond}
	w.Deploy("v2", plan())
	w.Run(t.Context(), 5*time.Second)
	w.Ask(stagger.VerbWeight, func(c *stagger.Command) { half := 50 * stagger.WeightPercent; c.Weight = &half })
	w.Run(t.Context(), 11*time.Second)
	r := courseOf(t, w, w.Active().ID)
	c, d := r.Course(), r.Distribution()
	i := len(c.At) - 2 // the last whole one
	if c.Wished[i] != 0.5 || c.Observed[i] < 0.42 || c.Observed[i] > 0.6 {
		t.Errorf("%g is wished and %g observed", c.Wished[i], c.Observed[i])
	}
	if p50 := c.Candidate.P50[i]; p50 < 0.027 || p50 > 0.033 || c.Baseline.P50[i] > 0.014 {
		t.Errorf("p50 is %g and %g; the medians are 12 ms and 30 ms", c.Baseline.P50[i], p50)
	}
	if rate := c.Candidate.Rate[i]; rate < 300 || rate > 500 {
		t.Errorf("a rate of %g; half of 800", rate)
	}
	if p50 := d.Stage.Candidate.P50; p50 < 0.028 || p50 > 0.032 || d.Stage.Baseline.Total < 1000 {
		t.Errorf("the stage: %g, of %d of the baseline", p50, d.Stage.Baseline.Total)
	}
	if d.Stage.Since.Before(w.Active().StageAt) || d.Rollout.Candidate.Total < d.Stage.Candidate.Total {
		t.Errorf("the stage is of %s on, with %d of %d", d.Stage.Since, d.Stage.Candidate.Total, d.Rollout.Candidate.Total)
	}
}

// TestEndKeepsWhoMetTheCandidate holds the exposure against what really passed.
func TestEndKeepsWhoMetTheCandidate(t *testing.T) {
	for name, bad := range map[string]bool{"promoted": false, "rolled back": true} {
		t.Run(name, func(t *testing.T) {
			w := world(t)
			w.Deploy("v2", plan())
			w.Run(t.Context(), 3*time.Second)
			if bad {
				w.Traffic.Versions["v2"] = &sim.Behaviour{Errors: 0.5, Median: 12 * time.Millisecond}
			}
			w.Run(t.Context(), 40*time.Second)
			r := w.Last()
			if !r.Phase.Final() || r.Exposure == nil {
				t.Fatalf("the rollout is %s with %+v", r.Phase, r.Exposure)
			}
			met, failed := passed(t, w, r)
			if got := r.Exposure; got.Requests != met || got.Failed != failed {
				t.Errorf("%d requests met it and %d failed, kept are %+v", met, failed, got)
			}
			if err := w.Journal.CheckReplay(); err != nil {
				t.Error(err)
			}
		})
	}
}

// passed counts what the traffic has of a candidate until the rollout's end had
// come into force.
func passed(t *testing.T, w *sim.World, r stagger.Rollout) (requests, failed uint64) {
	t.Helper()
	ticks, err := w.Traffic.Ticks(t.Context(), sim.Service, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tick := range ticks {
		for _, o := range tick.Observations {
			// The look that saw the traffic follow had ticks up to so long before.
			if o.Version == "v2" && !tick.To.Add(w.Traffic.Late).After(r.Converged) {
				requests += o.Started
				failed += o.Outcomes.Failed()
			}
		}
	}
	return requests, failed
}

// TestCourseOutlivesTheProcess kills the controller and opens the file anew.
func TestCourseOutlivesTheProcess(t *testing.T) {
	f, stages := newFiled(t), plan()
	stages.Stages[0].MinTime = time.Hour
	start := sim.Command("c9", stagger.VerbStart, "", f.clock.Now())
	start.Start = &stagger.Start{Service: sim.Service, Candidate: "v2", Plan: stages}
	var before, after stagger.Course
	look := func(kept *stagger.Course) func(*store.Store) {
		return func(s *store.Store) {
			var err error
			if *kept, err = s.Course(t.Context(), lastOf(t, s).ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	f.live(t, 21*time.Second, &start, look(&before))
	f.live(t, 21*time.Second, nil, look(&after))
	if n := len(before.At); n < 15 || len(after.At) < n+10 || !after.At[n-2].Equal(before.At[n-2]) || !after.Since.Equal(before.Since) {
		t.Errorf("%d moments before, %d after", len(before.At), len(after.At))
	}
}

// TestCourseThatCannotBeReadBeginsAnew spoils what was kept.
func TestCourseThatCannotBeReadBeginsAnew(t *testing.T) {
	w := world(t)
	w.Deploy("v2", plan())
	w.Run(t.Context(), 3*time.Second)
	id := w.Active().ID
	if err := w.Journal.SaveCourse(t.Context(), id, []byte(`{"versions":["v1"]}`)); err != nil {
		t.Fatal(err)
	}
	met := w.Journal.LastProgress(id).Exposure.Requests
	restart(t, w)
	w.Run(t.Context(), 20*time.Second)
	if c := courseOf(t, w, id).Course(); len(c.At) < 5 || c.Step != time.Second {
		t.Errorf("the course: %+v", c)
	}
	if e := w.Last().Exposure; e == nil || e.Requests < met {
		t.Errorf("%d had met it, and in the end %+v", met, e)
	}
}

// TestNextSaysWhatIsMissing lets the statistical judge say what it lacks.
func TestNextSaysWhatIsMissing(t *testing.T) {
	w := sim.NewWorld(1, 200, controller.StatisticalJudge)
	restart(t, w)
	w.Run(t.Context(), 2*time.Minute)
	p := plan()
	p.Guardrails = []stagger.Guardrail{
		{Signal: stagger.SignalErrors, Tolerance: 1.5, Floor: 0.0005, Healthy: 0.002, Alpha: 0.01, Action: stagger.ActionRollback},
		{Signal: stagger.SignalLatency, Tolerance: 0.05, Floor: 0.002, Healthy: 0.24, Alpha: 0.01, Action: stagger.ActionRollback},
	}
	p.Stages = []stagger.Stage{{Name: "tenth", Weight: 10 * stagger.WeightPercent, MinTime: time.Minute, MinSamples: 1000}}
	w.Deploy("v2", p)
	w.Run(t.Context(), 20*time.Second)
	early := w.Journal.LastProgress(w.Active().ID)
	if len(early.Needs) == 0 || early.Needs[0].Signal != "" || early.Needs[0].Requests == 0 || early.Needs[0].Span == 0 {
		t.Errorf("the requests alone that lack: %+v", early.Needs)
	}
	if !strings.Contains(early.Next, "everybody and the bake in 4") || !strings.Contains(early.Next, "if healthy by then; ") || !strings.Contains(early.Next, "to exclude ") {
		t.Errorf("next: %s", early.Next)
	}
	known := false
	for i := 0; i < 60 && !known; i++ {
		w.Run(t.Context(), 10*time.Second)
		for _, n := range w.Journal.LastProgress(w.Last().ID).Needs {
			known = known || n.Signal != "" && n.Requests > 0 && n.Span > 0 && n.Excludes > 0 && strings.Contains(n.Sentence, "more requests needed to exclude ")
			if n.Evidence < 0 || n.Evidence >= 1 {
				t.Errorf("%s is missing with evidence %g", n.Sentence, n.Evidence)
			}
		}
	}
	if !known {
		t.Error("nobody ever says how many requests are missing")
	}
	w.Ask(stagger.VerbAbort, nil)
	w.Run(t.Context(), 2*time.Second)
	if r := w.Last(); r.Phase != stagger.PhaseAborted {
		t.Fatalf("the rollout is %s: %s", r.Phase, r.Reason)
	}
	if p := w.Journal.LastProgress(w.Last().ID); len(p.Needs) > 0 {
		t.Errorf("after the end something is missing: %+v", p.Needs)
	}
}
