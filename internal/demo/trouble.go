package demo

import (
	"context"
	"sync"
	"time"

	"github.com/stagger-dev/stagger"
)

// trouble makes the scenario's trouble at its time, and notes when it began
// and when it was seen.
type trouble struct {
	world    *world
	scenario Scenario

	mu       sync.Mutex // guards the rest
	began    time.Time
	detected time.Time
	ended    bool
	timers   []*time.Timer
}

func newTrouble(w *world, s Scenario) *trouble { return &trouble{world: w, scenario: s} }

// start makes the trouble that is there from the start.
func (t *trouble) start() error {
	if t.scenario.From != FromStart {
		return nil
	}
	return t.world.candidate.behave(t.scenario.Candidate)
}

// hear takes note of an event and arms what follows from it.
func (t *trouble) hear(ctx context.Context, e stagger.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = t.ended || e.Phase.Final()
	if e.Kind == stagger.EventStageEntered {
		t.entered(ctx, e)
	}
	if alarming(e) && !t.began.IsZero() && t.detected.IsZero() {
		t.detected = e.At
	}
}

func (t *trouble) entered(ctx context.Context, e stagger.Event) {
	switch {
	case t.scenario.From == FromStart && t.began.IsZero():
		t.began = e.At // its first request meets the trouble
	case t.scenario.From == e.Stage && t.began.IsZero() && t.timers == nil:
		t.timers = append(t.timers, time.AfterFunc(t.scenario.After, func() { t.begin(ctx) }))
	}
}

func (t *trouble) begin(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	t.mu.Lock()
	t.began = time.Now()
	if t.scenario.For > 0 {
		t.timers = append(t.timers, time.AfterFunc(t.scenario.For, t.cease))
	}
	t.mu.Unlock()
	t.set(t.scenario.Baseline, t.scenario.Candidate)
	if t.scenario.Outage {
		t.world.outage.begin(time.Now())
	}
}

func (t *trouble) cease() {
	t.set(Behaviour{}, Behaviour{})
	if t.scenario.Outage {
		t.world.outage.end(time.Now())
	}
}

// set changes both backends. One that cannot be reached is being stopped.
func (t *trouble) set(b, c Behaviour) {
	_ = t.world.baseline.behave(b)
	_ = t.world.candidate.behave(c)
}

func (t *trouble) final() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ended
}

// seen returns how long the trouble was there before the first alarm; zero
// when there was no alarm.
func (t *trouble) seen() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.detected.IsZero() {
		return 0
	}
	return max(t.detected.Sub(t.began), 0)
}

// alarming says whether e tells of harm seen.
func alarming(e stagger.Event) bool {
	switch e.Kind {
	case stagger.EventShed, stagger.EventRolledBack, stagger.EventBlinded:
		return true
	case stagger.EventHeld:
		return e.Hold == stagger.HoldSuspect || e.Hold == stagger.HoldBlind
	default:
		return false
	}
}
