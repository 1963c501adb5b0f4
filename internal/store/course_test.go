package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/course"
)

// went is what a recorder has after so many seconds.
func went(t *testing.T, seconds int) []byte {
	t.Helper()
	r := course.New("v1", "v2")
	for i := range seconds {
		from := epoch.Add(time.Duration(i) * time.Second)
		r.Observe(&stagger.Tick{From: from, To: from.Add(time.Second), Observations: []stagger.Observation{{
			Version: "v2", Started: 10, Outcomes: stagger.Outcomes{OK: 10},
			Latency: stagger.Histogram{Sum: 0.1, Buckets: []stagger.Bucket{{Index: -212, Count: 10}}},
		}}})
	}
	state, err := r.State()
	must(t, err)
	return state
}

func TestCourseIsKeptInPlaceOfTheOneBefore(t *testing.T) {
	s, path := open(t)
	fill(t, s, "r1", "shop", 1)
	_, err := s.Course(t.Context(), "r2")
	wantCode(t, err, stagger.CodeNotFound)
	_, err = s.Distribution(t.Context(), "r2")
	wantCode(t, err, stagger.CodeNotFound)
	empty, err := s.Course(t.Context(), "r1")
	must(t, err)
	if len(empty.At) != 0 || empty.At == nil || empty.Baseline.Rate == nil || empty.Baseline.Readings == nil {
		t.Errorf("before anything was kept: %+v", empty)
	}
	must(t, s.SaveCourse(t.Context(), "r1", went(t, 3)))
	must(t, s.SaveCourse(t.Context(), "r1", went(t, 9)))
	must(t, s.Close())
	s = reopen(t, path)
	c, err := s.Course(t.Context(), "r1")
	must(t, err)
	if len(c.At) != 9 || c.Candidate.Rate[8] != 10 || !c.At[8].Equal(epoch.Add(9*time.Second)) {
		t.Errorf("%+v", c)
	}
	d, err := s.Distribution(t.Context(), "r1")
	must(t, err)
	if d.Rollout.Candidate.Total != 90 || d.Rollout.Candidate.Version != "v2" {
		t.Errorf("%+v", d)
	}
}

func TestCourseThatIsDamagedIsSaidToBe(t *testing.T) {
	s, _ := open(t)
	fill(t, s, "r1", "shop", 1)
	must(t, s.SaveCourse(t.Context(), "r1", []byte(`{"course":`)))
	if _, err := s.Course(t.Context(), "r1"); err == nil {
		t.Error("is read all the same")
	}
}

func TestCoursesOfOldRolloutsGo(t *testing.T) {
	s, _ := open(t)
	r := fill(t, s, "old", "shop", 1)
	must(t, s.SaveCourse(t.Context(), "old", []byte(`{}`)))
	r, events := advance(r, stagger.EventAborted, stagger.PhaseAborted)
	must(t, s.Commit(t.Context(), r, events))
	fill(t, s, "busy", "basket", 1)
	must(t, s.SaveCourse(t.Context(), "busy", []byte(`{}`)))
	for i := range 1000 {
		fill(t, s, fmt.Sprintf("r%d", i), fmt.Sprintf("s%d", i), 1)
	}
	must(t, s.SaveCourse(t.Context(), "r999", []byte(`{}`)))
	for id, want := range map[string]bool{"old": false, "busy": true, "r999": true} {
		state, err := s.CourseState(t.Context(), id)
		must(t, err)
		if kept := state != nil; kept != want {
			t.Errorf("%s is kept: %t", id, kept)
		}
	}
}
