package controller

import (
	"context"
	"reflect"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/engine"
)

// reassert is how often a split in force is brought into force again, in case
// the data plane has lost it.
const reassert = 3 * time.Second

// plane is what is known of the data plane of one service.
type plane struct {
	inForce  *stagger.Split // nil while unknown
	asserted time.Time      // when it was last brought into force by us; zero if never
	changed  time.Time      // when another split came into force
	// careful: after a restart nobody is exposed beyond what is in force, until
	// the evidence has been looked at once.
	careful bool
}

// enforce brings what is decided into force, and says whether no more than
// that is in force now.
func (s *service) enforce(ctx context.Context, now time.Time) bool {
	want, known := s.wanted(ctx, now)
	if !known || !s.perceive(ctx, now) {
		return false
	}
	want = s.tempered(want)
	since := now.Sub(s.plane.asserted)
	if same(*s.plane.inForce, want) && since >= 0 && since < reassert {
		return true
	}
	return s.apply(ctx, now, want)
}

// wanted is the split that is decided.
func (s *service) wanted(ctx context.Context, now time.Time) (want stagger.Split, known bool) {
	if s.rollout.ID != "" {
		return engine.Split(s.rollout), true
	}
	baseline, known := s.home(ctx, now)
	return stagger.Split{Service: s.name, Baseline: baseline}, known
}

// tempered keeps the lower of want and what is in force while it is not
// certain that more is justified, or not recorded.
func (s *service) tempered(want stagger.Split) stagger.Split {
	current := *s.plane.inForce
	if s.ledger.doubtful {
		want = want.Unmirrored() // what may be recorded by now may mirror nothing
	}
	certain := !s.plane.careful && !s.ledger.doubtful && !want.Exceeds(s.ledger.split)
	switch {
	case certain, !want.Exceeds(current):
		return want
	case !want.Unmirrored().Exceeds(current):
		return want.Unmirrored()
	case current.Baseline == want.Baseline && !current.Exceeds(want):
		return current
	case current.Baseline == want.Baseline && !current.Unmirrored().Exceeds(want):
		return current.Unmirrored() // nobody is moved because of what is mirrored
	}
	return stagger.Split{Service: s.name, Baseline: want.Baseline}
}

// perceive finds out what is in force, if that is not known.
func (s *service) perceive(ctx context.Context, now time.Time) bool {
	if s.plane.inForce != nil {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	current, err := s.config.Driver.Current(ctx, s.name)
	s.driverSaid("read the split", err, now)
	if err != nil {
		return false
	}
	s.plane.inForce = &current
	return true
}

// apply brings want into force.
func (s *service) apply(ctx context.Context, now time.Time, want stagger.Split) bool {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := s.config.Driver.Apply(ctx, want)
	s.driverSaid("apply the split", err, now)
	if err != nil {
		s.plane.inForce = nil // the old one or the new one
		return false
	}
	if s.plane.inForce == nil || !same(*s.plane.inForce, want) {
		s.plane.changed = now
	}
	s.plane.inForce, s.plane.asserted = &want, now
	return true
}

func (s *service) driverSaid(what string, err error, now time.Time) {
	s.troubles.heard(what, err, now, &s.failures.driver)
}

func same(a, b stagger.Split) bool { return reflect.DeepEqual(a, b) }
