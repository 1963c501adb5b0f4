package sim

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/controller"
	"github.com/stagger-dev/stagger/internal/engine"
)

// Service is the one service of the world; v1 is where it starts.
const Service = "shop"

// Tick is the time between two looks.
const Tick = 250 * time.Millisecond

// World is all there is: one service, its traffic and telemetry, its data
// plane, the journal, and the controller under test. After every step it checks
// what must always be true; Broken tells what was not.
type World struct {
	Clock      *Clock
	Journal    *Journal
	Plane      *Plane
	Traffic    *Traffic
	Random     *rand.Rand
	Controller *controller.Controller

	newJudge controller.NewJudge
	versions []stagger.Version
	log      *slog.Logger
	commands int
	broken   []string
	verdict  stagger.Verdict // the last one given in this step
	judged   string          // the candidate it was about
	guilty   int             // steps in which the candidate should have been gone
	peak     peak
}

// peak is the exposure a rollout has reached; it may only fall for a cause.
type peak struct {
	rollout string
	events  uint64
	split   stagger.Split
}

// NewWorld makes a world from a seed. Traffic is what rate requests per second
// are.
func NewWorld(seed uint64, rate float64, j controller.NewJudge) *World {
	random := rand.New(rand.NewPCG(seed, 7))
	w := &World{
		Clock: NewClock(), Journal: NewJournal(), Plane: NewPlane(map[string]string{Service: "v1"}),
		Traffic: NewTraffic(Service, rate, random), Random: random, newJudge: j, log: slog.New(slog.DiscardHandler),
	}
	for _, name := range []string{"v1", "v2", "v3", "v4"} {
		w.versions = append(w.versions, stagger.Version{Name: name})
	}
	w.Plane.Applied = w.applied
	return w
}

// LogTo makes the controllers to come write to log.
func (w *World) LogTo(log *slog.Logger) { w.log = log }

// Start starts a controller on the journal as it is, in the place of the one
// before. It is down when the journal is, and then returns the error.
func (w *World) Start(ctx context.Context) error {
	c, err := controller.New(controller.Config{
		Services: func() []stagger.Service {
			return []stagger.Service{{Name: Service, Baseline: "v1", Versions: w.versions}}
		},
		Driver: w.Plane, Source: w.Traffic, Journal: w.Journal, Ready: w.Plane,
		NewJudge: w.witness, Log: w.log, Now: w.Clock.Now,
	})
	if err != nil {
		return err
	}
	w.Controller = nil
	if err := c.Load(ctx); err != nil {
		return err
	}
	w.Controller = c
	return nil
}

// Step lets one tick pass: requests, and a look of the controller if one lives.
func (w *World) Step(ctx context.Context) {
	w.Clock.Advance(Tick)
	w.Traffic.Pass(w.Clock.Now(), Tick, w.Plane.Split(Service))
	w.verdict = stagger.Verdict{}
	if w.Controller != nil {
		w.Controller.Step(ctx)
	}
	w.check()
}

// Run lets d pass.
func (w *World) Run(ctx context.Context, d time.Duration) {
	for range d / Tick {
		w.Step(ctx)
	}
}

// Ask submits a command and returns its ID.
func (w *World) Ask(verb stagger.Verb, with func(*stagger.Command)) string {
	w.commands++
	c := Command(fmt.Sprintf("c%d", w.commands), verb, w.Active().ID, w.Clock.Now())
	if with != nil {
		with(&c)
	}
	w.Journal.Submit(c)
	return c.ID
}

// Deploy asks for a rollout of candidate.
func (w *World) Deploy(candidate string, p stagger.Plan) string {
	return w.Ask(stagger.VerbStart, func(c *stagger.Command) {
		c.Start = &stagger.Start{Service: Service, Candidate: candidate, Plan: p}
	})
}

// Active returns the recorded rollout that is not over; zero if there is none.
func (w *World) Active() stagger.Rollout {
	for _, r := range w.Journal.Rollouts() {
		if !r.Phase.Final() {
			return r
		}
	}
	return stagger.Rollout{}
}

// Last returns the rollout that was recorded last; zero if there is none.
func (w *World) Last() stagger.Rollout {
	all := w.Journal.Rollouts()
	if len(all) == 0 {
		return stagger.Rollout{}
	}
	return all[len(all)-1]
}

