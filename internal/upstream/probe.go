package upstream

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// probe asks an endpoint once whether it is well: an answer of 2xx or 3xx to
// the path, or a connection where there is no path, TLS included.
func (p *Pool) probe(ctx context.Context, e *Endpoint) error {
	ctx, cancel := context.WithTimeout(ctx, p.spec.health.Timeout)
	defer cancel()
	if p.spec.health.Path == "" {
		return e.knock(ctx)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://endpoint"+p.spec.health.Path, http.NoBody)
	if err != nil {
		return fmt.Errorf("health path: %w", err)
	}
	request.Header.Set("User-Agent", "stagger-health")
	answer, err := e.Look(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	// Read a little, so that the connection can be used again.
	_, _ = io.CopyN(io.Discard, answer.Body, 4<<10)
	if answer.StatusCode < 200 || answer.StatusCode > 399 {
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	return nil
}

// Look carries a request of Stagger's own, whose URL is that of any host: it is
// no traffic, and not bounded by limits.
func (e *Endpoint) Look(r *http.Request) (*http.Response, error) {
	own := r.Clone(Settling(context.WithValue(r.Context(), probing{}, true)))
	own.URL.Scheme, own.URL.Host, own.Host = e.Scheme(), e.Authority(), e.named(e.Authority())
	return e.carriers.Load().usual.RoundTrip(own)
}

// knock makes a connection and closes it.
func (e *Endpoint) knock(ctx context.Context) error {
	ctx = context.WithValue(ctx, probing{}, true)
	if e.place.speaks == https {
		c, err := e.handshake(ctx)
		if err != nil {
			return err
		}
		return c.Close()
	}
	c, err := e.dial(ctx)
	if err != nil {
		return err
	}
	return c.Close()
}

// named is the Host of a probe: over TLS, the name that is asked for.
func (e *Endpoint) named(authority string) string {
	if name := e.settings.tls.ServerName; name != "" && e.place.speaks == https {
		return name
	}
	return authority
}

// Probe looks names up and probes every endpoint of which nothing is known, at
// the same time, and believes the result: before the first request there is no
// history to wait for.
func (p *Pool) Probe(ctx context.Context) {
	if p.named() {
		p.lookUp(ctx)
	}
	p.mu.Lock()
	members := p.members
	p.mu.Unlock()
	var wg sync.WaitGroup
	for _, m := range members {
		if !m.known {
			wg.Go(func() { p.set(m.endpoint, p.probe(ctx, m.endpoint)) })
		}
	}
	wg.Wait()
}

// watchOne keeps probing an endpoint until ctx ends.
func (p *Pool) watchOne(ctx context.Context, e *Endpoint) {
	log := p.log.With("endpoint", e.Address())
	clock := time.NewTicker(p.spec.health.Interval)
	defer clock.Stop()
	good, bad := 0, 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-clock.C:
		}
		err := p.probe(ctx, e)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			good, bad = 0, bad+1
		} else {
			good, bad = good+1, 0
		}
		switch {
		case good >= p.spec.health.Healthy && p.set(e, nil):
			log.Info("endpoint is healthy")
		case bad >= p.spec.health.Unhealthy && p.set(e, err):
			log.Warn("endpoint is unhealthy", "error", err)
			p.lookSoon()
		}
	}
}

// set records how an endpoint's probes go, and says whether that is new.
func (p *Pool) set(e *Endpoint, err error) bool {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members {
		if m.endpoint != e {
			continue
		}
		was := m.well
		m.known, m.well, m.reason = true, err == nil, reasonOf(err)
		if m.well == was {
			return false
		}
		if m.well {
			m.warm = now
		}
		p.refresh(now)
		wake(p.stir)
		return true
	}
	return false
}

func reasonOf(err error) string {
	if err == nil {
		return ""
	}
	const most = 200
	text := "its probe failed: " + err.Error()
	return text[:min(len(text), most)]
}
