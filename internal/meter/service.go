package meter

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/stagger-dev/stagger"
)

// service is the series of one service and the ticks sealed of them.
type service struct {
	meter *Meter
	name  string

	mu      sync.Mutex // guards the rest, and what Series says it guards
	series  []*Series  // by version and route
	numbers uint16     // the last number that a version got
	touched bool       // next is set
	next    int64      // the oldest tick that is not sealed
	sealed  []stagger.Tick
	pace    pace
	minutes minutes
	weights weights
}

func newService(m *Meter, name string) *service {
	return &service{meter: m, name: name}
}

// add returns the series, making it if it is new.
func (s *service) add(version, route string) *Series {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.series {
		if one.version == version && one.route == route {
			one.retired, one.idle = false, 0
			return one
		}
	}
	one := newSeries(s, version, s.number(version), route)
	s.series = append(s.series, one)
	slices.SortFunc(s.series, func(a, b *Series) int {
		return cmp.Or(cmp.Compare(a.version, b.version), cmp.Compare(a.route, b.route))
	})
	return one
}

// number returns the number of a version that has series, or else another that
// none of those has: there is one as long as there are less than 65 000. The
// caller holds mu.
func (s *service) number(version string) uint16 {
	taken := make(map[uint16]bool, len(s.series))
	for _, one := range s.series {
		if one.version == version {
			return one.number
		}
		taken[one.number] = true
	}
	s.numbers++
	for range s.series {
		if !taken[s.numbers] {
			break
		}
		s.numbers++
	}
	return s.numbers
}

// nextFrom returns the oldest open tick. The first tick anybody speaks of is
// the first there is. The caller holds mu.
func (s *service) nextFrom(tick int64) int64 {
	if !s.touched {
		s.touched, s.next = true, tick
		s.minutes.breakOff(s.meter.minute(tick - 1))
	}
	return s.next
}

// seal closes what is old enough at now, which lies in the given tick.
func (s *service) seal(now time.Time, tick int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextFrom(tick)
	for {
		age := s.pace.age(s.meter.options)
		if now.Sub(s.meter.start(s.next+1)) < age {
			break
		}
		s.sealNext(age)
		s.skip(tick)
	}
	s.forget(now)
}

// skip passes over ticks nobody could read any more and in which nothing can
// have been counted: those beyond the ring, after a very long sleep.
func (s *service) skip(tick int64) {
	kept := int64(s.meter.options.Keep/s.meter.options.Tick) + 1
	if behind := tick - s.next; behind > kept+int64(s.meter.ring) && s.empty() {
		s.next = tick - kept
	}
}

// empty says whether no tick holds a cell.
func (s *service) empty() bool {
	for _, one := range s.series {
		if one.open() {
			return false
		}
	}
	return true
}

// sealNext closes the oldest open tick.
func (s *service) sealNext(age time.Duration) {
	t := stagger.Tick{
		Service:      s.name,
		From:         s.meter.start(s.next),
		To:           s.meter.start(s.next + 1),
		Age:          age,
		Observations: make([]stagger.Observation, 0, len(s.series)),
	}
	var counts sealing
	for _, one := range s.series {
		one.close(s.next, &counts)
		s.pace.learn(&counts.tally)
		t.Observations = append(t.Observations, observe(t, one, &counts))
	}
	t.Share = s.weights.share(s.next)
	if minute := s.meter.minute(s.next); minute != s.meter.minute(s.next+1) {
		s.addSenders(&t, s.minutes.end(minute))
	}
	s.pace.tick()
	s.sealed = append(s.sealed, t)
	s.next++
	s.weights.forget(s.next)
}

func observe(t stagger.Tick, one *Series, counts *sealing) stagger.Observation {
	return stagger.Observation{
		Service: t.Service, Version: one.version, Route: one.route,
		From: t.From, To: t.To,
		Started:    counts.started,
		Unfinished: counts.started - counts.finished(),
		Outcomes:   outcomes(&counts.outcomes),
		Latency:    counts.histogram(),

		FirstFailed: counts.first,
		Arrived:     counts.arrived,
		Groups:      counts.groupList(),
		Hosts:       counts.hostList(),
	}
}

// forget drops ticks that are too old to keep and retired series that are
// done.
func (s *service) forget(now time.Time) {
	oldest := now.Add(-s.meter.options.Keep)
	s.sealed = slices.DeleteFunc(s.sealed, func(t stagger.Tick) bool { return t.To.Before(oldest) })
	s.series = slices.DeleteFunc(s.series, (*Series).done)
}

// after returns the sealed ticks that end after the given time.
func (s *service) after(after time.Time) []stagger.Tick {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, _ := slices.BinarySearchFunc(s.sealed, after, func(t stagger.Tick, after time.Time) int {
		if t.To.After(after) {
			return 1
		}
		return -1
	})
	return slices.Clone(s.sealed[i:])
}
