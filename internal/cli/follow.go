package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/client"
	"github.com/stagger-dev/stagger/internal/cli/live"
	"github.com/stagger-dev/stagger/internal/engine"
	"github.com/stagger-dev/stagger/internal/present"
)

// landing is how long, after the end, the traffic is waited for.
const landing = 5 * time.Second

// followOptions say how to follow a rollout.
type followOptions struct {
	timeout time.Duration // 0 is for ever
	picture bool          // a live view, if the output is a terminal
}

// The reasons to stop following.
var (
	errOver    = errors.New("the rollout is over")
	errTimeout = errors.New("the time to wait is over")
)

// viewer shows messages as they come.
type viewer interface {
	Hear(e stagger.Event) error
	See(p stagger.Progress)
	Rollout() stagger.Rollout
	Close() error
}

// follow shows a rollout until it is over and returns its outcome as an error
// with an exit code, nil for promoted.
func (s *session) follow(ctx context.Context, api API, r stagger.Rollout, o followOptions) error {
	var v viewer = &lines{encoder: json.NewEncoder(s.out)}
	if !s.json() {
		v = live.NewScreen(s.out, s.style(), o.picture && live.Terminal(s.out))
	}
	err := watch(ctx, api, r.ID, v, o.timeout)
	if closing := v.Close(); err == nil {
		err = closing
	}
	return s.outcome(ctx, r, v.Rollout(), err)
}

// watch feeds v until the rollout has landed, or landing has passed since its
// end.
func watch(ctx context.Context, api API, id string, v viewer, timeout time.Duration) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if timeout > 0 {
		defer time.AfterFunc(timeout, func() { cancel(errTimeout) }).Stop()
	}
	err := api.Stream(ctx, id, "", func(m client.Message) error {
		if m.Progress != nil {
			v.See(*m.Progress)
		}
		if m.Event == nil {
			return nil
		}
		if err := v.Hear(*m.Event); err != nil {
			return err
		}
		if m.Event.Kind == stagger.EventConverged || m.Event.Kind == stagger.EventSuperseded {
			return errOver
		}
		if m.Event.Phase.Final() {
			time.AfterFunc(patience(*m.Event), func() { cancel(errOver) })
		}
		return nil
	})
	if errors.Is(err, context.Canceled) {
		err = context.Cause(ctx)
	}
	if errors.Is(err, errOver) {
		return nil
	}
	return err
}

// patience is how long to wait for the traffic after the end e. What ended long
// ago has landed, or never will.
func patience(e stagger.Event) time.Duration {
	return min(max(landing-time.Since(e.At), landing/20), landing)
}

// result is the last line of a rollout that is followed as JSON.
type result struct {
	Outcome stagger.Phase   `json:"outcome"`
	Exit    int             `json:"exit"`
	Rollout stagger.Rollout `json:"rollout"`
}

// outcome tells how it ended. Known is the rollout before anything was heard.
func (s *session) outcome(ctx context.Context, known, r stagger.Rollout, err error) error {
	if r.ID == "" {
		r = known
	}
	switch {
	case errors.Is(err, errTimeout):
	case err != nil && ctx.Err() != nil:
		return &exit{code: exitInterrupted, message: "stopped watching; the rollout goes on", hint: fmt.Sprintf("'stagger watch %s' goes on watching", r.ID)}
	case err != nil:
		return err
	}
	end := &exit{code: outcomeCode(r.Phase)}
	if end.code == exitTimeout {
		end.message = fmt.Sprintf("%s is not over: %s", r.ID, present.Phase(r.Phase).Words)
		end.hint = fmt.Sprintf("it goes on; 'stagger watch %s' goes on watching", r.ID)
	}
	if err := s.tell(r, end.code); err != nil {
		return err
	}
	if end.code == exitOK {
		return nil
	}
	return end
}

func (s *session) tell(r stagger.Rollout, code int) error {
	if s.json() {
		err := json.NewEncoder(s.out).Encode(struct {
			Result result `json:"result"`
		}{result{Outcome: r.Phase, Exit: code, Rollout: r}})
		if err != nil {
			return fmt.Errorf("write the output: %w", err)
		}
		return nil
	}
	if !r.Phase.Final() {
		return nil
	}
	return s.print("%s  %s %s → %s after %s\n", s.style().Sign(present.Phase(r.Phase)), r.Service, r.Baseline, r.Candidate,
		present.Span(r.EndedAt.Sub(r.CreatedAt)))
}

// lines is a viewer that writes JSON Lines of events.
type lines struct {
	encoder *json.Encoder
	rollout stagger.Rollout
}

// Hear writes the event.
func (l *lines) Hear(e stagger.Event) error {
	next, err := engine.Apply(l.rollout, e)
	if err != nil {
		return err
	}
	l.rollout = next
	if err := l.encoder.Encode(map[string]stagger.Event{"event": e}); err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	return nil
}

// See writes nothing: progress comes several times a second.
func (l *lines) See(stagger.Progress) {}

// Rollout returns the rollout as the events tell it.
func (l *lines) Rollout() stagger.Rollout { return l.rollout }

// Close does nothing.
func (l *lines) Close() error { return nil }
