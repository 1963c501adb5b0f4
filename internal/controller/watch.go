package controller

import (
	"context"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/judge"
)

// watch looks after the version that everybody meets while no rollout is under
// way. It tells people and decides nothing.
type watch struct {
	judge *judge.Watch
	said  stagger.Watch // the last report
	kept  time.Time
}

// watchKeeper is a Journal that also keeps how trusted versions do.
type watchKeeper interface {
	SaveWatch(ctx context.Context, w stagger.Watch) error
}

// keepWatchEvery is how often a report is kept.
const keepWatchEvery = time.Second

// lookAfter shows the watch a tick. A rollout ends the watch; the next one
// begins with the version that is trusted then.
func (s *service) lookAfter(ctx context.Context, now time.Time, t stagger.Tick) {
	if s.active() {
		s.watch = watch{}
		return
	}
	if s.watch.judge == nil {
		version, known := s.home(ctx, now)
		if !known {
			return
		}
		s.watch.judge = judge.NewWatch(version)
	}
	s.watch.judge.Observe(t)
}

// reportWatch keeps how the version does, and logs when that changes.
func (s *service) reportWatch(ctx context.Context, now time.Time) {
	w := &s.watch
	if w.judge == nil || now.Sub(w.kept) < keepWatchEvery && !now.Before(w.kept) {
		return
	}
	w.kept = now
	report := w.judge.Report()
	report.Service = s.name
	switch {
	case w.said.Since.IsZero() && !report.Since.IsZero():
		s.log.Warn("got worse", "version", report.Version, "signal", report.Signal, "sentence", report.Sentence)
	case !w.said.Since.IsZero() && report.Since.IsZero():
		s.log.Info("is as it was", "version", report.Version)
	}
	w.said = report
	if keeper, ok := s.config.Journal.(watchKeeper); ok {
		s.journalSaid("keep the watch", keeper.SaveWatch(ctx, report), now)
	}
}
