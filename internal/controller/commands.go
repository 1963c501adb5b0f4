package controller

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/engine"
)

// obey carries out a command, or refuses it for good. What can be neither now,
// because the journal or the data plane does not answer, comes again.
func (s *service) obey(ctx context.Context, now time.Time, c stagger.Command) {
	if s.ledger.doubtful {
		return
	}
	err := s.carryOut(ctx, now, c)
	if err == nil {
		return
	}
	refusal, ok := errors.AsType[*stagger.Error](err)
	if !ok {
		refusal = &stagger.Error{Code: stagger.CodeInternal, Message: err.Error()}
	}
	s.journalSaid("refuse a command", resolve(ctx, s.config, c, refusal), now)
}

// underWay says whether c is carried out already and only not recorded yet. It
// is asked before the record is tried again: afterwards c looks like new.
func (s *service) underWay(c stagger.Command) bool {
	return slices.ContainsFunc(s.ledger.backlog, func(e stagger.Event) bool { return e.Command == c.ID })
}

func (s *service) carryOut(ctx context.Context, now time.Time, c stagger.Command) error {
	if c.Verb == stagger.VerbStart {
		return s.start(ctx, now, c)
	}
	if c.Verb == stagger.VerbReview && s.rollout.ID != c.Rollout {
		return s.reviewPast(ctx, now, c)
	}
	if s.rollout.ID != c.Rollout { // it has gone since the command was handed out
		return &stagger.Error{Code: stagger.CodeConflict, Message: fmt.Sprintf("the rollout %q is not active; nothing can be done to it any more", c.Rollout)}
	}
	return s.decide(ctx, now, &c)
}

// start begins a rollout. An active one of another candidate gives way.
func (s *service) start(ctx context.Context, now time.Time, c stagger.Command) error {
	baseline, known := s.home(ctx, now)
	if !known || len(s.ledger.backlog) > 0 && !s.active() {
		return nil // the end of the last one must be kept first
	}
	if s.active() {
		baseline = s.rollout.Baseline
	}
	if err := s.checkStart(c, baseline); err != nil {
		return err
	}
	first, err := engine.Create(rolloutID(c, now), baseline, c, now)
	if err != nil {
		return err
	}
	if !s.recordStart(ctx, now, first) {
		return nil
	}
	s.keepTrail(ctx, now, true) // of the one that gave way
	s.keepCourse(ctx, now, true)
	s.court = court{trail: newTrail(), course: newCourse(first.Rollout)}
	s.plane.careful = false
	s.become(now, first)
	if err := s.openAnew(now); err != nil {
		s.log.Error("no judge", "rollout", first.Rollout.ID, "error", err)
	}
	s.checkpoint(ctx, now, true)
	return nil
}

func (s *service) checkStart(c stagger.Command, baseline string) error {
	configured, ok := s.configured()
	if !ok {
		return &stagger.Error{Code: stagger.CodeNotFound, Message: fmt.Sprintf("there is no service %q", s.name)}
	}
	if _, ok := configured.Version(c.Start.Candidate); !ok {
		return &stagger.Error{Code: stagger.CodeInvalid, Message: fmt.Sprintf("%s has no version %q; add it to the configuration first", s.name, c.Start.Candidate)}
	}
	if s.active() && c.Start.Candidate == s.rollout.Candidate {
		return &stagger.Error{Code: stagger.CodeConflict, Message: fmt.Sprintf("%s is being rolled out already, by %s", c.Start.Candidate, s.rollout.ID)}
	}
	if s.active() && c.Start.Candidate == baseline {
		return &stagger.Error{Code: stagger.CodeConflict, Message: fmt.Sprintf("%s is the baseline of the rollout %s; roll that back instead", baseline, s.rollout.ID)}
	}
	return nil
}

// recordStart keeps the first event of a rollout, and with it the end of the
// one whose place it takes; nobody is on that one's candidate any more by then.
func (s *service) recordStart(ctx context.Context, now time.Time, first engine.Step) bool {
	if !s.active() {
		return s.commit(ctx, now, first.Rollout, first.Events)
	}
	last, err := engine.Next(s.rollout, engine.Input{
		At: now, Verdict: s.verdict(now), Ready: s.readiness(), SupersededBy: first.Rollout.ID, Exposure: s.exposed(),
	})
	if err != nil || !s.apply(ctx, now, last.Split) {
		return false
	}
	events := slices.Concat(s.ledger.backlog, last.Events)
	kept := s.write(ctx, now, first.Rollout, func(ctx context.Context) error {
		return s.config.Journal.Supersede(ctx, last.Rollout, events, first.Rollout, first.Events)
	})
	if kept {
		s.tell(last.Events)
	}
	return kept
}

// rolloutID names the rollout that c starts. The same command always gets the
// same name, so that a start that is tried again starts nothing twice.
func rolloutID(c stagger.Command, now time.Time) string {
	at := c.At
	if at.IsZero() {
		at = now
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(c.ID)) // never fails
	return fmt.Sprintf("%s-%s-%04x", c.Start.Service, at.UTC().Format("20060102-150405"), h.Sum32()&0xffff)
}
