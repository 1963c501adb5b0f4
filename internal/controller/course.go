package controller

import (
	"context"
	"time"

	"github.com/stagger-dev/stagger"
	courses "github.com/stagger-dev/stagger/internal/course"
	"github.com/stagger-dev/stagger/internal/engine"
)

// keepCourseEvery is how often the course is kept.
const keepCourseEvery = 5 * time.Second

// course is how a rollout went, for people to look at.
type course struct {
	*courses.Recorder // nil while what was kept has not been read

	kept  time.Time
	added bool // something since it was kept
}

// newCourse is that of a rollout that begins.
func newCourse(r stagger.Rollout) course {
	return course{Recorder: courses.New(r.Baseline, r.Candidate)}
}

func (c *course) observe(t *stagger.Tick) {
	if c.Recorder != nil {
		c.Observe(t)
		c.added = true
	}
}

// begin tells of the stage that r is in.
func (c *course) begin(r stagger.Rollout, at time.Time) {
	if c.Recorder != nil && r.Stage >= 0 {
		c.BeginStage(r.Stage, at)
	}
}

func (c *course) amend(e stagger.Exposure) {
	if c.Recorder != nil {
		c.Amend(e)
	}
}

// exposure is who met the candidate, as far as it is known.
func (c *court) exposure() stagger.Exposure {
	if c.course.Recorder == nil {
		return c.met
	}
	return c.course.Exposure()
}

// exposed is the exposure as the engine takes it.
func (s *service) exposed() *stagger.Exposure {
	e := s.court.exposure()
	return &e
}

// count takes in who met the candidate.
func (s *service) count() {
	if s.config.Crowds != nil && s.rollout.ID != "" && s.court.course.Recorder != nil {
		s.court.course.Meet(s.config.Crowds.Crowd(s.name, s.rollout.ID))
	}
}

// lookOn takes in what ticks do not tell of a rollout under way.
func (s *service) lookOn(baseline, candidate stagger.Level) {
	if s.active() && s.court.course.Recorder != nil {
		s.court.course.Look(engine.Split(s.rollout).Weight.Share(), baseline, candidate)
	}
}

// pickUpCourse goes on with the course that was kept before a restart. One that
// cannot be used is begun anew: only people miss it.
func (s *service) pickUpCourse(ctx context.Context, now time.Time) {
	if !s.active() || s.court.course.Recorder != nil || !s.ledger.retry.due(now) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	kept, err := s.config.Journal.CourseState(ctx, s.rollout.ID)
	s.journalSaid("read the course", err, now)
	if err != nil {
		s.ledger.retry.failed(now)
		return
	}
	c := newCourse(s.rollout)
	if kept != nil {
		if restored, err := courses.Restore(kept); err == nil {
			c.Recorder = restored
		} else {
			s.log.Error("the course cannot be used; it begins anew", "rollout", s.rollout.ID, "error", err)
		}
	}
	c.amend(s.court.met)
	c.begin(s.rollout, s.rollout.StageAt)
	s.court.course = c
}

// keepCourse keeps the course every few seconds, and what is left of it at the
// end of the rollout.
func (s *service) keepCourse(ctx context.Context, now time.Time, ends bool) {
	c := &s.court.course
	since := now.Sub(c.kept)
	if c.Recorder == nil || !c.added || !ends && since >= 0 && since < keepCourseEvery || !s.ledger.retry.due(now) {
		return
	}
	c.kept = now
	state, err := c.State()
	if err != nil {
		s.log.Error("the course cannot be written", "rollout", s.rollout.ID, "error", err)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err = s.config.Journal.SaveCourse(ctx, s.rollout.ID, state)
	s.journalSaid("keep the course", err, now)
	if err != nil {
		s.ledger.retry.failed(now) // as with the checkpoint: a journal that hangs must not hold up the next look
		return
	}
	c.added = false
}
