// Package app wires the rooms together and gives them their lives: New takes
// the configuration, Start brings everything up in order, Stop takes it down
// in the reverse order.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api"
	"github.com/stagger-dev/stagger/internal/auth"
	"github.com/stagger-dev/stagger/internal/config"
	"github.com/stagger-dev/stagger/internal/controller"
	"github.com/stagger-dev/stagger/internal/dashboard"
	"github.com/stagger-dev/stagger/internal/inbox"
	"github.com/stagger-dev/stagger/internal/listen"
	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/mirror"
	"github.com/stagger-dev/stagger/internal/proxy"
	"github.com/stagger-dev/stagger/internal/scrape"
	"github.com/stagger-dev/stagger/internal/store"
)

// tick is how often observations are sealed and rollouts looked at.
const tick = 250 * time.Millisecond

// Options are what the configuration file does not say.
type Options struct {
	Log     *slog.Logger
	Version string
	// Source, when set, stands between the meter and the controller. The demo
	// loses telemetry through it.
	Source func(controller.Source) controller.Source

	// Sockets are those that this process was given; nil for none.
	Sockets *listen.Sockets
	// Tell, when set, tells the process whose place this one takes what comes
	// into force here.
	Tell func(context.Context, stagger.Split)
}

// App is one running Stagger.
type App struct {
	config  config.Server
	options Options
	log     *slog.Logger

	services   atomic.Pointer[[]stagger.Service]
	proxy      *proxy.Proxy
	store      *store.Store
	scraper    *scrape.Scraper
	mirror     *mirror.Mirror
	controller *controller.Controller
	meter      *meter.Meter
	inForce    []stagger.Split // see Adopt
	sockets    *listen.Sockets
	doors      listen.Doors // of the listeners, and the admin port's
	admin      net.Addr

	mu            sync.Mutex // guards the rest
	adminListener net.Listener
	guard         *auth.Guard  // of the admin port
	entrance      config.Admin // who may come in, as configured now
	stops         []stop       // of what serves
	will          []stop       // of what decides and keeps; they end first
}

// stop ends one part of the app.
type stop struct {
	name string
	run  func(context.Context) error
}

// New returns an app that is not started.
func New(c config.Server, o Options) *App {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Sockets == nil {
		o.Sockets = &listen.Sockets{}
	}
	a := &App{config: c, options: o, log: o.Log, sockets: o.Sockets, entrance: c.Admin}
	a.services.Store(&c.Services)
	return a
}

// Services returns the services as configured now.
func (a *App) Services() []stagger.Service { return *a.services.Load() }

// AdminURL is where the API and the dashboard answer. It is known once the app
// has started.
func (a *App) AdminURL() string {
	if a.config.Admin.TLS != nil {
		return "https://" + a.admin.String()
	}
	return "http://" + a.admin.String()
}

// ProxyURL is where the named listener answers.
func (a *App) ProxyURL(listener string) string {
	for _, l := range a.config.Listeners {
		if l.Name == listener && l.TLS != nil {
			return "https://" + a.proxy.Addr(listener).String()
		}
	}
	return "http://" + a.proxy.Addr(listener).String()
}

// Start brings everything up: store, proxy, controller, then the admin port.
// When a part fails, those already up are stopped again.
func (a *App) Start(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
		}
	}()
	if err = a.openStore(ctx); err != nil {
		return err
	}
	// A port that is taken is found before anything is decided.
	if err = a.Bind(ctx); err != nil {
		return err
	}
	a.meter = meter.New(meter.Options{Tick: tick})
	if err = a.startProxy(ctx, a.meter); err != nil {
		a.closeDoors()
		return err
	}
	a.startIdentities()
	a.startSealing(a.meter)
	if err = a.startWill(ctx); err != nil {
		a.closeDoors()
		return err
	}
	for _, left := range a.sockets.Rest() {
		a.log.Warn("a socket that was handed over fits no listener and is closed", "socket", left)
	}
	return nil
}

func (a *App) openStore(ctx context.Context) (err error) {
	if a.store, err = store.Open(ctx, a.config.Store.Path, store.Options{}); err != nil {
		return err
	}
	opened := a.store
	a.onRest("store", func(context.Context) error { return opened.Close() })
	return nil
}

// startWill begins to look, to decide and to answer for it.
func (a *App) startWill(ctx context.Context) error {
	a.startScraping()
	if err := a.startController(ctx, a.meter); err != nil {
		return err
	}
	return a.startAdmin(ctx, a.meter)
}

func (a *App) startProxy(ctx context.Context, m *meter.Meter) error {
	a.mirror = mirror.New(mirror.Options{})
	a.mirror.Start()
	a.onStop("mirror", a.mirror.Stop)
	p, err := proxy.New(proxy.Config{Listeners: a.listeners(), Services: a.config.Services, Mirror: a.mirror}, m, a.log)
	if err != nil {
		return err
	}
	a.proxy = p
	a.adopt(ctx)
	if err := p.Start(ctx); err != nil {
		return err
	}
	a.onStop("proxy", p.Stop)
	return nil
}

// startSealing closes the meter's ticks as time passes.
func (a *App) startSealing(m *meter.Meter) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		clock := time.NewTicker(tick)
		defer clock.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-clock.C:
				m.Seal(now)
			}
		}
	})
	a.onStop("meter", func(context.Context) error {
		cancel()
		wg.Wait()
		return nil
	})
}

