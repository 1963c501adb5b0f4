package proxy

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

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/mirror"
	"github.com/stagger-dev/stagger/internal/upstream"
)

// Proxy is the built-in data plane. It is safe for concurrent use.
type Proxy struct {
	listeners []Listener
	byName    map[string]int
	limits    Limits
	meter     *meter.Meter
	log       *slog.Logger
	mirror    *mirror.Mirror
	own       bool // plain HTTP/1.1 goes through the proxy's own transport
	resolver  upstream.Resolver

	table    atomic.Pointer[table]
	troubles tallies
	tunnels  tunnels

	change sync.Mutex // held while the table is replaced, never for long

	life    sync.Mutex // serialises Start, Stop and Reload; guards the rest
	running bool
	servers []*http.Server
	lanes   []*lane
	open    []*listener
	lookout lookout
	leaving atomic.Bool // see Leave
	serving sync.WaitGroup

	addresses atomic.Pointer[[]net.Addr] // of the listeners, once they are bound
}

// New returns a proxy that is not started: every service on its baseline. Its
// errors are *stagger.Error.
func New(c Config, m *meter.Meter, log *slog.Logger) (*Proxy, error) {
	byName, err := checkListeners(c.Listeners)
	if err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	p := &Proxy{
		listeners: c.Listeners, byName: byName, limits: c.Limits.withDefaults(), meter: m, log: log, mirror: c.Mirror, own: ownPath && !c.NetHTTP,
		resolver: c.Resolver,
	}
	t, err := p.newTable(c.Services, &table{})
	if err != nil {
		return nil, err
	}
	p.count(t)
	p.table.Store(t)
	return p, nil
}

// newTable lays out services anew, keeping the pools of old that still serve.
// Every service is on its baseline.
func (p *Proxy) newTable(services []stagger.Service, old *table) (*table, error) {
	t := &table{}
	names := make(map[string]bool, len(services))
	for _, s := range services {
		if names[s.Name] {
			return nil, refuse(stagger.CodeInvalid, "two services are called %q", s.Name)
		}
		names[s.Name] = true
		one, err := p.newTraffic(s, old)
		if err != nil {
			return nil, err
		}
		t.services = append(t.services, one)
	}
	listeners, err := newListeners(p.byName, services)
	if err != nil {
		return nil, err
	}
	t.listeners = listeners
	return t, nil
}

func (p *Proxy) newTraffic(s stagger.Service, old *table) (*traffic, error) {
	err := checkService(s)
	if err != nil {
		return nil, err
	}
	s.Timeouts = timeouts(s.Timeouts)
	before, _ := old.service(s.Name)
	t := &traffic{service: &s, timeouts: s.Timeouts, plain: true, tap: &tapOf{}, mirror: p.mirror}
	if before != nil {
		t.tap = before.tap
	}
	for _, v := range s.Versions {
		one := &version{name: v.Name, header: []string{v.Name}, line: versionLine(s.VersionHeader, v.Name)}
		if one.pool, err = p.poolOf(s, v, before); err != nil {
			return nil, err
		}
		t.versions = append(t.versions, one)
		t.plain = t.plain && one.pool.Plain()
	}
	if err := t.protect(before); err != nil {
		return nil, err
	}
	t.page = pageOf(s, before)
	return t.under(stagger.Split{Service: s.Name, Baseline: s.Baseline}, false)
}

// protect gives a service what it declares, as it stands in the table before.
func (t *traffic) protect(before *traffic) (err error) {
	var was *shield
	if before != nil {
		was = before.shield
	}
	if t.shield, err = newShield(*t.service, was); err != nil || t.shield == nil {
		return err
	}
	for _, v := range t.versions {
		if before != nil && before.shield == t.shield {
			if same := before.version(v.name); same != nil && same.pool == v.pool {
				v.guard = same.guard
			}
		}
		if v.guard == nil {
			v.guard = newGuard(*t.service, len(v.pool.Endpoints()))
		}
	}
	return nil
}

// poolOf returns the pool of a version: the one before if it still serves, else
// one that keeps its endpoints.
func (p *Proxy) poolOf(s stagger.Service, v stagger.Version, before *traffic) (*upstream.Pool, error) {
	spec := upstream.SpecOf(s, v, p.limits.Pooled)
	var old *upstream.Pool
	if before != nil {
		if same := before.version(v.Name); same != nil {
			old = same.pool
		}
	}
	if old != nil && old.Serves(spec) {
		return old, nil
	}
	pool, err := upstream.New(spec, old, p.resolver)
	if err != nil {
		return nil, refuse(stagger.CodeInvalid, "service %q: %v", s.Name, err)
	}
	return pool, nil
}

// versionLine returns the field that tells a version, nil where none is wanted.
func versionLine(name, version string) []byte {
	if name == "" {
		return nil
	}
	return []byte(http.CanonicalHeaderKey(name) + ": " + version + "\r\n")
}

