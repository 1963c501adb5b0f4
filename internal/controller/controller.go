// Package controller is the loop that carries rollouts: it gathers evidence,
// asks the engine what follows, keeps the answer and makes it so.
//
// Exposure goes up after the record is kept, and down before it. So whatever
// fails in between, and wherever the process dies, no subject meets a candidate
// that the record does not know of.
//
// Every service is looked at by itself: one whose data plane hangs delays no
// other.
package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger"
)

// Config is what a controller needs. Services, Driver, Source, Journal and
// Ready must be set.
type Config struct {
	Services func() []stagger.Service
	Driver   Driver
	Source   Source
	Journal  Journal
	Ready    Readier
	Circuits Circuits         // nil: none ever opens
	Strains  Strains          // nil: nobody knows
	Crowds   Crowds           // nil: nobody counts
	NewJudge NewJudge         // nil: StatisticalJudge
	Log      *slog.Logger     // nil: nothing is logged
	Tick     time.Duration    // between two looks; 0: 250 ms
	Now      func() time.Time // nil: time.Now
}

// defaultTick is short enough to cut off a catastrophe within a second.
const defaultTick = 250 * time.Millisecond

// callTimeout bounds each call to journal, driver and source.
const callTimeout = 2 * time.Second

// Controller carries the rollouts of all services.
type Controller struct {
	config   Config
	wake     chan struct{}
	troubles troubles // of the loop itself
	retry    backoff  // of reading commands
	failures failures

	services map[string]*service // belongs to whoever runs Step

	mu     sync.Mutex // guards stop
	stop   context.CancelFunc
	lives  sync.WaitGroup
	loaded bool
}

