package scenario

import (
	"fmt"
	"time"
)

// What a limit looks at.
const (
	ErrorShare = "errors" // the share of requests that failed
	RateShare  = "rate"   // the share of the wished requests that were made
	P50        = "p50"    // seconds, from when requests were due
	P90        = "p90"
	P95        = "p95"
	P99        = "p99"
	P999       = "p99.9"
)

// Quantiles are the quantiles that limits may name, by name.
var Quantiles = map[string]float64{P50: 0.5, P90: 0.9, P95: 0.95, P99: 0.99, P999: 0.999}

// Limit is what a run must keep to: at most so much of something, of the rate
// at least.
type Limit struct {
	Of    string // one of those above
	Bound float64
}

// String writes l as people say it.
func (l Limit) String() string {
	switch l.Of {
	case ErrorShare:
		return fmt.Sprintf("errors at most %g%%", 100*l.Bound)
	case RateShare:
		return fmt.Sprintf("rate at least %g%%", 100*l.Bound)
	}
	return fmt.Sprintf("%s at most %s", l.Of, time.Duration(l.Bound*float64(time.Second)))
}

// Keeps says whether a measured value keeps to l.
func (l Limit) Keeps(value float64) bool {
	if l.Of == RateShare {
		return value >= l.Bound
	}
	return value <= l.Bound
}

// Stop is when a run is given up before its end. The zero Stop never is.
type Stop struct {
	Errors float64       // more than this share of requests fail, 0 to 1; 0 never
	Over   time.Duration // looked at over so long; 10 s when zero
}

// leastToStop is how many requests must have ended before their share of errors
// says anything.
const leastToStop = 20

// Watch decides when to stop. It is told how many requests have ended and
// failed so far, at times that grow.
type Watch struct {
	stop Stop
	seen []seen // the last ones, oldest first; the first is older than Over
}

type seen struct {
	at            time.Duration
	ended, failed uint64
}

// NewWatch watches for s.
func NewWatch(s Stop) Watch {
	if s.Over <= 0 {
		s.Over = 10 * time.Second
	}
	return Watch{stop: s, seen: []seen{{}}}
}

// See says why to stop, "" to go on.
func (w *Watch) See(at time.Duration, ended, failed uint64) string {
	if w.stop.Errors <= 0 {
		return ""
	}
	w.seen = append(w.seen, seen{at, ended, failed})
	for len(w.seen) > 2 && at-w.seen[1].at >= w.stop.Over {
		w.seen = w.seen[1:]
	}
	first := w.seen[0]
	n, bad := ended-first.ended, failed-first.failed
	if n < leastToStop || at-first.at < w.stop.Over || float64(bad) <= w.stop.Errors*float64(n) {
		return ""
	}
	return fmt.Sprintf("%d of the last %d requests failed, in %s", bad, n, (at - first.at).Round(time.Second))
}
