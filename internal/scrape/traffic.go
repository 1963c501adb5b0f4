package scrape

import (
	"time"

	"github.com/stagger-dev/stagger"
)

// traffic is ticks that tell how many requests an endpoint met.
type traffic []stagger.Tick

// covered is the part of an interval that must have been measured, so that the
// rest does not matter.
const covered = 0.99

// rate is how many requests per second the endpoint of a reading met since the
// reading before. A tick that reaches out of the interval counts by the part
// inside. It is not known when ticks are missing.
func (t traffic) rate(r reading) (perSecond float64, known bool) {
	var requests float64
	var seen time.Duration
	for _, tick := range t {
		width := tick.To.Sub(tick.From)
		inside := earlier(tick.To, r.at).Sub(later(tick.From, r.since))
		if width <= 0 || inside <= 0 {
			continue
		}
		seen += inside
		requests += met(tick, r) * inside.Seconds() / width.Seconds()
	}
	span := r.at.Sub(r.since).Seconds()
	return requests / span, span > 0 && seen.Seconds() >= covered*span
}

// met is how many requests of a tick the endpoint met: its own where they are
// told apart, else as many as each of its version.
func met(t stagger.Tick, r reading) float64 {
	var all, own float64
	apart := false
	for _, o := range t.Observations {
		if o.Version != r.version {
			continue
		}
		all += float64(o.Started)
		for _, h := range o.Hosts {
			apart = true
			if h.Name == r.instance {
				own += float64(h.Started)
			}
		}
	}
	if apart {
		return own
	}
	return all / float64(max(r.siblings, 1))
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