// count gives every version of t its series.
func (p *Proxy) count(t *table) {
	for _, s := range t.services {
		for _, v := range s.versions {
			v.series = v.series[:0]
			for _, r := range s.service.Routes {
				one := p.meter.Series(s.service.Name, v.name, routeName(r))
				if s.shield != nil {
					one.Further()
				}
				v.series = append(v.series, one)
			}
		}
	}
}

// Start takes the listeners' addresses, probes every endpoint once and begins
// to serve. When it fails nothing is left running.
func (p *Proxy) Start(ctx context.Context) error {
	p.life.Lock()
	defer p.life.Unlock()
	if p.running {
		return refuse(stagger.CodeConflict, "the proxy runs already")
	}
	bound, err := p.bind(ctx)
	if err != nil {
		return err
	}
	pools := p.table.Load().pools()
	probe(ctx, pools)
	if err := ctx.Err(); err != nil {
		unbind(bound)
		return fmt.Errorf("start proxy: %w", err)
	}
	for pool := range pools {
		pool.Watch(p.log)
	}
	p.tunnels.open()
	addresses := make([]net.Addr, 0, len(p.listeners))
	for i, open := range bound {
		addresses = append(addresses, open[0].Addr())
		for _, l := range open {
			p.open = append(p.open, l)
			p.serve(i, l)
		}
	}
	p.addresses.Store(&addresses)
	p.lookout.begin(p.look)
	p.running = true
	return nil
}

// bind takes the addresses of all listeners, or of none.
func (p *Proxy) bind(ctx context.Context) ([][]*listener, error) {
	var bound [][]*listener
	for _, l := range p.listeners {
		one, err := enter(ctx, l, p.limits.Connections, &p.troubles)
		if err != nil {
			unbind(bound)
			return nil, err
		}
		bound = append(bound, one)
	}
	return bound, nil
}

func unbind(bound [][]*listener) {
	for _, l := range slices.Concat(bound...) {
		_ = l.Close()
	}
}

// serve answers on a listener until its server is shut down.
func (p *Proxy) serve(i int, l net.Listener) {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Handler:           &handler{proxy: p, listener: i},
		Protocols:         &protocols,
		ReadHeaderTimeout: p.limits.HeaderTimeout,
		IdleTimeout:       p.limits.KeepAlive,
		MaxHeaderBytes:    p.limits.HeaderBytes,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: p.limits.Streams,
			MaxReadFrameSize:     16 << 10, // as small as may be: a header is refused before more of it is held
			SendPingTimeout:      30 * time.Second,
			PingTimeout:          10 * time.Second,
			WriteByteTimeout:     time.Minute,
		},
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if one, ok := c.(*conn); ok {
				return withConn(ctx, one)
			}
			return ctx
		},
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}
	p.servers = append(p.servers, server)
	if p.own && p.listeners[i].RedirectHTTPS == 0 {
		own := newLane(p, i, l)
		l = own.over
		p.lanes = append(p.lanes, own)
		p.serving.Go(own.accept)
		p.serving.Go(own.watch)
	}
	p.serving.Go(func() {
		// A lane may close before its server knows that it stops.
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			p.log.Error("a listener failed", "listener", p.listeners[i].Name, "error", err)
		}
	})
}

// Stop takes no more connections and waits for the requests under way, until
// ctx ends or Limits.Drain is over; then it cuts what is left and says so.
func (p *Proxy) Stop(ctx context.Context) error {
	p.life.Lock()
	defer p.life.Unlock()
	if !p.running {
		return nil
	}
	p.running = false
	p.lookout.end()
	p.resumeAll()
	ctx, cancel := context.WithTimeout(ctx, p.limits.Drain)
	defer cancel()
	err := p.drain(ctx)
	p.serving.Wait()
	p.servers, p.lanes, p.open = nil, nil, nil
	p.leaving.Store(false)
	p.addresses.Store(nil)
	for pool := range p.table.Load().pools() {
		pool.Close()
	}
	return err
}

// drain waits for requests and tunnels.
func (p *Proxy) drain(ctx context.Context) error {
	failed, lanes := make([]error, len(p.servers)), make([]error, len(p.lanes))
	var wg sync.WaitGroup
	for i, server := range p.servers {
		wg.Go(func() {
			if failed[i] = server.Shutdown(ctx); failed[i] != nil {
				_ = server.Close()
			}
		})
	}
	empty := p.tunnels.shut()
	for i, own := range p.lanes {
		_ = own.over.Close()
		wg.Go(func() {
			lanes[i] = own.drain(ctx)
			close(own.closing)
		})
	}
	wg.Wait()
	failed = append(failed, lanes...)
	select {
	case <-empty:
	case <-ctx.Done():
		if n := p.tunnels.cut(); n > 0 {
			failed = append(failed, fmt.Errorf("%d upgraded connections were cut", n))
		}
		<-empty
	}
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("stop proxy: not everything ended in time: %w", err)
	}
	return nil
}

