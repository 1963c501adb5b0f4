package controller

import (
	"context"
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
)

// How long ticks are kept for the levels and the shares that people see.
const (
	levelSpan = 5 * time.Second
	shareSpan = 2 * time.Second
)

// senses is what has been seen of one service.
type senses struct {
	until  time.Time // the end of the last tick seen
	recent []stagger.Tick
	memory memory
	told   told
}

// gather reads what was sealed since the last look. It shows it to the judge,
// who must have been found first: what is read is not read again.
func (s *service) gather(ctx context.Context, now time.Time) {
	if !s.open(ctx, now) {
		return
	}
	if s.senses.until.After(now.Add(time.Second)) { // the clock went back
		s.senses = senses{until: now}
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	ticks, err := s.config.Source.Ticks(ctx, s.name, s.senses.until)
	s.troubles.heard("read observations", err, now, &s.failures.source)
	for _, t := range ticks {
		if !t.To.After(s.senses.until) {
			continue
		}
		s.senses.until = t.To
		s.senses.recent = append(s.senses.recent, t)
		s.senses.memory.add(t)
		s.senses.told.hear(t)
		s.court.course.observe(&t)
		if s.active() {
			s.court.observe(t)
		}
		s.lookAfter(ctx, now, t)
	}
	s.senses.recent = slices.DeleteFunc(s.senses.recent, func(t stagger.Tick) bool { return now.Sub(t.To) > levelSpan })
	s.senses.told.forget(s.senses.until)
	s.count()
}

// share is the part of the most recent requests, of those that began after the
// given time, that met version; negative when there was none.
func (s *senses) share(version string, after time.Time) float64 {
	var met, all uint64
	for _, t := range s.recent {
		if t.From.Before(after) || s.until.Sub(t.To) >= shareSpan {
			continue
		}
		for _, o := range t.Observations {
			all += o.Started
			if o.Version == version {
				met += o.Started
			}
		}
	}
	if all == 0 {
		return -1
	}
	return float64(met) / float64(all)
}
