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
	saved time.Time // what it learned
}

// watchKeeper is a Journal that also keeps how trusted versions do, and what
// their watches have learned.
type watchKeeper interface {
	SaveWatch(ctx context.Context, w stagger.Watch) error
	// SaveWatchState keeps what a service's watch learned; WatchState returns
	// it, nil if none was kept.
	SaveWatchState(ctx context.Context, service string, state []byte) error
	WatchState(ctx context.Context, service string) ([]byte, error)
}

const (
	// keepWatchEvery is how often a report is kept.
	keepWatchEvery = time.Second
	// saveWatchEvery is how often what was learned is kept: seldom, since a
	// restart may lose it, and there is a watch for every service.
	saveWatchEvery = 30 * time.Second
	// watchLapses is how old what was learned may be to go on from it.
	watchLapses = 10 * time.Minute
)

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
		s.watch.judge = s.newWatch(ctx, now, version)
		s.watch.saved = now
	}
	s.watch.judge.Observe(t)
}

// newWatch returns a watch of version. The first of this process goes on from
// what the last process learned, if that is of the same version and not old.
func (s *service) newWatch(ctx context.Context, now time.Time, version string) *judge.Watch {
	keeper, ok := s.config.Journal.(watchKeeper)
	if !ok || s.watched {
		return judge.NewWatch(version)
	}
	s.watched = true
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	state, err := keeper.WatchState(ctx, s.name)
	s.journalSaid("read what the watch learned", err, now)
	if err != nil || state == nil {
		return judge.NewWatch(version)
	}
	kept, err := judge.RestoreWatch(version, state)
	if err != nil {
		s.log.Info("the watch begins anew", "version", version, "reason", err)
		return judge.NewWatch(version)
	}
	if age := now.Sub(kept.Report().At); age < 0 || age > watchLapses {
		return judge.NewWatch(version)
	}
	return kept
}

// saveWatch keeps what the watch has learned.
func (s *service) saveWatch(ctx context.Context, now time.Time) {
	w := &s.watch
	keeper, ok := s.config.Journal.(watchKeeper)
	if since := now.Sub(w.saved); !ok || w.judge == nil || since >= 0 && since < saveWatchEvery || !s.ledger.retry.due(now) {
		return
	}
	w.saved = now
	state, err := w.judge.State()
	if err != nil {
		s.log.Error("what the watch learned cannot be written", "error", err)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	s.journalSaid("keep what the watch learned", keeper.SaveWatchState(ctx, s.name, state), now)
}

// reportWatch keeps how the version does, and logs when that changes.
func (s *service) reportWatch(ctx context.Context, now time.Time) {
	w := &s.watch
	if w.judge == nil || now.Sub(w.kept) < keepWatchEvery && !now.Before(w.kept) {
		return
	}
	w.kept = now
	report := w.judge.Report()
	report.Service, report.Level = s.name, s.level(report.Version)
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