// startScraping reads what services tell of themselves while a rollout asks.
func (a *App) startScraping() {
	a.scraper = scrape.New(scrape.Options{Services: a.Services, Rollouts: a.store, Upstreams: a.proxy, Log: a.log})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { a.scraper.Run(ctx) })
	a.onRest("scraper", func(context.Context) error {
		cancel()
		wg.Wait()
		return nil
	})
}

func (a *App) startController(ctx context.Context, m *meter.Meter) error {
	var source controller.Source = a.mirror.Source(a.scraper.Source(m))
	if a.options.Source != nil {
		source = a.options.Source(source)
	}
	c, err := controller.New(controller.Config{
		Services: a.Services, Driver: a.driver(), Source: source, Journal: a.store,
		Ready: a.proxy, Circuits: a.proxy, Strains: a.proxy, Crowds: a.proxy, Log: a.log, Tick: tick,
	})
	if err != nil {
		return err
	}
	if err := c.Start(ctx); err != nil {
		return err
	}
	a.controller = c
	a.onRest("controller", c.Stop)
	return nil
}

func (a *App) driver() controller.Driver {
	if a.options.Tell == nil {
		return a.proxy
	}
	return driver{a.proxy, a.options.Tell}
}

func (a *App) startAdmin(ctx context.Context, m *meter.Meter) error {
	open, err := a.doors[len(a.doors)-1].Open(ctx)
	if err != nil {
		return err
	}
	listener := open[0]
	a.mu.Lock()
	a.adminListener, a.admin = listener, listener.Addr()
	guard := a.newGuard()
	a.guard = guard
	a.mu.Unlock()
	server := &http.Server{
		Handler:           guard.Handler(a.faces(m, guard)),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			a.log.Error("admin port failed", "error", err)
		}
	})
	a.onRest("admin", func(ctx context.Context) error {
		defer wg.Wait()
		defer guard.Close()
		// Event streams never end by themselves.
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			return server.Close()
		}
		return nil
	})
	return nil
}

// faces is everything the admin port answers, but for the guard.
func (a *App) faces(m *meter.Meter, guard *auth.Guard) http.Handler {
	mux, face := http.NewServeMux(), a.api()
	mux.Handle("GET /metrics", a.metrics(m))
	mux.Handle("/api/", face)
	mux.Handle("GET /healthz", face)
	mux.Handle("GET /readyz", face)
	mux.Handle("/", dashboard.New(dashboard.Config{
		Store: a.shown(), Services: a.Services, Endpoints: a.proxy.Endpoints, Differences: a.mirror.Differences,
		Ask: a.inbox().Ask, Guard: guard, Log: a.log,
	}))
	return mux
}

func (a *App) shown() shown { return shown{a.store, a.proxy} }

// inbox is where people's commands go.
func (a *App) inbox() inbox.Inbox {
	return inbox.Inbox{Store: a.shown(), Check: a.check, Wake: a.controller.Wake}
}

// check refuses a start that cannot be carried out.
func (a *App) check(s stagger.Start) error { return config.Check(s, a.Services(), a.proxy.Can()) }

func (a *App) api() http.Handler {
	return api.New(api.Config{
		Store: a.shown(), Services: a.Services, Wake: a.controller.Wake,
		Check:       a.check,
		Capture:     a.proxy.Capture,
		Differences: a.mirror.Differences,
		Endpoints:   a.proxy.Endpoints,
		Traffic:     a.proxy,
		Log:         a.log, Version: a.options.Version,
	})
}

func (a *App) metrics(m *meter.Meter) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		m.Collector(),
		a.proxy.Collector(),
		a.scraper.Collector(),
		a.mirror.Collector(),
		rollouts{a.store, a.Services},
		endpoints{a.Services, a.proxy.Endpoints},
		a.doors,
		captures{a.proxy},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
}

// Reload takes new services into use without dropping a connection, reads
// certificates anew, and lets in who may be let in now. The addresses and the
// store stay as they were started.
func (a *App) Reload(c config.Server) error {
	if err := a.proxy.Reload(c.Services); err != nil {
		return err
	}
	a.services.Store(&c.Services)
	a.reloadIdentities()
	a.reloadGuard(c.Admin)
	if a.rebinds(c) {
		a.log.Warn("listeners or the admin port have changed; that takes a hand-over (SIGUSR2) or a restart")
	}
	a.controller.Wake()
	return nil
}

// onStop keeps what ends a part that just came up.
func (a *App) onStop(name string, run func(context.Context) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stops = append(a.stops, stop{name, run})
}

// onRest keeps what ends a part that decides or keeps.
func (a *App) onRest(name string, run func(context.Context) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.will = append(a.will, stop{name, run})
}

// Stop takes everything down, the last first, and joins the errors. It may be
// called more than once.
func (a *App) Stop(ctx context.Context) error {
	return errors.Join(a.stopAll(ctx, &a.will), a.stopAll(ctx, &a.stops))
}

func (a *App) stopAll(ctx context.Context, all *[]stop) error {
	a.mu.Lock()
	stops := *all
	*all = nil
	a.mu.Unlock()
	var failed []error
	for _, s := range slices.Backward(stops) {
		if err := s.run(ctx); err != nil {
			failed = append(failed, fmt.Errorf("stop %s: %w", s.name, err))
		}
	}
	return errors.Join(failed...)
}
