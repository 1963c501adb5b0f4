package scrape

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"mime"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// endpoint reads one endpoint again and again.
type endpoint struct {
	aim
	scraper *Scraper
	log     *slog.Logger
	client  *http.Client
	wishes  atomic.Pointer[[]wish]

	// Only watch uses the rest.
	past   past
	failed bool              // the last reading
	said   map[string]string // the last remark on a metric, by signal and metric
}

func newEndpoint(a aim, s *Scraper) *endpoint {
	e := &endpoint{
		aim: a, scraper: s, said: make(map[string]string),
		log: s.log.With("service", a.service, "version", a.version, "endpoint", a.address()),
	}
	e.wish(nil)
	if upstreams := s.options.Upstreams; upstreams != nil {
		e.client = &http.Client{CheckRedirect: stay, Transport: carrier(func(r *http.Request) (*http.Response, error) {
			return upstreams.Look(a.service, a.version, a.at, r)
		})}
		return e
	}
	var protocols http.Protocols
	h2c := strings.HasPrefix(a.upstream, "h2c:")
	protocols.SetHTTP1(!h2c)
	protocols.SetUnencryptedHTTP2(h2c)
	dialer := &net.Dialer{Timeout: a.metrics.Timeout}
	e.client = &http.Client{CheckRedirect: stay, Transport: &http.Transport{
		DialContext:            dialer.DialContext,
		Protocols:              &protocols,
		MaxConnsPerHost:        1,
		IdleConnTimeout:        2 * a.metrics.Every,
		MaxResponseHeaderBytes: 64 << 10,
	}}
	return e
}

// carrier is a function as an http.RoundTripper.
type carrier func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (c carrier) RoundTrip(r *http.Request) (*http.Response, error) { return c(r) }

// stay refuses redirects to elsewhere: the configuration says who is asked.
func stay(next *http.Request, before []*http.Request) error {
	switch {
	case next.URL.Host != before[0].URL.Host || next.URL.Scheme != before[0].URL.Scheme:
		return fmt.Errorf("it redirects to %s, which is not asked", next.URL.Host)
	case len(before) >= 5:
		return errors.New("it redirects more than 4 times")
	}
	return nil
}

func (e *endpoint) wish(wishes []wish) { e.wishes.Store(&wishes) }

// watch reads until ctx is done. The first reading comes soon, as a counter
// tells nothing before the second; after that endpoints drift apart, so that
// they are not all asked at once.
func (e *endpoint) watch(ctx context.Context) {
	defer e.client.CloseIdleConnections()
	wait := time.Duration(rand.Float64() * float64(min(e.metrics.Every, time.Second)))
	for {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		e.scrape(ctx)
		wait = time.Duration((0.95 + 0.1*rand.Float64()) * float64(e.metrics.Every))
	}
}

// scrape reads once.
func (e *endpoint) scrape(ctx context.Context) {
	wishes := *e.wishes.Load()
	x, err := e.fetch(ctx, wishes)
	switch {
	case ctx.Err() != nil:
		return // it is to end, and that is nobody's failure
	case err != nil:
		e.scraper.failures.WithLabelValues(e.service, e.version).Inc()
		if !e.failed {
			e.log.Warn("its metrics cannot be read", "path", e.metrics.Path, "error", err)
		}
		e.failed = true
		return
	case e.failed:
		e.failed = false
		e.log.Info("its metrics can be read again")
	}
	seen := x.look(wishes)
	started, _ := x.sum(startOf)
	e.scraper.readings.add(e.service, func(at time.Time) []reading { return e.past.compare(e.aim, at, started, seen) })
	e.remark(seen)
}

// fetch asks the endpoint.
func (e *endpoint) fetch(ctx context.Context, wishes []wish) (exposition, error) {
	ctx, cancel := context.WithTimeout(ctx, e.metrics.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+e.authority()+e.metrics.Path, http.NoBody)
	if err != nil {
		return exposition{}, err
	}
	request.Header.Set("Accept", "text/plain;version=0.0.4")
	request.Header.Set("User-Agent", "stagger-scrape")
	answer, err := e.client.Do(request)
	if err != nil {
		return exposition{}, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return exposition{}, fmt.Errorf("status %d", answer.StatusCode)
	}
	if told := answer.Header.Get("Content-Type"); told != "" {
		if media, _, err := mime.ParseMediaType(told); err != nil || media != "text/plain" {
			return exposition{}, fmt.Errorf("%.60q is not Prometheus text, which is text/plain", told)
		}
	}
	names := map[string]bool{startOf.Name: true}
	for _, w := range wishes {
		names[w.metric.Name] = true
	}
	return readExposition(answer.Body, names)
}

// remark logs what is to be known of the metrics, once per change.
func (e *endpoint) remark(seen []sight) {
	for _, s := range seen {
		what, key := s.remark(), string(s.signal)+" "+s.text
		if what != "" && what != e.said[key] {
			e.log.Warn("of a metric that is judged", "metric", s.text, "signal", s.signal, "remark", what)
		}
		e.said[key] = what
	}
}