// Apply makes a service follow a split. No request that starts after it
// returns meets a version the split gives nothing. Its errors are
// *stagger.Error.
func (p *Proxy) Apply(_ context.Context, s stagger.Split) error {
	p.change.Lock()
	defer p.change.Unlock()
	t := p.table.Load()
	now, i := t.service(s.Service)
	if now == nil {
		return unknown(s.Service)
	}
	next, err := now.under(s, true)
	if err != nil {
		return err
	}
	p.table.Store(t.with(i, next))
	now.shade.endUnless(next.shade)
	p.meter.Weigh(time.Now(), s)
	return nil
}

// Current returns the split a service follows.
func (p *Proxy) Current(_ context.Context, service string) (stagger.Split, error) {
	now, _ := p.table.Load().service(service)
	if now == nil {
		return stagger.Split{}, unknown(service)
	}
	return now.split, nil
}

// Can returns what splits may ask for.
func (p *Proxy) Can() stagger.Abilities {
	return stagger.Abilities{Precision: 1, Sticky: true, Header: true, Cookie: true, Claim: true, Mirror: p.mirror != nil}
}

// Ready says whether a version has a healthy endpoint.
func (p *Proxy) Ready(service, version string) bool {
	s, _ := p.table.Load().service(service)
	if s == nil {
		return false
	}
	v := s.version(version)
	return v != nil && v.pool.Ready()
}

// Addr returns where a listener listens, nil while it does not.
func (p *Proxy) Addr(listener string) net.Addr {
	addresses := p.addresses.Load()
	if i, ok := p.byName[listener]; ok && addresses != nil {
		return (*addresses)[i]
	}
	return nil
}

// Reload takes new services into use without dropping a connection. Splits
// stay; a reload that takes away a version a split needs is refused, and
// changes nothing. New endpoints are probed before they get traffic.
func (p *Proxy) Reload(services []stagger.Service) error {
	p.life.Lock()
	defer p.life.Unlock()
	old := p.table.Load()
	next, err := p.newTable(services, old)
	if err != nil {
		return err
	}
	fresh := next.pools()
	for pool := range old.pools() {
		delete(fresh, pool)
	}
	if p.running {
		probe(context.Background(), fresh)
	}
	if err := p.replace(next); err != nil {
		for pool := range fresh {
			pool.Close()
		}
		return err
	}
	if p.running {
		for pool := range fresh {
			pool.Watch(p.log)
		}
	}
	p.retire(old, next)
	endShades(old, next)
	return nil
}

// replace takes a table into use. Splits may have been applied while its
// endpoints were probed; they are what counts.
func (p *Proxy) replace(next *table) error {
	p.change.Lock()
	defer p.change.Unlock()
	now := p.table.Load()
	for i, s := range next.services {
		before, _ := now.service(s.service.Name)
		if before == nil {
			continue
		}
		s.pause = before.pause
		if !before.applied {
			continue
		}
		s.arrivals, s.crowd = before.arrivals, before.crowd
		kept, err := s.under(before.split, true)
		if err != nil {
			return refuse(stagger.CodeConflict, "service %q cannot change now: %v", s.service.Name, err)
		}
		next.services[i] = kept
	}
	p.count(next)
	p.table.Store(next)
	now.wake(next)
	for _, s := range next.services {
		p.meter.Weigh(time.Now(), s.split)
	}
	return nil
}

// retire ends what only the old table used.
func (p *Proxy) retire(old, next *table) {
	used := next.pools()
	for pool := range old.pools() {
		if !used[pool] {
			pool.Close()
		}
	}
	counted := next.series()
	for s := range old.series() {
		if !counted[s] {
			p.meter.Retire(s)
		}
	}
}

// probe probes pools, all at once.
func probe(ctx context.Context, pools map[*upstream.Pool]bool) {
	var wg sync.WaitGroup
	for p := range pools {
		wg.Go(func() { p.Probe(ctx) })
	}
	wg.Wait()
}

// pools returns the pools of all versions.
func (t *table) pools() map[*upstream.Pool]bool {
	all := make(map[*upstream.Pool]bool)
	for _, s := range t.services {
		for _, v := range s.versions {
			all[v.pool] = true
		}
	}
	return all
}

// series returns the series of all versions.
func (t *table) series() map[*meter.Series]bool {
	all := make(map[*meter.Series]bool)
	for _, s := range t.services {
		for _, v := range s.versions {
			for _, one := range v.series {
				all[one] = true
			}
		}
	}
	return all
}

func unknown(service string) error {
	return refuse(stagger.CodeNotFound, "there is no service %q", service)
}
