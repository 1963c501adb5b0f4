package controller

import (
	"context"
	"fmt"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/engine"
)

// A review is about a rollout that is over, which no service carries as a rule.
// It is read from the journal and recorded there, and nothing else follows.

// reviewed returns the service that a review concerns. The error tells that the
// journal did not answer; the command comes again.
func (c *Controller) reviewed(ctx context.Context, command stagger.Command) (string, *stagger.Error, error) {
	r, err := past(ctx, c.config, command.Rollout)
	switch {
	case stagger.CodeOf(err) == stagger.CodeNotFound:
		return "", &stagger.Error{Code: stagger.CodeNotFound, Message: fmt.Sprintf("there is no rollout %q", command.Rollout)}, nil
	case err != nil:
		return "", nil, err
	case c.services[r.Service] == nil:
		return "", &stagger.Error{
			Code:    stagger.CodeConflict,
			Message: fmt.Sprintf("the service %q of the rollout is no longer configured; nothing is recorded of it any more", r.Service),
		}, nil
	}
	return r.Service, nil, nil
}

// reviewPast records a review of a rollout that the service does not carry any
// more. The error is the engine's refusal; when the journal does not answer
// there is none, and the command comes again.
func (s *service) reviewPast(ctx context.Context, now time.Time, c stagger.Command) error {
	if !s.ledger.retry.due(now) {
		return nil
	}
	r, err := past(ctx, s.config, c.Rollout)
	if stagger.CodeOf(err) == stagger.CodeNotFound {
		return err
	}
	s.journalSaid("read a rollout that is over", err, now)
	if err != nil {
		s.ledger.retry.failed(now)
		return nil
	}
	next, err := engine.Next(r, engine.Input{At: now, Command: &c, ObservedShare: -1})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err = s.config.Journal.Commit(ctx, next.Rollout, next.Events)
	s.journalSaid("record a review", err, now)
	if err != nil {
		s.ledger.retry.failed(now) // it may have been kept all the same: then the command has its answer
		return nil
	}
	s.ledger.retry.reset()
	s.tell(next.Events)
	return nil
}

// past reads a rollout, over or not.
func past(ctx context.Context, c Config, id string) (stagger.Rollout, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return c.Journal.Rollout(ctx, id)
}
