package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/config"
	"github.com/stagger-dev/stagger/internal/controller"
	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/proxy"
	"github.com/stagger-dev/stagger/internal/store"
)

// sealEvery is how often ticks are sealed and judged, as in the program.
const sealEvery = 250 * time.Millisecond

// trial is the rollout that is under way: 5 % of users for as long as this
// lasts, the standard guardrails.
func trial() *stagger.Start {
	plan := config.Standard()
	plan.Key, plan.Seed = stagger.Key{Header: "X-User"}, "bench"
	plan.Stages = []stagger.Stage{{
		Name: "five", Weight: stagger.Percent(5), MinTime: 24 * time.Hour, AtTimebox: stagger.TimeboxHold, MinSamples: 1,
	}}
	return &stagger.Start{Service: "shop", Candidate: "v2", Change: stagger.Change{Kind: "code", Commit: "bench"}, Plan: plan}
}

func shop() []stagger.Service {
	return []stagger.Service{{
		Name: "shop", Baseline: "v1", Listener: "web",
		Routes: []stagger.Route{{Name: "all", Path: "/"}},
		Versions: []stagger.Version{
			{Name: "v1", Upstreams: []string{"http://" + originAddress}},
			{Name: "v2", Upstreams: []string{"http://" + originAddress}},
		},
	}}
}

// serveOwn is our proxy with all that runs beside it: meter, controller, judge
// and store, with a rollout under way.
func serveOwn(ctx context.Context, dir string, fast, overTLS bool) error {
	m := meter.New(meter.Options{Tick: sealEvery})
	config, err := ownConfig(dir, fast, overTLS)
	if err != nil {
		return err
	}
	p, err := proxy.New(config, m, nil)
	if err != nil {
		return err
	}
	// A store of its own for each start: one that was killed left a rollout.
	kept, err := store.Open(ctx, filepath.Join(dir, fmt.Sprintf("stagger-%d.db", time.Now().UnixNano())), store.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = kept.Close() }()
	services := shop()
	c, err := controller.New(controller.Config{
		Services: func() []stagger.Service { return services },
		Driver:   p, Source: m, Journal: kept, Ready: p, Tick: sealEvery,
	})
	if err != nil {
		return err
	}
	if _, err := kept.Submit(ctx, stagger.Command{
		ID: "bench", Verb: stagger.VerbStart, Service: "shop", Start: trial(), Actor: "bench", Reason: "to be measured", At: time.Now(),
	}); err != nil {
		return err
	}
	if err := p.Start(ctx); err != nil {
		return err
	}
	if err := c.Start(ctx); err != nil {
		return err
	}
	return seal(ctx, m, p)
}

// seal closes ticks as time passes, and ends when the rollout is not where it
// ought to be.
func seal(ctx context.Context, m *meter.Meter, p *proxy.Proxy) error {
	clock := time.NewTicker(sealEvery)
	defer clock.Stop()
	const grace = 8 // ticks until the rollout has begun
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case now := <-clock.C:
			m.Seal(now)
			if s, err := p.Current(ctx, "shop"); err != nil || n > grace && s.Weight != stagger.Percent(5) {
				return errWeight
			}
		}
	}
}
