package scrape

import (
	"math"
	"time"

	"github.com/stagger-dev/stagger"
)

// longestGap is how many intervals two readings of a counter may lie apart. Of
// what happened in a longer one nobody knows when it did.
const longestGap = 3

// past is what the last reading of an endpoint said.
type past struct {
	at      time.Time // zero before the first
	started float64   // of the process, Unix seconds; 0 where it is not told
	// counters by name and labels. Those that were looked for and not there are
	// 0, since most begin to exist when they first count.
	counters map[string]float64
}

// compare makes readings of what was seen at a time, and takes it for the past
// of the next.
func (p *past) compare(a aim, at time.Time, started float64, seen []sight) []reading {
	before := *p
	*p = past{at: at, started: started, counters: make(map[string]float64)}
	apart := at.Sub(before.at)
	joined := !before.at.IsZero() && before.started == started && apart > 0 && apart <= longestGap*a.metrics.Every
	var out []reading
	for _, s := range seen {
		r := reading{wish: s.wish, version: a.version, instance: a.address(), siblings: a.siblings, since: before.at, at: at}
		known := s.trouble == ""
		if s.counter {
			key := s.metric.String()
			then, looked := before.counters[key]
			if !sound(s.total) {
				continue
			}
			p.counters[key] = s.total
			known = known && joined && looked && s.total >= then
			r.value = growth(s.signal, then, s.total, apart)
		} else {
			known = known && s.found && !math.IsNaN(s.total) && !math.IsInf(s.total, 0) &&
				(joined || s.signal == stagger.SignalGauge) // others need the requests since the reading before
			r.value = s.total
		}
		if known {
			out = append(out, r)
		}
	}
	return out
}

// sound says whether a counter is a number that can be counted with exactly.
func sound(total float64) bool { return total >= 0 && total < 1<<53 }

// growth is by how much a counter grew: whole events for count, which add up to
// the counter over time whatever fractions it holds, and else a rate per second.
//
// It is not asked of a counter that fell, or of another process than before:
// what those had counted until they ended, nobody saw.
func growth(s stagger.Signal, then, now float64, apart time.Duration) float64 {
	if s == stagger.SignalCount {
		return math.Floor(now) - math.Floor(then)
	}
	return (now - then) / apart.Seconds()
}
