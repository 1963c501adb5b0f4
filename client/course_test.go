package client_test

import (
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api/apitest"
	"github.com/stagger-dev/stagger/internal/course"
)

func TestCourseAndDistributionAreThoseOfTheRollout(t *testing.T) {
	s := apitest.New(t)
	c := connect(t, s)
	if _, err := c.Course(t.Context(), "nobody/knows"); stagger.CodeOf(err) != stagger.CodeNotFound {
		t.Errorf("of a rollout that is not there: %v", err)
	}
	r, err := c.Do(t.Context(), start(""))
	must(t, err)
	before, err := c.Course(t.Context(), r.ID)
	must(t, err)
	if len(before.At) != 0 || before.Candidate.Version != r.Candidate {
		t.Errorf("before there is any: %+v", before)
	}
	recorder := course.New(r.Baseline, r.Candidate)
	recorder.Look(0.25, stagger.Level{InFlight: 3}, stagger.Level{})
	recorder.Observe(&stagger.Tick{From: apitest.Epoch, To: apitest.Epoch.Add(time.Second), Observations: []stagger.Observation{{
		Version: r.Baseline, Started: 8, Outcomes: stagger.Outcomes{OK: 6, ServerError: 2},
		Latency: stagger.Histogram{Sum: 0.08, Buckets: []stagger.Bucket{{Index: -212, Count: 8}}},
	}}})
	state, err := recorder.State()
	must(t, err)
	must(t, s.Store.SaveCourse(t.Context(), r.ID, state))
	got, err := c.Course(t.Context(), r.ID)
	must(t, err)
	if len(got.At) != 1 || got.Baseline.Errors[0] != 0.25 || got.Baseline.InFlight[0] != 3 || got.Wished[0] != 0.25 || got.Candidate.P99.Known() {
		t.Errorf("%+v", got)
	}
	d, err := c.Distribution(t.Context(), r.ID)
	must(t, err)
	if d.Rollout.Baseline.Total != 8 || len(d.Rollout.Bounds) != 1 || d.Rollout.Candidate.Total != 0 {
		t.Errorf("%+v", d)
	}
}
