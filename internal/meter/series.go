package meter

import (
	"runtime"
	"sync/atomic"
	"time"
)

// maxShards bounds the memory of a series on large machines.
const maxShards = 16

// Series counts the requests of one version on one route.
type Series struct {
	service *service
	version string
	number  uint16 // of the version
	route   string
	ring    int64 // ticks that may be open, a power of two
	shards  []shard
	created time.Time
	failed  subjects // who failed already
	further further  // what came after first attempts

	// The rest is guarded by service.mu.
	total   tally // sealed, and what ended after it was sealed
	retired bool
	idle    int // times it was found retired and without requests
}

// shard is a copy of the counters, so that cores rarely meet in one. It is
// read on every request and written once per tick.
type shard struct {
	cells []atomic.Pointer[cell]
}

func newSeries(s *service, version string, number uint16, route string) *Series {
	one := &Series{
		service: s, version: version, number: number, route: route,
		ring: int64(s.meter.ring), shards: make([]shard, shards()), created: time.Now(),
	}
	for i := range one.shards {
		one.shards[i].cells = make([]atomic.Pointer[cell], s.meter.ring)
	}
	return one
}

// shards returns a power of two of at least the number of cores, so that a
// chosen one is a mask away.
func shards() int {
	n := 1
	for n < runtime.GOMAXPROCS(0) && n < maxShards {
		n *= 2
	}
	return n
}

// Request is what is known of a request that begins.
type Request struct {
	// Subject is a hash of whom the request is for; its lowest bits choose the
	// group.
	Subject uint64
	// Host is the endpoint that it is sent to, whether it can be reached or
	// not; of several tries it is the first. Nil where there is none.
	Host *Host
	// Arrivals is who came under the split's seed; the subject is remembered in
	// it. Nil while the weight gives the candidate nobody.
	Arrivals *Arrivals
	// Ruled tells that a rule had a say in the version: the subject is no
	// arrival, now or later.
	Ruled bool
	// Crowd counts those who meet the candidate; nil for a request that does not.
	Crowd *Crowd
}

// Sample is one request on its way. It is a value; call End exactly once.
type Sample struct {
	series  *Series
	cell    *cell
	start   time.Time
	subject uint64
	host    *Host
}

// Begin counts a request of a subject that starts now.
func (s *Series) Begin(now time.Time, subject uint64) Sample {
	return s.BeginRequest(now, Request{Subject: subject})
}

// BeginRequest counts a request that starts now.
func (s *Series) BeginRequest(now time.Time, r Request) Sample {
	shard := s.shardAt(now)
	tick := s.service.meter.tick(now)
	c := shard.cells[tick&(s.ring-1)].Load()
	if r.Crowd != nil {
		r.Crowd.meet(r.Subject)
	}
	arrived := r.Arrivals != nil && r.Arrivals.first(r.Subject) && !r.Ruled
	if c == nil || c.tick != tick || !c.begin(&r, arrived) {
		c = s.beginNew(shard, tick, r, arrived)
	}
	return Sample{series: s, cell: c, start: now, subject: r.Subject, host: r.Host}
}

// shardAt returns a shard by chance: cores that begin at the same nanosecond are
// rare. The factor spreads clocks that tick more coarsely (see probeFrom).
func (s *Series) shardAt(now time.Time) *shard {
	return &s.shards[uint32(now.Nanosecond())*0x9e3779b1>>16&uint32(len(s.shards)-1)]
}

// beginNew is BeginRequest for the first request of a tick, and for a tick that
// is sealed already or too far ahead: those are counted in the nearest open one.
func (s *Series) beginNew(shard *shard, tick int64, r Request, arrived bool) *cell {
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	next := s.service.nextFrom(tick)
	tick = min(max(tick, next), next+s.ring-1)
	place := &shard.cells[tick&(s.ring-1)]
	c := place.Load()
	if c == nil || c.tick != tick {
		c = &cell{tick: tick, version: s.number, senders: s.service.sendersOf(tick)}
		place.Store(c)
	}
	// Nothing is sealed while the lock is held, so an open tick's cell is open.
	c.begin(&r, arrived)
	return c
}

// End counts how the request ended. One that ends after its tick was sealed
// is in the totals only.
func (x Sample) End(now time.Time, class Class) {
	d := max(now.Sub(x.start), 0)
	first := class.failed() && x.series.failed.first(x.subject, now)
	if x.cell.end(d, class, &x, first) {
		return
	}
	x.series.service.mu.Lock()
	defer x.series.service.mu.Unlock()
	x.series.total.end(d, class)
}

// close takes a tick out of the ring. The caller holds service.mu.
func (s *Series) close(tick int64, t *sealing) {
	*t = sealing{}
	for i := range s.shards {
		place := &s.shards[i].cells[tick&(s.ring-1)]
		if c := place.Load(); c != nil && c.tick == tick {
			c.close(t)
			place.Store(nil)
		}
	}
	s.total.add(&t.tally)
}

// now returns the totals of everything counted so far. The caller holds
// service.mu.
func (s *Series) now() *tally {
	t := s.total
	for i := range s.shards {
		for k := range s.shards[i].cells {
			if c := s.shards[i].cells[k].Load(); c != nil {
				c.peek(&t)
			}
		}
	}
	return &t
}

// inFlight returns how many requests have not ended. The caller holds
// service.mu.
func (s *Series) inFlight() int64 {
	t := s.now()
	return int64(t.started) - int64(t.finished())
}

// open says whether a tick of it is open and was used. The caller holds
// service.mu.
func (s *Series) open() bool {
	for i := range s.shards {
		for k := range s.shards[i].cells {
			if s.shards[i].cells[k].Load() != nil {
				return true
			}
		}
	}
	return false
}

// patience is how many times a retired series must be found idle before it is
// dropped: whoever took hold of it just before it was retired may still begin.
const patience = 8

// done says whether a retired series can be dropped. The caller holds
// service.mu.
func (s *Series) done() bool {
	if !s.retired || s.open() || s.total.started != s.total.finished() {
		s.idle = 0
		return false
	}
	s.idle++
	return s.idle > patience
}
