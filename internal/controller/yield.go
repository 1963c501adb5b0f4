package controller

import (
	"context"
	"time"

	"github.com/stagger-dev/stagger"
)

// yield brings into force what next exposes less than the record, before next
// is recorded for what it exposes more: nothing may be in force, not even until
// the data plane answers again, that the record does not have any more. It says
// whether next may be recorded. Should that fail, the lower holds until the
// journal has answered.
func (s *service) yield(ctx context.Context, now time.Time, next stagger.Split) bool {
	if next.Baseline != s.ledger.split.Baseline || !s.ledger.split.Exceeds(next) {
		return true // a promotion, or nothing is less
	}
	if !s.ledger.open(now) || !s.perceive(ctx, now) {
		return false
	}
	current := *s.plane.inForce
	return !current.Exceeds(next) || s.apply(ctx, now, next.Within(current))
}