// Broken lists the laws that were broken so far.
func (w *World) Broken() []string { return slices.Concat(w.broken, w.Journal.Broken()) }

func (w *World) breach(format string, args ...any) {
	w.broken = append(w.broken, w.Clock.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

// applied checks a split the moment it comes into force. Another baseline is
// one that is recorded; who cannot tell what is may still lower what is in force.
func (w *World) applied(before, now stagger.Split) {
	recorded := w.Journal.Split(Service, "v1")
	if now.Baseline != recorded.Baseline && now.Baseline != before.Baseline {
		w.breach("the baseline in force is %s, recorded is %s", now.Baseline, recorded.Baseline)
	}
	w.checkRecorded("comes into force", now)
}

// checkRecorded holds that nobody meets a candidate that the record does not
// know of. The record of a promotion has everybody on what was the candidate.
func (w *World) checkRecorded(what string, inForce stagger.Split) {
	recorded := w.Journal.Split(Service, "v1")
	if inForce.Exceeds(recorded) && !w.wasPromoted(inForce.Rollout) {
		w.breach("%+v %s, and only %+v is recorded", inForce, what, recorded)
	}
}

func (w *World) wasPromoted(rollout string) bool {
	return w.Journal.Recorded(rollout).Phase == stagger.PhasePromoted
}

// check holds what must be true after every step.
func (w *World) check() {
	inForce := w.Plane.Split(Service)
	w.checkRecorded("stays in force", inForce)
	w.checkGuilty(inForce)
	w.checkGrowth()
}

// checkGuilty counts the steps in which a candidate that is proved guilty is
// still met though nothing keeps the controller from acting.
func (w *World) checkGuilty(inForce stagger.Split) {
	if w.Controller == nil || w.verdict.Advice != stagger.AdviseRollback || !inForce.Exposes() ||
		inForce.Candidate != w.judged || w.Plane.Dead[inForce.Baseline] || w.Plane.fails {
		w.guilty = 0
		return
	}
	if w.guilty++; w.guilty > 2 {
		w.breach("%s is proved guilty and still met, %d steps later", w.judged, w.guilty)
	}
}

// checkGrowth holds that nobody is moved back and forth: the recorded exposure
// of a rollout falls only by a shed or a person.
func (w *World) checkGrowth() {
	r := w.Active()
	now := peak{r.ID, r.Events, engine.Split(r)}
	was := w.peak
	w.peak = now
	was.split.Shadow = stagger.WeightNone // copies are nobody's
	if r.ID == "" || was.rollout != r.ID || !was.split.Exceeds(now.split) {
		return
	}
	lowers := func(e stagger.Event) bool {
		return e.Kind == stagger.EventShed || e.Command != ""
	}
	if !slices.ContainsFunc(w.Journal.History(r.ID)[was.events:], lowers) {
		w.breach("%s moved subjects back without a cause", r.ID)
	}
}

// witness makes a judge whose verdicts the world learns of.
func (w *World) witness(c controller.Case, state []byte) (controller.Judge, error) {
	j, err := w.newJudge(c, state)
	if err != nil {
		return nil, err
	}
	w.judged = c.Candidate
	return &witness{j, w}, nil
}

type witness struct {
	controller.Judge
	world *World
}

func (j *witness) Verdict(at time.Time) stagger.Verdict {
	j.world.verdict = j.Judge.Verdict(at)
	return j.world.verdict
}

// Needs asks the judge, if it is one that knows.
func (j *witness) Needs(perSecond float64) []stagger.Need {
	if of, ok := j.Judge.(interface {
		Needs(perSecond float64) []stagger.Need
	}); ok {
		return of.Needs(perSecond)
	}
	return nil
}

// Settled holds that nothing is left to be done: no command waits, no rollout
// runs, and what is recorded is in force.
func (w *World) Settled() {
	for _, c := range w.Journal.Waiting() {
		w.breach("%s %s was never answered", c.Verb, c.ID)
	}
	if r := w.Active(); r.ID != "" {
		w.breach("%s is still %s: %s", r.ID, r.Phase, r.Reason)
	}
	recorded, inForce := w.Journal.Split(Service, "v1"), w.Plane.Split(Service)
	if !reflect.DeepEqual(recorded, inForce) {
		w.breach("%+v is in force, recorded is %+v", inForce, recorded)
	}
}
