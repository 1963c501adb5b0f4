// Package scrape reads what the endpoints of a service tell of themselves, as
// Prometheus text, and adds what guardrails ask for to the ticks of the proxy.
//
// It reads only what a rollout under way has a guardrail on, of the versions
// that the rollout compares. An endpoint that does not answer gives no reading,
// and no reading is no evidence, neither of harm nor of health.
package scrape

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stagger-dev/stagger"
)

// Rollouts tells what is under way, and so which metrics are asked for.
type Rollouts interface {
	// Active returns the rollouts that are not over.
	Active(ctx context.Context) ([]stagger.Rollout, error)
}

// Upstreams knows where versions run, and the way there.
type Upstreams interface {
	Endpoints(service string) []stagger.EndpointStatus
	// Look carries a request to an endpoint, named by its address there.
	Look(service, version, address string, r *http.Request) (*http.Response, error)
}

// Options are what a Scraper needs.
type Options struct {
	Services func() []stagger.Service
	Rollouts Rollouts
	// Upstreams, when set, knows the endpoints better than the services do.
	Upstreams Upstreams
	Log       *slog.Logger // nil for none
}

// lookEvery is how often the Scraper looks for rollouts that began or ended.
const lookEvery = time.Second

// lookPatience bounds how long it waits for the answer.
const lookPatience = 2 * time.Second

// Scraper reads endpoints while Run runs. It is safe for concurrent use.
type Scraper struct {
	options  Options
	log      *slog.Logger
	readings readings
	failures *prometheus.CounterVec
}

// New returns a Scraper that does nothing yet.
func New(o Options) *Scraper {
	s := &Scraper{options: o, log: o.Log}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.failures = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "stagger_scrape_failures_total",
		Help: "Readings of a version's own metrics that failed.",
	}, []string{"service", "version"})
	return s
}

// Collector returns how often a reading failed, as a Prometheus metric.
func (s *Scraper) Collector() prometheus.Collector { return s.failures }

// errand is an endpoint that is being read.
type errand struct {
	endpoint *endpoint
	stop     context.CancelFunc
}

// Run reads until ctx is done. When it returns, all it began has ended.
func (s *Scraper) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	clock := time.NewTicker(lookEvery)
	defer clock.Stop()
	under := make(map[aim]errand)
	for {
		if wanted, ok := s.look(ctx); ok {
			s.follow(ctx, &wg, under, wanted)
		}
		s.readings.forget(time.Now())
		select {
		case <-ctx.Done():
			return
		case <-clock.C:
		}
	}
}

// look asks what is wanted. It is not ok when nobody knows; then all goes on as
// it is.
func (s *Scraper) look(ctx context.Context) (map[aim][]wish, bool) {
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	active, err := s.options.Rollouts.Active(ctx)
	if err != nil {
		return nil, false // whoever keeps the rollouts tells of its troubles
	}
	return aims(active, s.options.Services(), s.options.Upstreams), true
}

// follow begins what is wanted, and ends what no longer is.
func (s *Scraper) follow(ctx context.Context, wg *sync.WaitGroup, under map[aim]errand, wanted map[aim][]wish) {
	for a, e := range under {
		if _, still := wanted[a]; !still {
			e.stop()
			delete(under, a)
		}
	}
	for a, wishes := range wanted {
		e, running := under[a]
		if !running {
			e.endpoint = newEndpoint(a, s)
			var errandCtx context.Context
			errandCtx, e.stop = context.WithCancel(ctx)
			under[a] = e
			e.endpoint.wish(wishes)
			wg.Go(func() { e.endpoint.watch(errandCtx) })
			continue
		}
		e.endpoint.wish(wishes)
	}
}
