package proxy

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/limiter"
)

// limit bounds how many requests of a version are under way by what it bears. A
// nil limit bounds nothing.
type limit struct {
	inFlight atomic.Int64
	most     atomic.Int64 // the limit in force
	peak     atomic.Int64 // of inFlight, since the last update
	before   atomic.Int64 // the peak that the last update saw
	sum      atomic.Int64 // nanoseconds until answers began
	seen     atomic.Int64 // how many they were
	due      atomic.Int64
	refused  [limiter.Priorities]atomic.Uint64
	last     atomic.Int64 // when somebody was refused last

	mu   sync.Mutex
	core limiter.Gradient
}

// An update needs so many answers, and so much time.
const (
	leastSeen   = 20
	updateEvery = 100 * time.Millisecond
)

// newLimit returns nil when nothing is declared.
func newLimit(c stagger.Concurrency) *limit {
	if !c.Adaptive {
		return nil
	}
	l := &limit{core: limiter.New(limiter.Rule{Min: c.Min, Max: c.Max})}
	l.most.Store(int64(l.core.Limit()))
	l.last.Store(instant(epoch) - int64(time.Hour))
	return l
}

// enter lets a request in, if there is room for its priority; it leaves by
// leave.
func (l *limit) enter(now time.Time, p limiter.Priority) bool {
	if l == nil {
		return true
	}
	n := l.inFlight.Add(1)
	if n > int64(limiter.Room(int(l.most.Load()), p)) {
		l.inFlight.Add(-1)
		l.refused[p].Add(1)
		l.last.Store(instant(now))
		return false
	}
	for peak := l.peak.Load(); n > peak && !l.peak.CompareAndSwap(peak, n); peak = l.peak.Load() {
	}
	return true
}

func (l *limit) leave() {
	if l != nil {
		l.inFlight.Add(-1)
	}
}

// heard learns how long an answer took to begin.
func (l *limit) heard(now time.Time, took time.Duration) {
	if l == nil {
		return
	}
	l.sum.Add(int64(took))
	seen, due := l.seen.Add(1), l.due.Load()
	if seen < leastSeen || instant(now) < due || !l.due.CompareAndSwap(due, instant(now.Add(updateEvery))) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	n := max(l.seen.Swap(0), 1)
	w := limiter.Window{
		Mean: time.Duration(l.sum.Swap(0) / n),
		Peak: int(l.peak.Swap(l.inFlight.Load())),
	}
	l.before.Store(int64(w.Peak))
	l.core.Update(now, w)
	l.most.Store(int64(l.core.Limit()))
}

// saturation is the share of the limit that was in use of late.
func (l *limit) saturation() float64 {
	if l == nil {
		return 0
	}
	used := max(l.before.Load(), l.inFlight.Load())
	return min(float64(used)/float64(max(l.most.Load(), 1)), 1)
}

// strained says whether somebody was refused within the last second.
func (l *limit) strained(now time.Time) bool {
	return l != nil && instant(now)-l.last.Load() < int64(time.Second)
}
