package scrape

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// keep is how long readings wait for the tick that they fall into.
const keep = 3 * time.Minute

// reading is what one endpoint said of one metric.
type reading struct {
	wish
	version, instance string
	siblings          int
	since, at         time.Time // what counts, counts since the reading before
	value             float64   // an increase for count, else a level or a rate per second
}

// readings are the last minutes' of all services.
type readings struct {
	mu sync.Mutex
	of map[string][]reading // by service, in order of time
}

// add keeps what is made of a time. That time is taken under the lock, so a
// tick that is asked for after its end has all of its readings.
func (r *readings) add(service string, take func(at time.Time) []reading) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil {
		r.of = make(map[string][]reading)
	}
	r.of[service] = append(r.of[service], take(time.Now())...)
}

// forget drops what is too old to fall into a tick.
func (r *readings) forget(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for service, list := range r.of {
		list = slices.DeleteFunc(list, func(one reading) bool { return now.Sub(one.at) > keep })
		r.of[service] = list
		if len(list) == 0 {
			delete(r.of, service)
		}
	}
}

// between returns the readings of a time from one moment up to another.
func (r *readings) between(service string, from, to time.Time) []reading {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []reading
	for _, one := range r.of[service] {
		if !one.at.Before(from) && one.at.Before(to) {
			out = append(out, one)
		}
	}
	slices.SortStableFunc(out, func(a, b reading) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.version, b.version), cmp.Compare(a.instance, b.instance))
	})
	return out
}
