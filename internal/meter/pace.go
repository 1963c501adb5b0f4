package meter

import (
	"math"
	"time"

	"github.com/stagger-dev/stagger/internal/histogram"
)

// window is how many ticks of latency the age is set by; between one and two
// windows are remembered.
const window = 120

// pace sets how old an interval must be before it is sealed, from how long
// requests took before: 1.2 times their 99.9th percentile over all versions.
// It looks only at ticks sealed earlier, so what a version does in an interval
// cannot choose when that interval is looked at.
type pace struct {
	ticks         int
	recent, older [buckets]uint64
	// unfinished requests took longer than anything counted.
	recentOpen, olderOpen uint64
}

// learn takes in the counts of one sealed series.
func (p *pace) learn(t *tally) {
	if t.started == 0 {
		return
	}
	for i, n := range t.latency {
		p.recent[i] += n
	}
	p.recentOpen += t.started - t.finished()
}

// tick counts a sealed tick.
func (p *pace) tick() {
	if p.ticks++; p.ticks%window == 0 {
		p.older, p.olderOpen = p.recent, p.recentOpen
		p.recent, p.recentOpen = [buckets]uint64{}, 0
	}
}

// age returns how old the next interval must be. Without any experience it is
// the most allowed.
func (p *pace) age(o Options) time.Duration {
	total := p.recentOpen + p.olderOpen
	for i := range p.recent {
		total += p.recent[i] + p.older[i]
	}
	if total == 0 {
		return o.MaxAge
	}
	rank := uint64(math.Ceil(0.999 * float64(total)))
	var seen uint64
	for i := range p.recent {
		if seen += p.recent[i] + p.older[i]; seen >= rank {
			return clamp(1.2*upper(i), o)
		}
	}
	return o.MaxAge
}

// upper returns the upper edge of a slot, in seconds.
func upper(i int) float64 {
	if i == 0 {
		return 0
	}
	return histogram.Upper(histogram.MinIndex + int32(i-1))
}

func clamp(seconds float64, o Options) time.Duration {
	if seconds >= o.MaxAge.Seconds() {
		return o.MaxAge
	}
	return max(time.Duration(seconds*float64(time.Second)), o.MinAge)
}