// New returns a controller that is not started.
func New(c Config) (*Controller, error) {
	if c.Services == nil || c.Driver == nil || c.Source == nil || c.Journal == nil || c.Ready == nil {
		return nil, errors.New("new controller: services, driver, source, journal and readiness are all needed")
	}
	if c.NewJudge == nil {
		c.NewJudge = StatisticalJudge
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Tick <= 0 {
		c.Tick = defaultTick
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Controller{config: c, wake: make(chan struct{}, 1), troubles: troubles{log: c.Log}, services: map[string]*service{}}, nil
}

// Start takes up the rollouts that the journal has and begins to look at all
// services each tick. Starting what is started does nothing. It goes on until
// ctx is done or Stop is called.
func (c *Controller) Start(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stop != nil {
		return nil
	}
	if err := c.Load(ctx); err != nil {
		return err
	}
	ctx, c.stop = context.WithCancel(ctx)
	c.lives.Go(func() { c.run(ctx) })
	return nil
}

// Stop ends the looking and waits for what is under way; the data plane keeps
// the splits it has. Stopping what is stopped does nothing. The error is that of
// ctx, when it ends first.
func (c *Controller) Stop(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stop == nil {
		return nil
	}
	c.stop()
	done := make(chan struct{})
	go func() { c.lives.Wait(); close(done) }()
	select {
	case <-done:
		c.stop = nil
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop controller: %w", ctx.Err())
	}
}

// Wake asks for a look now, because a command has come in.
func (c *Controller) Wake() {
	select {
	case c.wake <- struct{}{}:
	default: // one is asked for already
	}
}

// Failures tells how often each part has failed to answer.
func (c *Controller) Failures() Failures { return c.failures.read() }

// Load takes up the active rollouts from the journal. Start does it; who drives
// Step by hand calls it first.
func (c *Controller) Load(ctx context.Context) error {
	if c.loaded {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	active, err := c.config.Journal.Active(ctx)
	if err != nil {
		return fmt.Errorf("load rollouts: %w", err)
	}
	for _, r := range active {
		s := newService(r.Service, c.config, &c.failures)
		s.takeUp(r)
		c.services[r.Service] = s
	}
	c.loaded = true
	return nil
}

func (c *Controller) run(ctx context.Context) {
	clock := time.NewTicker(c.config.Tick)
	defer clock.Stop()
	for {
		c.look(ctx, c.lives.Go)
		select {
		case <-ctx.Done():
			return
		case <-clock.C:
		case <-c.wake:
		}
	}
}

// Step looks at every service once, in order of their names, and returns when
// that is done. The loop does the same with all services at once; a simulation
// drives Step by hand.
func (c *Controller) Step(ctx context.Context) {
	c.look(ctx, func(f func()) { f() })
}

// look hands every service that is not busy its commands and lets it take a
// step. A service found idle stays so until then, so no command that the last
// step carried out is handed out again.
func (c *Controller) look(ctx context.Context, spawn func(func())) {
	var idle []*service
	for _, s := range c.known() {
		if !s.busy.Load() {
			idle = append(idle, s)
		}
	}
	commands := c.commands(ctx)
	now := c.config.Now()
	for _, s := range idle {
		s.busy.Store(true)
		mine := commands[s.name]
		spawn(func() {
			defer s.busy.Store(false)
			s.step(ctx, now, mine)
		})
	}
}

// known returns every service to look at, those that are configured and those
// that only have a rollout left, by name.
func (c *Controller) known() []*service {
	configured := map[string]bool{}
	for _, s := range c.config.Services() {
		configured[s.Name] = true
		if c.services[s.Name] == nil {
			c.services[s.Name] = newService(s.Name, c.config, &c.failures)
		}
	}
	maps.DeleteFunc(c.services, func(name string, s *service) bool {
		return !configured[name] && !s.busy.Load() && s.carries.Load() == nil
	})
	names := slices.Sorted(maps.Keys(c.services))
	all := make([]*service, 0, len(names))
	for _, name := range names {
		all = append(all, c.services[name])
	}
	return all
}

// commands returns what people wait for, by service. One for which there is no
// service is refused here.
func (c *Controller) commands(ctx context.Context) map[string][]stagger.Command {
	now := c.config.Now()
	if !c.retry.due(now) {
		return nil // a journal that hangs must not hold up the judging
	}
	pending, err := c.pending(ctx)
	c.troubles.heard("read commands", err, now, &c.failures.journal)
	if err != nil {
		c.retry.failed(now)
		return nil
	}
	c.retry.reset()
	byService := map[string][]stagger.Command{}
	for _, command := range pending {
		name, refusal, err := c.addressee(ctx, command)
		if err != nil {
			c.troubles.heard("read a rollout that is over", err, now, &c.failures.journal)
			c.retry.failed(now)
			return byService // the rest comes again with it
		}
		if refusal != nil {
			err := resolve(ctx, c.config, command, refusal)
			c.troubles.heard("refuse a command", err, now, &c.failures.journal)
			continue
		}
		byService[name] = append(byService[name], command)
	}
	return byService
}

func (c *Controller) pending(ctx context.Context) ([]stagger.Command, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return c.config.Journal.Pending(ctx)
}

// addressee names the service that a command is for, or says why there is none.
// The error tells that the journal, which knows, did not answer.
func (c *Controller) addressee(ctx context.Context, command stagger.Command) (string, *stagger.Error, error) {
	if command.Verb == stagger.VerbStart && command.Start != nil {
		if c.services[command.Start.Service] == nil {
			return "", &stagger.Error{Code: stagger.CodeNotFound, Message: fmt.Sprintf("there is no service %q", command.Start.Service)}, nil
		}
		return command.Start.Service, nil, nil
	}
	for name, s := range c.services {
		if id := s.carries.Load(); id != nil && *id == command.Rollout {
			return name, nil, nil
		}
	}
	if command.Verb == stagger.VerbReview {
		return c.reviewed(ctx, command)
	}
	return "", &stagger.Error{
		Code:    stagger.CodeConflict,
		Message: fmt.Sprintf("the rollout %q is not active; nothing can be done to it any more", command.Rollout),
	}, nil
}

// resolve refuses a command. When the refusal cannot be kept, the command comes
// again.
func resolve(ctx context.Context, c Config, command stagger.Command, refusal *stagger.Error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return c.Journal.Resolve(ctx, command.ID, stagger.Result{Rollout: command.Rollout, Error: refusal, At: c.Now()})
}

// Failures counts calls that failed since the start.
type Failures struct{ Journal, Driver, Source uint64 }

type failures struct{ journal, driver, source atomic.Uint64 }

func (f *failures) read() Failures {
	return Failures{Journal: f.journal.Load(), Driver: f.driver.Load(), Source: f.source.Load()}
}
