// Package meter counts requests where they pass and seals the counts into
// ticks: what started in one interval, judged a while later.
//
// Requests belong to the interval they started in, and an interval is sealed
// a known age after its end, so that a version cannot look better by not
// answering. What finishes later still is in the cumulative totals that the
// Prometheus collector shows.
package meter

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger"
)

// Options shape a Meter. A zero value takes the default.
type Options struct {
	Tick   time.Duration // width of an interval; 250 ms
	MinAge time.Duration // least age of an interval when it is sealed; 100 ms
	MaxAge time.Duration // most; 2 s
	Keep   time.Duration // how long sealed ticks can be read; 3 min
}

func (o Options) withDefaults() Options {
	o.Tick = cmp.Or(max(o.Tick, 0), 250*time.Millisecond)
	o.MinAge = cmp.Or(max(o.MinAge, 0), 100*time.Millisecond)
	o.MaxAge = max(cmp.Or(max(o.MaxAge, 0), 2*time.Second), o.MinAge)
	o.Keep = max(cmp.Or(max(o.Keep, 0), 3*time.Minute), o.Tick)
	return o
}

// slack is for how long sealing may be late before requests are counted in a
// tick older than the one they started in.
const slack = 8 * time.Second

// Meter counts the requests of any number of services. It is safe for
// concurrent use.
type Meter struct {
	options Options
	ring    int // open ticks per series, a power of two

	origin atomic.Pointer[time.Time] // start of tick 0

	mu       sync.RWMutex // guards services
	services map[string]*service
}

// New returns a Meter without series.
func New(o Options) *Meter {
	o = o.withDefaults()
	ring := 2
	for time.Duration(ring)*o.Tick < o.MaxAge+o.Tick+slack {
		ring *= 2
	}
	return &Meter{options: o, ring: ring, services: make(map[string]*service)}
}

// Series returns where the requests of one version on one route are counted.
// Ask once and keep it: it takes a lock.
func (m *Meter) Series(service, version, route string) *Series {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.services[service]
	if !ok {
		s = newService(m, service)
		m.services[service] = s
	}
	return s.add(version, route)
}

// Retire drops a series as soon as its last request has ended and was sealed.
// Asking for it again by Series keeps it.
func (m *Meter) Retire(s *Series) {
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	s.retired = true
}

// Seal closes every interval that is old enough at now. When it is called
// late it closes several at once; when now lies before an earlier now it does
// nothing.
func (m *Meter) Seal(now time.Time) {
	tick := m.tick(now)
	for _, s := range m.all() {
		s.seal(now, tick)
	}
}

// Ticks returns the sealed ticks of a service that end after the given time,
// oldest first. They are shared: do not change them. An unknown service is a
// *stagger.Error.
func (m *Meter) Ticks(_ context.Context, service string, after time.Time) ([]stagger.Tick, error) {
	s, ok := m.service(service)
	if !ok {
		return nil, &stagger.Error{
			Code: stagger.CodeNotFound, Message: fmt.Sprintf("nothing is measured of service %q", service),
		}
	}
	return s.after(after), nil
}

// Weigh says that the split's service follows it since now: every request that
// starts later does. It is what the ticks' shares come from. A service without
// series is passed over.
func (m *Meter) Weigh(now time.Time, split stagger.Split) {
	if s, ok := m.service(split.Service); ok {
		s.weigh(m.tick(now), split)
	}
}

// InFlight returns how many requests of a version have begun and not ended.
func (m *Meter) InFlight(service, version string) int64 {
	s, ok := m.service(service)
	if !ok {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var n int64
	for _, one := range s.series {
		if one.version == version {
			n += one.inFlight()
		}
	}
	return n
}

func (m *Meter) service(name string) (*service, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	s, ok := m.services[name]
	return s, ok
}

// all returns the services by name.
func (m *Meter) all() []*service {
	m.mu.RLock()
	defer m.mu.RUnlock()
	all := make([]*service, 0, len(m.services))
	for _, s := range m.services {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *service) int { return cmp.Compare(a.name, b.name) })
	return all
}

// tick returns the number of the tick that holds now. Ticks are aligned to
// the wall clock as it was at the first call, so those of several proxies
// line up, and follow the monotonic clock from there, so a wall clock that is
// set back does not take the ticks with it.
func (m *Meter) tick(now time.Time) int64 {
	origin := m.origin.Load()
	if origin == nil {
		aligned := now.Add(-time.Duration(now.UnixNano() % int64(m.options.Tick)))
		m.origin.CompareAndSwap(nil, &aligned)
		origin = m.origin.Load()
	}
	return int64(now.Sub(*origin) / m.options.Tick)
}

// start returns when a tick begins.
func (m *Meter) start(tick int64) time.Time {
	return m.origin.Load().Add(time.Duration(tick) * m.options.Tick)
}

// minute returns the number of the minute that a tick begins in.
func (m *Meter) minute(tick int64) int64 { return m.start(tick).UnixNano() / int64(senderMinute) }
