package upstream

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// probe asks an endpoint once whether it is well: an answer of 2xx or 3xx to
// the path, or a TCP connection where there is no path.
func (p *Pool) probe(ctx context.Context, e *Endpoint) error {
	ctx, cancel := context.WithTimeout(ctx, p.health.Timeout)
	defer cancel()
	if p.health.Path == "" {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", e.address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	target, err := url.Parse("http://" + e.address + p.health.Path)
	if err != nil {
		return fmt.Errorf("health path: %w", err)
	}
	request := (&http.Request{
		Method: http.MethodGet, URL: target, Host: target.Host,
		Header: http.Header{"User-Agent": {"stagger-health"}},
	}).WithContext(ctx)
	answer, err := e.transport.RoundTrip(request)
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

// Probe probes every endpoint once, at the same time, and believes the
// result: before the first request there is no history to wait for.
func (p *Pool) Probe(ctx context.Context) {
	var wg sync.WaitGroup
	for _, e := range p.endpoints {
		wg.Go(func() { p.set(e, p.probe(ctx, e) == nil) })
	}
	wg.Wait()
}

// Watch keeps probing until the pool is closed.
func (p *Pool) Watch(log *slog.Logger) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, e := range p.endpoints {
		e.links.open()
		wg.Go(func() {
			p.watchOne(ctx, e, log.With("service", p.service, "version", p.version, "endpoint", e.address))
		})
	}
	p.stop = func() {
		cancel()
		wg.Wait()
	}
}

func (p *Pool) watchOne(ctx context.Context, e *Endpoint, log *slog.Logger) {
	clock := time.NewTicker(p.health.Interval)
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
		case good >= p.health.Healthy && p.set(e, true):
			log.Info("endpoint is healthy")
		case bad >= p.health.Unhealthy && p.set(e, false):
			log.Warn("endpoint is unhealthy", "error", err)
		}
	}
}
