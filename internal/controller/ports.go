package controller

import (
	"context"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/distinct"
	"github.com/stagger-dev/stagger/internal/judge"
)

// Driver makes one kind of data plane follow a split.
type Driver interface {
	// Apply brings s into force. It may be called again with the same split
	// at any time; after an error either the old or the new one is in force.
	Apply(ctx context.Context, s stagger.Split) error
	// Current returns the split in force.
	Current(ctx context.Context, service string) (stagger.Split, error)
	// Can says what the data plane is able to do.
	Can() stagger.Abilities
}

// Source is where observations come from. One that also has
// InFlight(service, version string) int64 is asked for it too.
type Source interface {
	// Ticks returns what was sealed of service with To after the given time,
	// oldest first.
	Ticks(ctx context.Context, service string, after time.Time) ([]stagger.Tick, error)
}

// Readier tells which versions can take traffic.
type Readier interface {
	// Ready says whether version has a healthy endpoint.
	Ready(service, version string) bool
}

// Circuits tells which versions the data plane has stopped to send requests to.
type Circuits interface {
	// Tripped returns what opened the circuit of version; empty while it is
	// closed, or there is none.
	Tripped(service, version string) string
}

// Strains tells how versions bear their traffic.
type Strains interface {
	// Strain returns it by version; nil where nothing is declared that would know.
	Strain(service string) []stagger.Strain
}

// Crowds tells how many different subjects met a candidate.
type Crowds interface {
	// Crowd returns a sketch of those that met the candidate of a rollout since
	// somebody counts, the caller's own; nil where nobody does.
	Crowd(service, rollout string) *distinct.Sketch
}

// Journal keeps what must survive: rollouts with their history, commands and
// the judges' evidence.
type Journal interface {
	// Active returns the rollouts that are not over.
	Active(ctx context.Context) ([]stagger.Rollout, error)
	// Rollout returns one rollout, over or not; the error has CodeNotFound when
	// there is none.
	Rollout(ctx context.Context, id string) (stagger.Rollout, error)
	// Commit keeps r and the last events that made it, all or nothing. It
	// answers the commands that the events name. The error has CodeConflict
	// when the journal's rollout is not the one before these events.
	Commit(ctx context.Context, r stagger.Rollout, events []stagger.Event) error
	// Supersede commits the end of one rollout and the start of the next as one.
	Supersede(ctx context.Context, old stagger.Rollout, oldEvents []stagger.Event, next stagger.Rollout, nextEvents []stagger.Event) error
	// Baseline returns the version that was promoted last, empty if none was.
	Baseline(ctx context.Context, service string) (string, error)
	// Pending returns the commands without a result, oldest first.
	Pending(ctx context.Context) ([]stagger.Command, error)
	// Resolve answers a command.
	Resolve(ctx context.Context, id string, result stagger.Result) error
	// SaveJudge keeps the evidence of a rollout; Judge returns it, nil if
	// none was kept.
	SaveJudge(ctx context.Context, rollout string, state []byte) error
	Judge(ctx context.Context, rollout string) ([]byte, error)
	// SavePath keeps how the evidence of a rollout grew; Path returns it, nil
	// if none was kept.
	SavePath(ctx context.Context, rollout string, path []byte) error
	Path(ctx context.Context, rollout string) ([]byte, error)
	// SaveCourse keeps how a rollout went; CourseState returns it, nil if none
	// was kept.
	SaveCourse(ctx context.Context, rollout string, state []byte) error
	CourseState(ctx context.Context, rollout string) ([]byte, error)
	// SaveProgress keeps how a rollout does now.
	SaveProgress(ctx context.Context, p stagger.Progress) error
}

// Judge weighs the evidence of one rollout. One that also has
// Needs(perSecond float64) []stagger.Need is asked what it lacks to call a stage
// healthy. It is told of ticks in order of
// time, also of those before the rollout, which only teach it what is usual.
type Judge interface {
	Observe(t stagger.Tick)
	BeginStage(at time.Time)
	BeginBake(at time.Time)
	Verdict(at time.Time) stagger.Verdict
	State() ([]byte, error)
}

// Case is what a judge is to judge.
type Case struct {
	Baseline, Candidate string
	Guardrails          []stagger.Guardrail
	Planned             time.Duration // how long the rollout is meant to take
	BlindAfter          time.Duration
	Watch               *judge.Watch  // of the baseline until now; nil if there is none
	Stages              int           // how many there are, the bake among them
	WarmUp              time.Duration // half-life of the allowance for a candidate that has just started
}

// NewJudge makes a judge; from a state that Judge.State returned, or new when
// that is nil.
type NewJudge func(c Case, state []byte) (Judge, error)
