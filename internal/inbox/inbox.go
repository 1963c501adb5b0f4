// Package inbox hands the controller what people ask, and waits a while for
// what becomes of it. The API and the dashboard both ask through it; neither
// decides anything.
package inbox

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/stagger-dev/stagger"
)

// Store keeps commands until the controller has carried them out.
type Store interface {
	Submit(ctx context.Context, c stagger.Command) (stagger.Command, error)
	Command(ctx context.Context, id string) (stagger.Command, error)
	Rollout(ctx context.Context, id string) (stagger.Rollout, error)
	Watch() (changed <-chan struct{}, cancel func())
}

// Inbox takes commands. Store, Check and Wake are needed.
type Inbox struct {
	Store Store
	// Check refuses a start that cannot be carried out, before anything is
	// recorded. An error without a code counts as stagger.CodeInvalid.
	Check func(stagger.Start) error
	// Wake tells the controller that a command waits.
	Wake func()
	// Patience is how long a command waits for its result; 5 s when zero.
	Patience time.Duration
}

// Ask records c, unless it can be seen not to be possible, and returns it with
// its result; without one when patience ended first, as it is recorded all the
// same. A command without an id gets one; its time is now. A command that was
// refused comes with the refusal as its result and no error here.
func (i Inbox) Ask(ctx context.Context, c stagger.Command) (stagger.Command, error) {
	if c.ID == "" {
		c.ID = rand.Text()
	}
	c.At = time.Now().UTC()
	if err := i.admissible(ctx, c); err != nil {
		return c, err
	}
	changed, cancel := i.Store.Watch() // before it is there, so that nothing is missed
	defer cancel()
	c, err := i.Store.Submit(ctx, c)
	if err != nil {
		return c, err
	}
	i.Wake()
	return i.await(ctx, c, changed)
}

// admissible refuses what cannot be carried out before it is recorded. What was
// recorded already is past that.
func (i Inbox) admissible(ctx context.Context, c stagger.Command) error {
	_, err := i.Store.Command(ctx, c.ID)
	if stagger.CodeOf(err) != stagger.CodeNotFound {
		return err
	}
	if c.Verb != stagger.VerbStart {
		_, err := i.Store.Rollout(ctx, c.Rollout)
		return err
	}
	err = i.Check(*c.Start)
	if _, ok := errors.AsType[*stagger.Error](err); err == nil || ok {
		return err
	}
	return &stagger.Error{Code: stagger.CodeInvalid, Message: err.Error()}
}

// await returns c once it has a result, or as it is when patience ends.
func (i Inbox) await(ctx context.Context, c stagger.Command, changed <-chan struct{}) (stagger.Command, error) {
	most := i.Patience
	if most == 0 {
		most = 5 * time.Second
	}
	patience := time.NewTimer(most)
	defer patience.Stop()
	for c.Result == nil {
		select {
		case <-ctx.Done():
			return c, ctx.Err()
		case <-patience.C:
			return c, nil
		case <-changed:
		}
		var err error
		if c, err = i.Store.Command(ctx, c.ID); err != nil {
			return c, err
		}
	}
	return c, nil
}
