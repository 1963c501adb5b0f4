package controller

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/engine"
)

// goodbye is how long after its end a rollout is watched for the traffic to
// follow.
const goodbye = time.Minute

// service is one service with the rollout it has, if any. It belongs to the
// step that runs; only busy and carries may be looked at from outside.
type service struct {
	name     string
	config   Config
	log      *slog.Logger
	failures *failures
	troubles troubles
	busy     atomic.Bool
	carries  atomic.Pointer[string] // the ID of rollout

	rollout stagger.Rollout // as decided; zero when there is none
	ledger  ledger
	plane   plane
	senses  senses
	court   court
	watch   watch
	watched bool // there was a watch in this process
}

func newService(name string, c Config, f *failures) *service {
	log := c.Log.With("service", name)
	return &service{name: name, config: c, log: log, failures: f, troubles: troubles{log: log}}
}

// takeUp goes on with a rollout that the journal has and this process did not
// carry until now.
func (s *service) takeUp(r stagger.Rollout) {
	s.carry(r)
	s.ledger.split = engine.Split(r)
	s.plane.careful = true
	s.court = court{}
}

// carry makes r the service's rollout.
func (s *service) carry(r stagger.Rollout) {
	s.rollout = r
	s.carries.Store(&r.ID)
}

// letGo ends the carrying of a rollout.
func (s *service) letGo() {
	s.rollout, s.court = stagger.Rollout{}, court{}
	s.carries.Store(nil)
}

// active says whether there is a rollout that is not over.
func (s *service) active() bool { return s.rollout.ID != "" && !s.rollout.Phase.Final() }

// step is one look at the service.
func (s *service) step(ctx context.Context, now time.Time, commands []stagger.Command) {
	commands = slices.DeleteFunc(commands, s.underWay)
	s.reconcile(ctx, now)
	s.pickUp(ctx, now)
	s.pickUpCourse(ctx, now)
	s.gather(ctx, now)
	s.flush(ctx, now)
	for _, c := range commands {
		s.obey(ctx, now, c)
	}
	if err := s.decide(ctx, now, nil); err != nil {
		s.log.Error("the engine failed without a command", "error", err)
	}
	s.enforce(ctx, now)
	s.checkpoint(ctx, now, false)
	s.keepTrail(ctx, now, s.rollout.Phase.Final())
	s.report(ctx, now)
	s.keepCourse(ctx, now, s.rollout.Phase.Final())
	s.reportWatch(ctx, now)
	s.saveWatch(ctx, now)
	s.part(now)
}

// decide asks the engine what follows and does it. The error is the engine's
// refusal of the command.
func (s *service) decide(ctx context.Context, now time.Time, c *stagger.Command) error {
	if s.rollout.ID == "" {
		return nil
	}
	next, err := engine.Next(s.rollout, engine.Input{
		At: now, Verdict: s.verdict(now), Ready: s.readiness(), Tripped: s.tripped(), Command: c,
		ObservedShare: s.landed(), Exposure: s.exposed(),
	})
	if err != nil {
		return err
	}
	s.adopt(ctx, now, next)
	return nil
}

// tripped is what opened the candidate's circuit. Before its first stage it has
// met nobody of the rollout's.
func (s *service) tripped() string {
	if s.config.Circuits == nil || s.rollout.Stage < 0 {
		return ""
	}
	return s.config.Circuits.Tripped(s.name, s.rollout.Candidate)
}

func (s *service) readiness() engine.Ready {
	return engine.Ready{
		Baseline:  s.config.Ready.Ready(s.name, s.rollout.Baseline),
		Candidate: s.config.Ready.Ready(s.name, s.rollout.Candidate),
	}
}

// landed is the share of requests that met the candidate since the end came
// into force; negative while it has not, or no request was seen since.
func (s *service) landed() float64 {
	if !s.rollout.Phase.Final() || s.plane.inForce == nil || !same(*s.plane.inForce, engine.Split(s.rollout)) {
		return -1
	}
	return s.senses.share(s.rollout.Candidate, s.plane.changed)
}

// become makes a decision the state, and tells the judge of a new stage. It
// gets now, not the event's time: that of the process keeps to the clock that
// ticks are cut by when the wall clock is set.
func (s *service) become(now time.Time, next engine.Step) {
	s.carry(next.Rollout)
	s.tell(next.Events)
	for _, e := range next.Events {
		if e.Kind == stagger.EventStageEntered || e.Kind == stagger.EventBaking {
			s.court.begin(next.Rollout, now)
			s.court.course.begin(next.Rollout, now)
		}
	}
}

// tell writes to the log what happened.
func (s *service) tell(events []stagger.Event) {
	for _, e := range events {
		s.log.Info("rollout event", "rollout", e.Rollout, "event", e.Kind, "phase", e.Phase, "stage", e.Stage,
			"weight", e.Weight.String(), "actor", e.Actor, "reason", e.Reason)
	}
}

// part lets a rollout go that is over and recorded, once the traffic has
// followed or has had the time to.
func (s *service) part(now time.Time) {
	r := s.rollout
	if r.Phase.Final() && len(s.ledger.backlog) == 0 && !s.ledger.doubtful &&
		(!r.Converged.IsZero() || r.Phase == stagger.PhaseSuperseded || now.Sub(r.EndedAt) > goodbye) {
		s.letGo()
	}
}

// configured returns the service as it is configured now.
func (s *service) configured() (stagger.Service, bool) {
	for _, c := range s.config.Services() {
		if c.Name == s.name {
			return c, true
		}
	}
	return stagger.Service{}, false
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
