package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/controller"
	"github.com/stagger-dev/stagger/internal/handover"
	"github.com/stagger-dev/stagger/internal/listen"
)

// restTime bounds how long it may take to let go of the store.
const restTime = 20 * time.Second

// HandOver starts a program to take the place of this process and lets go of
// the store for it. When it returns without an error, the program serves, and
// what is left to do here is to Leave. With an error nothing has changed, but
// that for the time it took nothing was decided.
func (a *App) HandOver(ctx context.Context, program string, args []string) (*handover.Successor, error) {
	sockets, files, err := a.sockets.Copies()
	if err != nil {
		return nil, err
	}
	kept := false
	defer func() {
		for _, f := range files {
			if !kept {
				_ = f.Close()
			}
		}
	}()
	next, err := handover.Begin(ctx, program, args, sockets, files)
	if err != nil {
		return nil, fmt.Errorf("the new process was not prepared: %w", err)
	}
	err = a.rest(ctx)
	if err == nil {
		err = next.Yield(ctx, a.splits(ctx), a.proxy.Apply)
	}
	if err == nil {
		return next, nil
	}
	next.End()
	// The admin port was closed here; its socket is still open in these copies.
	kept = true
	for i, s := range sockets {
		if s.Name == adminDoor {
			a.sockets.Give(s, files[i])
		} else {
			_ = files[i].Close()
		}
	}
	return nil, errors.Join(fmt.Errorf("the new process does not serve: %w", err), a.resume(ctx))
}

// rest ends all that decides and keeps, and leaves the proxy as it is.
func (a *App) rest(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, restTime)
	defer cancel()
	a.mu.Lock()
	l := a.adminListener
	a.mu.Unlock()
	listen.Retire(l)
	return a.stopAll(ctx, &a.will)
}

// resume takes up what rest has ended.
func (a *App) resume(ctx context.Context) error {
	if err := a.openStore(ctx); err != nil {
		return err
	}
	return a.startWill(ctx)
}

// splits are those in force.
func (a *App) splits(ctx context.Context) []stagger.Split {
	var all []stagger.Split
	for _, s := range a.Services() {
		if one, err := a.proxy.Current(ctx, s.Name); err == nil {
			all = append(all, one)
		}
	}
	return all
}

// Adopt lets the app start with the splits that are in force in the process
// before.
func (a *App) Adopt(splits []stagger.Split) { a.inForce = splits }

// adopt brings them into force. One that does not fit any more leaves its
// service on the baseline.
func (a *App) adopt(ctx context.Context) {
	for _, s := range a.inForce {
		if s.Rollout == "" {
			continue // nobody wants it more than what a service starts with
		}
		if err := a.proxy.Apply(ctx, s); err != nil {
			a.log.Warn("a split of the process before does not fit; its service is on the baseline", "service", s.Service, "error", err)
		}
	}
}

// Leave serves the connections that are open to their end, for most at the
// longest or until ctx ends, while the new process tells what is in force. Then
// everything stops.
func (a *App) Leave(ctx context.Context, next *handover.Successor, most time.Duration) error {
	follow, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		next.Follow(follow, a.proxy.Apply)
	}()
	err := a.proxy.Leave(ctx, most)
	stop()
	<-ended
	return errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
}

// driver is the proxy, and the process before as long as it has connections:
// no split that takes exposure away is in force here before it is there.
type driver struct {
	controller.Driver
	tell func(context.Context, stagger.Split)
}

// Apply implements controller.Driver.
func (d driver) Apply(ctx context.Context, s stagger.Split) error {
	d.tell(ctx, s)
	return d.Driver.Apply(ctx, s)
}
