package upstream

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// steps is how often the weight of an endpoint grows while it is warming up.
const steps = 20

// Watch keeps the pool as the world is until it is closed: it probes, follows
// names and files, and brings back who was left out.
func (p *Pool) Watch(log *slog.Logger) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = log.With("service", p.spec.Service, "version", p.spec.Version)
	p.begin = func(m *member) {
		own, end := context.WithCancel(ctx)
		m.end = end
		m.endpoint.owner.Store(p)
		m.endpoint.links.open()
		wg.Go(func() { p.watchOne(own, m.endpoint) })
	}
	p.stop = func() {
		cancel()
		wg.Wait()
	}
	for _, m := range p.members {
		p.begin(m)
	}
	p.swept = time.Now()
	if p.restless() {
		wg.Go(func() { p.tend(ctx) })
	}
	for _, s := range p.sources {
		if s.err != nil { // of what came before there was no log
			p.log.Warn("a name cannot be looked up; it is tried again", "upstream", s.target.text, "error", s.err)
		}
	}
	if p.named() {
		wg.Go(func() { p.follow(ctx) })
	}
	if p.credentials != nil && p.credentials.files() {
		wg.Go(func() { p.reread(ctx) })
	}
}

// restless says whether anything changes that no probe finds.
func (p *Pool) restless() bool {
	return p.outliers != nil || p.spec.slowStart > 0 || p.named()
}

// tend does what is due, again and again.
func (p *Pool) tend(ctx context.Context) {
	for {
		next := p.turnOver(time.Now())
		timer := time.NewTimer(time.Until(next))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-p.stir:
			timer.Stop()
		}
	}
}

// turnOver does what is due now and says when to look again.
func (p *Pool) turnOver(now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := now.Add(time.Minute)
	if p.outliers != nil {
		if now.Sub(p.swept) >= p.spec.outlier.Interval {
			p.sweep(now)
		}
		next = sooner(next, p.swept.Add(p.spec.outlier.Interval))
		next = sooner(next, p.restore(now))
	}
	for _, m := range p.members {
		if now.Sub(m.warm) < p.spec.slowStart {
			next = sooner(next, now.Add(max(p.spec.slowStart/steps, 10*time.Millisecond)))
		}
	}
	if p.drain(); len(p.leaving) > 0 {
		next = sooner(next, now.Add(time.Second))
	}
	p.refresh(now)
	return next
}

// sooner returns the earlier time; the zero time is never.
func sooner(a, b time.Time) time.Time {
	if b.IsZero() || a.Before(b) {
		return a
	}
	return b
}

// drain lets those go whose last request has ended.
func (p *Pool) drain() {
	kept := p.leaving[:0]
	for _, e := range p.leaving {
		e.close() // what was busy before may be idle now
		if e.InFlight() > 0 {
			kept = append(kept, e)
		}
	}
	clear(p.leaving[len(kept):])
	p.leaving = kept
}

// reread takes files of certificates into use that have changed.
func (p *Pool) reread(ctx context.Context) {
	clock := time.NewTicker(lookAtFiles)
	defer clock.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-clock.C:
		}
		changed, err := p.credentials.renew()
		if err != nil {
			p.log.Error("changed certificates cannot be used; the old ones stay", "error", err)
			continue
		}
		if !changed {
			continue
		}
		p.log.Info("changed certificates are in use")
		for _, e := range p.Endpoints() {
			e.renew()
		}
	}
}
