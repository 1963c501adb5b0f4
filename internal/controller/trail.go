package controller

import (
	"context"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/judge"
)

// keepTrailEvery is how often the path of the evidence is kept.
const keepTrailEvery = 5 * time.Second

// trail is how the evidence of a rollout grew, for people to look at.
type trail struct {
	*judge.Trail // nil while what was kept has not been read

	kept  time.Time
	added bool // something since it was kept
}

// newTrail is that of a rollout that begins.
func newTrail() trail { return trail{Trail: judge.NewTrail()} }

func (t *trail) add(v stagger.Verdict) {
	if t.Trail != nil {
		t.Add(v)
		t.added = true
	}
}

// pickUp goes on with the path that was kept before a restart. One that cannot
// be used is begun anew: only people miss it.
func (s *service) pickUp(ctx context.Context, now time.Time) {
	if !s.active() || s.court.trail.Trail != nil || !s.ledger.retry.due(now) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	kept, err := s.config.Journal.Path(ctx, s.rollout.ID)
	s.journalSaid("read the path of the evidence", err, now)
	if err != nil {
		s.ledger.retry.failed(now)
		return
	}
	s.court.trail = newTrail()
	if kept == nil {
		return
	}
	restored, err := judge.RestoreTrail(kept)
	if err != nil {
		s.log.Error("the path of the evidence cannot be used; it begins anew", "rollout", s.rollout.ID, "error", err)
		return
	}
	s.court.trail.Trail = restored
}

// keepTrail keeps the path every few seconds, and what is left of it at the end
// of the rollout.
func (s *service) keepTrail(ctx context.Context, now time.Time, ends bool) {
	t := &s.court.trail
	since := now.Sub(t.kept)
	if t.Trail == nil || !t.added || !ends && since >= 0 && since < keepTrailEvery || !s.ledger.retry.due(now) {
		return
	}
	t.kept = now
	path, err := t.State()
	if err != nil {
		s.log.Error("the path of the evidence cannot be written", "rollout", s.rollout.ID, "error", err)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err = s.config.Journal.SavePath(ctx, s.rollout.ID, path)
	s.journalSaid("keep the path of the evidence", err, now)
	if err != nil {
		s.ledger.retry.failed(now) // as with the checkpoint: a journal that hangs must not hold up the next look
		return
	}
	t.added = false
}
