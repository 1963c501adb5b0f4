// Package live draws a rollout in the terminal while it happens: Render makes
// one picture of it, and Screen repaints that picture in place, or prints a
// line per event where the output is no terminal.
package live

import (
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/engine"
)

// eventsKept bounds how many events a Model remembers; more than are shown.
const eventsKept = 32

// Model is what is known of one rollout. The zero Model knows nothing.
type Model struct {
	Rollout stagger.Rollout
	// Progress is how it does; its Rollout is empty while nothing is known.
	Progress stagger.Progress
	Events   []stagger.Event // the last ones, oldest first
	Now      time.Time
	// Page is where a browser shows the same, if that is known.
	Page string
}

// Hear takes in an event. The first must be the rollout's first, unless
// Rollout was set before; the error tells of a gap.
func (m *Model) Hear(e stagger.Event) error {
	if m.Rollout.ID != "" && e.Seq <= m.Rollout.Events {
		m.keep(e)
		return nil // what is known already
	}
	next, err := engine.Apply(m.Rollout, e)
	if err != nil {
		return err
	}
	m.Rollout = next
	m.keep(e)
	return nil
}

func (m *Model) keep(e stagger.Event) {
	if n := len(m.Events); n > 0 && m.Events[n-1].Seq >= e.Seq {
		return
	}
	m.Events = append(m.Events, e)
	if drop := len(m.Events) - eventsKept; drop > 0 {
		m.Events = append(m.Events[:0], m.Events[drop:]...)
	}
}

// See takes in how the rollout does now.
func (m *Model) See(p stagger.Progress) { m.Progress = p }

// verdict is the newest there is: the live one, or that of the last event which
// has one.
func (m *Model) verdict() stagger.Verdict {
	last := m.Progress.Verdict
	for _, e := range m.Events {
		if e.Verdict != nil && e.Verdict.At.After(last.At) {
			last = *e.Verdict
		}
	}
	return last
}

// now is the time to count from: never before what is known happened.
func (m *Model) now() time.Time {
	if m.Now.Before(m.Rollout.UpdatedAt) {
		return m.Rollout.UpdatedAt
	}
	return m.Now
}
