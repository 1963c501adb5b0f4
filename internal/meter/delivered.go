package meter

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stagger-dev/stagger"
)

// Attempt is why a request was sent once more.
type Attempt uint8

// The attempts after the first.
const (
	Retry    Attempt = iota // to the same version
	Fallback                // to the baseline, as the candidate failed
	attempts = iota
)

// attemptNames are the values of the label "kind".
var attemptNames = [attempts]string{"retry", "fallback"}

// further counts what is beside the first attempts that a version is judged by.
// It is not in ticks: no judge may see it.
type further struct {
	shown atomic.Bool
	// moved is how many more requests were delivered as a class than their first
	// attempts ended as it.
	moved    [classes]atomic.Int64
	attempts [attempts][classes]atomic.Uint64
}

// Further makes the collector show attempts after the first, and what was
// delivered, though there is none yet.
func (s *Series) Further() { s.further.shown.Store(true) }

// Deliver counts that a request whose first attempt ended as one class ended as
// another for its user.
func (s *Series) Deliver(first, user Class) {
	if first != user {
		s.further.moved[first].Add(-1)
		s.further.moved[user].Add(1)
	}
}

// Attempt counts an attempt after the first, at the version that it went to.
func (s *Series) Attempt(kind Attempt, class Class) { s.further.attempts[kind][class].Add(1) }

// delivered returns how requests ended for their users, of which total has the
// first attempts.
func (s *Series) delivered(total *tally) [classes]uint64 {
	out := total.outcomes
	for i := range out {
		out[i] = uint64(max(int64(out[i])+s.further.moved[i].Load(), 0))
	}
	return out
}

// Delivered returns how the requests that were meant for a version ended for
// their users, wherever the answer came from.
func (m *Meter) Delivered(name, version string) stagger.Outcomes {
	var sum stagger.Outcomes
	m.each(name, version, func(s *Series) {
		n := s.delivered(s.now())
		sum = sum.Add(outcomes(&n))
	})
	return sum
}

// Attempts returns how attempts after the first ended that went to a version.
func (m *Meter) Attempts(name, version string, kind Attempt) stagger.Outcomes {
	var sum stagger.Outcomes
	m.each(name, version, func(s *Series) {
		n := s.further.ended(kind)
		sum = sum.Add(outcomes(&n))
	})
	return sum
}

// each visits the series of a version under the service's lock.
func (m *Meter) each(name, version string, visit func(*Series)) {
	s, ok := m.service(name)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.series {
		if one.version == version {
			visit(one)
		}
	}
}

func (f *further) ended(kind Attempt) (n [classes]uint64) {
	for i := range n {
		n[i] = f.attempts[kind][i].Load()
	}
	return n
}

var (
	deliveredDesc = prometheus.NewDesc("stagger_delivered_total",
		"How requests meant for a version ended for their users, after retries, fallback and degradation.",
		[]string{"service", "version", "route", "outcome"}, nil)
	attemptsDesc = prometheus.NewDesc("stagger_attempts_total",
		"Attempts after the first, which stagger_requests_total has, at the version that they went to.",
		[]string{"service", "version", "route", "kind", "outcome"}, nil)
)

// collect sends what is further of a series, if anything ever is.
func (s *Series) collectFurther(out chan<- prometheus.Metric, total *tally) {
	if !s.further.shown.Load() {
		return
	}
	labels := func(more ...string) []string { return append([]string{s.service.name, s.version, s.route}, more...) }
	for class, n := range s.delivered(total) {
		out <- prometheus.MustNewConstMetric(deliveredDesc, prometheus.CounterValue, float64(n), labels(Class(class).String())...)
	}
	for kind := range Attempt(attempts) {
		for class, n := range s.further.ended(kind) {
			out <- prometheus.MustNewConstMetric(attemptsDesc, prometheus.CounterValue, float64(n),
				labels(attemptNames[kind], Class(class).String())...)
		}
	}
}
