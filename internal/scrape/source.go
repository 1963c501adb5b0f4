package scrape

import (
	"context"
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
)

// Source is where ticks come from.
type Source interface {
	// Ticks returns what was sealed of service with To after the given time,
	// oldest first.
	Ticks(ctx context.Context, service string, after time.Time) ([]stagger.Tick, error)
}

// Source returns the ticks of another one with the readings that fall into
// them. The same tick always gets the same readings, as long as they are kept.
func (s *Scraper) Source(of Source) *Told { return &Told{inner: of, readings: &s.readings} }

// Told are ticks that also hold what endpoints told of themselves.
type Told struct {
	inner    Source
	readings *readings
}

// Ticks returns the ticks of the inner source, each reading added to the first
// observation of its version in the tick that holds the time it was taken.
func (t *Told) Ticks(ctx context.Context, service string, after time.Time) ([]stagger.Tick, error) {
	ticks, err := t.inner.Ticks(ctx, service, after)
	if err != nil || len(ticks) == 0 {
		return ticks, err
	}
	found := t.readings.between(service, ticks[0].From, ticks[len(ticks)-1].To)
	if len(found) == 0 {
		return ticks, nil
	}
	met, err := t.requests(ctx, service, found)
	if err != nil {
		return nil, err
	}
	ticks = slices.Clone(ticks)
	for i := range ticks {
		found = tell(&ticks[i], found, met)
	}
	return ticks, nil
}

// InFlight returns how many requests of a version are in flight, 0 if the inner
// source does not know.
func (t *Told) InFlight(service, version string) int64 {
	inner, ok := t.inner.(interface {
		InFlight(service, version string) int64
	})
	if !ok {
		return 0
	}
	return inner.InFlight(service, version)
}

// requests returns the ticks since the earliest of the readings that are to be
// divided by requests.
func (t *Told) requests(ctx context.Context, service string, found []reading) (traffic, error) {
	var since time.Time
	for _, r := range found {
		if r.signal == stagger.SignalSaturation && (since.IsZero() || r.since.Before(since)) {
			since = r.since
		}
	}
	if since.IsZero() {
		return nil, nil
	}
	ticks, err := t.inner.Ticks(ctx, service, since)
	return ticks, err
}

// tell adds to a tick the readings that fall into it, of some in order of time,
// and returns those after it. The tick's own lists are shared and stay as they
// are.
func tell(t *stagger.Tick, found []reading, met traffic) []reading {
	copied := false
	for len(found) > 0 && found[0].at.Before(t.To) {
		r := found[0]
		found = found[1:]
		i := slices.IndexFunc(t.Observations, func(o stagger.Observation) bool { return o.Version == r.version })
		if r.at.Before(t.From) || i < 0 {
			continue // the tick is missing, or nothing is measured of the version
		}
		if !copied {
			t.Observations, copied = slices.Clone(t.Observations), true
		}
		r.addTo(&t.Observations[i], met)
	}
	return found
}

func (r reading) addTo(o *stagger.Observation, met traffic) {
	if r.signal == stagger.SignalCount {
		o.Counts = counted(o.Counts, r.text, uint64(r.value))
		return
	}
	value := r.value
	if r.signal == stagger.SignalSaturation {
		rate, known := met.rate(r)
		if !known || rate == 0 {
			return
		}
		value /= rate
	}
	o.Gauges = append(slices.Clip(o.Gauges), stagger.Gauge{Metric: r.text, Instance: r.instance, Value: value})
}

// counted adds to a list of counts; the list that it is given stays as it is.
func counted(list []stagger.Count, metric string, n uint64) []stagger.Count {
	list = slices.Clone(list)
	i := slices.IndexFunc(list, func(c stagger.Count) bool { return c.Metric == metric })
	if i < 0 {
		return append(list, stagger.Count{Metric: metric, N: n})
	}
	list[i].N += n
	return list
}
