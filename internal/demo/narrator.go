package demo

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/cli/live"
)

// narrator tells the story while it happens.
type narrator interface {
	// Hear takes in an event; the first is the rollout's first.
	Hear(e stagger.Event) error
	// See takes in how the rollout does.
	See(p stagger.Progress)
	// Close ends the telling. It may be called more than once.
	Close() error
}

// newNarrator chooses how to tell the story.
func newNarrator(o Options, s Scenario, r stagger.Rollout, dashboard string) narrator {
	if o.JSON {
		return jsonLines{json.NewEncoder(o.Out)}
	}
	if o.Plain {
		_, _ = fmt.Fprintf(o.Out, "%s: %s\n%s %s → %s, dashboard at %s\n\n", s.Name, s.Summary, r.Service, r.Baseline, r.Candidate, dashboard)
	}
	screen := live.NewScreen(o.Out, o.style(), !o.Plain)
	screen.Link(dashboard)
	return screen
}

func (o Options) style() live.Style {
	if o.Colour {
		return live.Colour()
	}
	return live.Plain()
}

// jsonLines writes every event as a line of JSON.
type jsonLines struct{ out *json.Encoder }

func (j jsonLines) Hear(e stagger.Event) error {
	if err := j.out.Encode(e); err != nil {
		return errors.Join(errors.New("write the events"), err)
	}
	return nil
}

// See writes nothing: progress comes several times a second.
func (jsonLines) See(stagger.Progress) {}

func (jsonLines) Close() error { return nil }
