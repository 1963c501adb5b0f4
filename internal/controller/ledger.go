package controller

import (
	"context"
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/engine"
)

// ledger is what is known of the journal's record of one service.
type ledger struct {
	split    stagger.Split   // recorded; the one in force never exceeds it
	backlog  []stagger.Event // decided and in force, not recorded yet
	doubtful bool            // a write failed; the journal may have kept it all the same
	retry    backoff

	baseline string // that was promoted last; empty if none was
	known    bool   // the baseline has been read
}

// open says whether a write may be tried.
func (l *ledger) open(now time.Time) bool { return !l.doubtful && l.retry.due(now) }

// maxBacklog bounds what is decided while the journal is away. Beyond it only
// the end of a rollout is.
const maxBacklog = 1000

// adopt makes a decision so. One that exposes more is recorded first, and
// forgotten if that fails: the next look decides anew. Any other is in force
// first and recorded whenever the journal answers. Of one that does both, what
// is less comes first, then the record, then what is more.
func (s *service) adopt(ctx context.Context, now time.Time, next engine.Step) {
	if len(next.Events) == 0 {
		return
	}
	events := slices.Concat(s.ledger.backlog, next.Events)
	if raises(next.Split, s.ledger.split) {
		if !s.yield(ctx, now, next.Split) || !s.commit(ctx, now, next.Rollout, events) {
			return
		}
	} else {
		if len(events) > maxBacklog && !next.Rollout.Phase.Final() {
			return
		}
		s.ledger.backlog = events
	}
	s.become(now, next)
	s.flush(ctx, now)
	s.checkpoint(ctx, now, true)
}

// raises says whether to exposes anybody to anything that from does not. A new
// baseline is everybody's.
func raises(to, from stagger.Split) bool {
	return to.Exceeds(from) || to.Baseline != from.Baseline
}

// flush records what is decided. What lowers the exposure is in force before.
func (s *service) flush(ctx context.Context, now time.Time) {
	if len(s.ledger.backlog) == 0 {
		return
	}
	want := engine.Split(s.rollout)
	if !same(want, s.ledger.split) && !raises(want, s.ledger.split) && !s.enforce(ctx, now) {
		return
	}
	s.commit(ctx, now, s.rollout, s.ledger.backlog)
}

// commit records r and its last events and says whether that is certain.
func (s *service) commit(ctx context.Context, now time.Time, r stagger.Rollout, events []stagger.Event) bool {
	return s.write(ctx, now, r, func(ctx context.Context) error {
		return s.config.Journal.Commit(ctx, r, events)
	})
}

// write makes r the recorded rollout by what keep does.
func (s *service) write(ctx context.Context, now time.Time, r stagger.Rollout, keep func(context.Context) error) bool {
	if !s.ledger.open(now) {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := keep(ctx)
	s.journalSaid("record", err, now)
	s.ledger.doubtful = err != nil
	if err != nil {
		s.ledger.retry.failed(now)
		return false
	}
	s.ledger.retry.reset()
	s.ledger.backlog, s.ledger.split = nil, engine.Split(r)
	if r.Phase == stagger.PhasePromoted {
		s.ledger.baseline, s.ledger.known = r.Candidate, true
	}
	return true
}

// reconcile finds out, after a failed write, what the journal has.
func (s *service) reconcile(ctx context.Context, now time.Time) {
	if !s.ledger.doubtful || !s.ledger.retry.due(now) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	active, err := s.config.Journal.Active(ctx)
	s.journalSaid("read the record", err, now)
	if err != nil {
		s.ledger.retry.failed(now)
		return
	}
	s.ledger.doubtful = false
	i := slices.IndexFunc(active, func(r stagger.Rollout) bool { return r.Service == s.name })
	if i < 0 {
		s.noneIsActive(ctx, now)
		return
	}
	s.compare(active[i], now)
}

// noneIsActive draws the conclusion when the journal has no active rollout.
func (s *service) noneIsActive(ctx context.Context, now time.Time) {
	switch {
	case s.rollout.ID == "": // a start was not kept; the command comes again
	case s.rollout.Phase.Final():
		s.compareEnded(ctx, now)
	default: // its end was kept, though it did not seem so
		s.ledger.backlog, s.ledger.known = nil, false
		s.letGo()
	}
}

// compareEnded finds out how much of what came after the end was kept.
func (s *service) compareEnded(ctx context.Context, now time.Time) {
	stored, err := past(ctx, s.config, s.rollout.ID)
	s.journalSaid("read the record", err, now)
	if err != nil {
		s.ledger.doubtful = true
		s.ledger.retry.failed(now)
		return
	}
	s.compare(stored, now)
}

// compare draws the conclusion from the active rollout that the journal has.
func (s *service) compare(stored stagger.Rollout, now time.Time) {
	if stored.ID != s.rollout.ID {
		s.ledger.backlog = nil
		s.takeUp(stored)
		return
	}
	s.ledger.split = engine.Split(stored)
	if n, ok := s.ledger.kept(stored, s.rollout); ok {
		s.ledger.backlog = s.ledger.backlog[n:]
		return
	}
	// More was kept than was answered, and something else decided since: the
	// record holds, and the next look decides anew.
	s.ledger.backlog = nil
	if stored.Stage != s.rollout.Stage {
		s.court.begin(stored, now)
	}
	s.carry(stored)
}

// kept returns how many events of the backlog the stored rollout has. It is not
// ok when that has other events than these.
func (l *ledger) kept(stored, decided stagger.Rollout) (n int, ok bool) {
	base := decided.Events - uint64(len(l.backlog))
	if stored.Events < base || stored.Events > decided.Events {
		return 0, false
	}
	if stored.Events == base {
		return 0, true
	}
	n = int(stored.Events - base)
	last := l.backlog[n-1]
	return n, last.At.Equal(stored.UpdatedAt) && last.Phase == stored.Phase && last.Hold == stored.Hold &&
		last.Stage == stored.Stage && last.Weight == stored.Weight
}

// home is the version that the service is at when nothing is rolled out; it is
// not known while the journal does not answer.
func (s *service) home(ctx context.Context, now time.Time) (version string, known bool) {
	if !s.ledger.known {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		baseline, err := s.config.Journal.Baseline(ctx, s.name)
		s.journalSaid("read the baseline", err, now)
		if err != nil {
			return "", false
		}
		s.ledger.baseline, s.ledger.known = baseline, true
	}
	if s.ledger.baseline != "" {
		return s.ledger.baseline, true
	}
	configured, ok := s.configured()
	return configured.Baseline, ok
}

func (s *service) journalSaid(what string, err error, now time.Time) {
	s.troubles.heard(what, err, now, &s.failures.journal)
}

// backoff spaces out tries of what keeps failing.
type backoff struct {
	wait time.Duration
	at   time.Time // of the last failure
}

// The waits double from the first to the last.
const (
	firstWait = 100 * time.Millisecond
	lastWait  = 2 * time.Second
)

// due says whether it is time to try again. A clock that went back does not
// make anybody wait longer than planned.
func (b *backoff) due(now time.Time) bool {
	passed := now.Sub(b.at)
	return passed >= b.wait || passed < 0
}

func (b *backoff) failed(now time.Time) {
	b.at, b.wait = now, min(max(2*b.wait, firstWait), lastWait)
}

func (b *backoff) reset() { *b = backoff{} }
