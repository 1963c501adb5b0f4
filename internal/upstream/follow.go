package upstream

import (
	"context"
	"slices"
	"sync"
	"time"
)

// soonest is between two look-ups at the least, whatever asks for them.
const soonest = time.Second

// named says whether any upstream must be looked up.
func (p *Pool) named() bool {
	return slices.ContainsFunc(p.sources, func(s *source) bool { return s.target.named() })
}

// lookSoon has names looked up now: an endpoint that does not answer may have
// moved.
func (p *Pool) lookSoon() { wake(p.ask) }

// follow looks names up as time passes, and at once when an endpoint fails.
// While the answers fail it asks again after one second, two, four and so on.
func (p *Pool) follow(ctx context.Context) {
	failures := 0
	if p.lost() {
		failures = 1
	}
	for {
		timer := time.NewTimer(p.patience(failures))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-p.ask:
			timer.Stop()
		}
		if p.lookUp(ctx) {
			failures++
		} else {
			failures = 0
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(min(soonest, p.spec.every)):
		}
	}
}

// patience is how long to wait for the next look-up after so many that failed.
func (p *Pool) patience(failures int) time.Duration {
	if failures == 0 {
		return p.spec.every
	}
	return min(soonest<<min(failures-1, 10), p.spec.every)
}

// lost says whether the last look-up of any name failed.
func (p *Pool) lost() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.sources, func(s *source) bool { return s.err != nil })
}

// lookUp asks where every name leads now and follows; where the answer fails or
// is empty, everything stays. It says whether any failed.
func (p *Pool) lookUp(ctx context.Context) (failed bool) {
	answers := make([][]found, len(p.sources))
	failures := make([]error, len(p.sources))
	var wg sync.WaitGroup
	for i, s := range p.sources {
		if s.target.named() {
			wg.Go(func() { answers[i], failures[i] = lookUp(ctx, p.resolver, s.target) })
		}
	}
	wg.Wait()
	if ctx.Err() != nil {
		return true
	}
	p.mu.Lock()
	changed := false
	for i, s := range p.sources {
		if failures[i] != nil && s.err == nil {
			p.log.Warn("a name cannot be looked up; its endpoints stay as they are", "upstream", s.target.text, "error", failures[i])
		}
		failed = failed || failures[i] != nil
		s.err = failures[i]
		if answers[i] != nil && !slices.Equal(s.found, answers[i]) {
			s.found, changed = answers[i], true
		}
	}
	if !changed {
		p.mu.Unlock()
		return failed
	}
	next := p.arranged(p.members)
	p.mu.Unlock()
	p.meet(ctx, next)
	p.settle(next)
	return failed
}

// meet probes those members of a list that are new, before they get traffic.
func (p *Pool) meet(ctx context.Context, members []*member) {
	var wg sync.WaitGroup
	for _, m := range members {
		if m.known {
			continue
		}
		wg.Go(func() {
			err := p.probe(ctx, m.endpoint)
			m.known, m.well, m.reason = true, err == nil, reasonOf(err)
		})
	}
	wg.Wait()
}

// settle takes a list of members into use. Those that were there may have
// changed while the new ones were probed; who is not in it any more ends what it
// has begun.
func (p *Pool) settle(next []*member) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.members
	for _, m := range next {
		i := slices.IndexFunc(before, func(o *member) bool { return o.endpoint == m.endpoint })
		if i >= 0 {
			old := before[i]
			m.known, m.well, m.reason, m.warm, m.end = old.known, old.well, old.reason, old.warm, old.end
			continue
		}
		m.warm = now
		p.log.Info("endpoint was found", "endpoint", m.endpoint.Address(), "upstream", m.upstream)
		if p.begin != nil {
			p.begin(m)
		}
	}
	p.members = next
	for _, old := range before {
		if slices.ContainsFunc(next, func(m *member) bool { return m.endpoint == old.endpoint }) {
			continue
		}
		p.part(old)
	}
	p.refresh(now)
	wake(p.stir)
}

// part lets a member go.
func (p *Pool) part(m *member) {
	p.log.Info("endpoint is gone from its name", "endpoint", m.endpoint.Address(), "upstream", m.upstream)
	if m.end != nil {
		m.end()
	}
	if p.outliers != nil {
		p.outliers.Forget(m.endpoint)
	}
	if m.endpoint.owner.Load() == p {
		p.leaving = append(p.leaving, m.endpoint)
	}
}
