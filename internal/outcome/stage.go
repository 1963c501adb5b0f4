package outcome

import (
	"fmt"
	"time"

	"github.com/stagger-dev/stagger"
)

// StageName is what people call a stage by its place in the plan: its name, its
// number, "start" before the first and "bake" after the last.
func StageName(p stagger.Plan, stage int) string {
	switch {
	case stage < 0:
		return "start"
	case stage >= len(p.Stages):
		return "bake"
	case p.Stages[stage].Name != "":
		return p.Stages[stage].Name
	}
	return fmt.Sprintf("stage %d", stage+1)
}

// Stay is the time that a rollout spent in one stage, or in the bake.
type Stay struct {
	Stage int
	Name  string
	// Entered and Left bound it; Left is zero while it goes on.
	Entered, Left time.Time
	// From and To are the weights it began and ended with; what a person or a
	// shed did between shows in High and Low.
	From, To, Low, High stagger.Weight
	// Verdict is the last evidence that an event of the stage rested on; nil
	// where none did, or where the history came without.
	Verdict *stagger.Verdict
	// By is what ended it: the event after which the rollout was elsewhere. It is
	// empty while it goes on.
	By     stagger.EventKind
	Actor  string
	Reason string
}

// Spent is how long the stay was, until now where it goes on.
func (s Stay) Spent(now time.Time) time.Duration {
	if !s.Left.IsZero() {
		now = s.Left
	}
	return max(now.Sub(s.Entered), 0)
}

// Stays lists where a rollout was, in order, from its history, oldest first.
func Stays(p stagger.Plan, history []stagger.Event) []Stay {
	var stays []Stay
	for _, e := range history {
		last := len(stays) - 1
		entered := e.Kind == stagger.EventStageEntered || e.Kind == stagger.EventBaking
		if last >= 0 && stays[last].Left.IsZero() {
			stays[last].note(e, entered || e.Phase.Final())
		}
		if entered {
			stays = append(stays, Stay{
				Stage: e.Stage, Name: StageName(p, e.Stage), Entered: e.At, From: e.Weight, To: e.Weight, Low: e.Weight, High: e.Weight,
			})
		}
	}
	return stays
}

// note takes up an event that happened in the stay, or ended it.
func (s *Stay) note(e stagger.Event, end bool) {
	if e.Verdict != nil {
		s.Verdict = e.Verdict
	}
	if end {
		s.Left, s.By, s.Actor, s.Reason = e.At, e.Kind, e.Actor, e.Reason
		return
	}
	s.To = e.Weight
	s.Low, s.High = min(s.Low, e.Weight), max(s.High, e.Weight)
}
