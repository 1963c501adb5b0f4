// Package demo shows a whole rollout in under a minute with nothing else
// installed: two real backend processes, open-loop traffic, and the product
// itself between them, proxy, controller, store, API and dashboard. It is a
// client like any other: it starts the rollout over HTTP and watches the same
// stream of events as everybody.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/client"
	"github.com/stagger-dev/stagger/internal/app"
	"github.com/stagger-dev/stagger/internal/config"
	"github.com/stagger-dev/stagger/internal/controller"
)

// Options say which story to tell, and how.
type Options struct {
	Scenario string
	Rate     float64 // requests per second
	Seed     uint64
	JSON     bool // JSON Lines of events and a summary instead of the live view
	Plain    bool // a line per event instead of the live view
	Colour   bool
	Out      io.Writer
	Version  string
}

// The defaults of the options, and the bound on a run.
const (
	DefaultScenario = "errors"
	DefaultRate     = 800
	maxRate         = 5000
	longest         = 90 * time.Second
	warmUp          = 3 * time.Second // so that the baseline's usual latency is known
	landing         = 4 * time.Second // for the traffic to follow the last decision
	versionHeader   = "Stagger-Version"
)

// Check says what is wrong with o.
func (o Options) Check() error {
	if !(o.Rate >= 100 && o.Rate <= maxRate) {
		return &stagger.Error{
			Code:    stagger.CodeInvalid,
			Message: fmt.Sprintf("--rps %g is out of range; use 100 to %d", o.Rate, maxRate),
		}
	}
	_, err := Find(o.Scenario)
	return err
}

// Run tells one story and returns its summary. A story that ends otherwise
// than its scenario promises is an error.
func Run(ctx context.Context, o Options) (Summary, error) {
	if err := o.Check(); err != nil {
		return Summary{}, err
	}
	scenario, err := Find(o.Scenario)
	if err != nil {
		return Summary{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, longest, fmt.Errorf("the demo was not over after %v", longest))
	defer cancel()
	w, err := build(ctx, o)
	if err != nil {
		return Summary{}, err
	}
	defer w.close()
	summary, err := w.tell(ctx, o, scenario)
	if err != nil {
		return summary, errors.Join(err, context.Cause(ctx))
	}
	if summary.Outcome != scenario.Want {
		return summary, fmt.Errorf("the scenario %s ended in %s; it should end in %s", scenario.Name, summary.Outcome, scenario.Want)
	}
	return summary, nil
}

// world is all that runs during a demo.
type world struct {
	folder    string
	baseline  *process
	candidate *process
	outage    *outage
	app       *app.App
	client    *client.Client
	traffic   *traffic
}

// build starts everything but the traffic. What it started before an error it
// stops again.
func build(ctx context.Context, o Options) (_ *world, err error) {
	w := &world{outage: &outage{}}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.folder, err = os.MkdirTemp("", "stagger-demo-"); err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	if w.baseline, err = startBackend(ctx, baseline, o.Seed); err != nil {
		return nil, err
	}
	if w.candidate, err = startBackend(ctx, candidate, o.Seed+1); err != nil {
		return nil, err
	}
	if err = w.startApp(ctx, o); err != nil {
		return nil, err
	}
	if w.client, err = client.New(w.app.AdminURL()); err != nil {
		return nil, err
	}
	w.traffic = newTraffic(w.app.ProxyURL("web"), o.Rate, o.Seed)
	return w, nil
}

func (w *world) startApp(ctx context.Context, o Options) error {
	server, err := config.ParseServer("demo", fmt.Appendf(nil, `
listeners: [{name: web, address: "127.0.0.1:0"}]
admin: {address: "127.0.0.1:0"}
store: {path: %q}
services:
  - name: %s
    baseline: %s
    version_header: %s
    health: {path: /healthz, interval: 1s, timeout: 1s}
    versions:
      %s: {upstreams: ["http://%s"]}
      %s: {upstreams: ["http://%s"]}
`, filepath.Join(w.folder, "stagger.db"), service, baseline, versionHeader,
		baseline, w.baseline.address, candidate, w.candidate.address))
	if err != nil {
		return err
	}
	w.app = app.New(server, app.Options{
		Log:     slog.New(slog.DiscardHandler),
		Version: o.Version,
		Source: func(s controller.Source) controller.Source {
			w.outage.Source = s
			return w.outage
		},
	})
	return w.app.Start(ctx)
}

// close stops what runs and removes what was written.
func (w *world) close() {
	if w.app != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = w.app.Stop(ctx) // nothing to keep
	}
	for _, p := range []*process{w.baseline, w.candidate} {
		if p != nil {
			p.stop()
		}
	}
	if w.folder != "" {
		_ = os.RemoveAll(w.folder)
	}
}

// tell runs the story to its end.
func (w *world) tell(ctx context.Context, o Options, s Scenario) (Summary, error) {
	trouble := newTrouble(w, s)
	if err := trouble.start(); err != nil {
		return Summary{}, err
	}
	busy, quiet := context.WithCancel(ctx)
	var traffic sync.WaitGroup
	traffic.Go(func() { _ = w.traffic.run(busy) }) // the rate is in range, nothing else fails
	defer traffic.Wait()
	defer quiet()

	if err := pause(ctx, warmUp); err != nil {
		return Summary{}, err
	}
	rollout, err := w.client.Do(ctx, stagger.Command{
		Verb: stagger.VerbStart, Actor: "demo", Reason: s.Summary,
		Start: &stagger.Start{
			Service: service, Candidate: candidate, Plan: Plan(o.Seed),
			Change: stagger.Change{
				Kind: "code", Commit: "4f2a91c", Author: "ada", Owner: "shop-team",
				Ticket: "SHOP-42", Summary: "Faster basket totals",
			},
		},
	})
	if err != nil {
		return Summary{}, fmt.Errorf("start the rollout: %w", err)
	}
	n := newNarrator(o, s, rollout, w.app.AdminURL())
	defer func() { _ = n.Close() }()
	if err := w.watch(ctx, rollout.ID, trouble, n); err != nil {
		return Summary{}, err
	}
	return w.end(ctx, o, s, rollout.ID, n, trouble)
}

// errOver ends the watching when the rollout has landed.
var errOver = errors.New("over")

// watch follows the rollout until it has landed, or landing has passed since
// its end.
func (w *world) watch(ctx context.Context, id string, t *trouble, n narrator) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := w.client.Stream(ctx, id, "", func(m client.Message) error {
		if m.Progress != nil {
			n.See(*m.Progress)
		}
		if m.Event == nil {
			return nil
		}
		if err := n.Hear(*m.Event); err != nil {
			return err
		}
		t.hear(ctx, *m.Event)
		if m.Event.Kind == stagger.EventConverged {
			return errOver
		}
		if m.Event.Phase.Final() {
			time.AfterFunc(landing, cancel)
		}
		return nil
	})
	if errors.Is(err, errOver) || t.final() {
		return nil
	}
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
