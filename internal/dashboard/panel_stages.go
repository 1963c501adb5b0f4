package dashboard

import (
	"strings"
	"time"

	"github.com/stagger-dev/stagger/internal/present"
)

// stagesPanel is the ladder and what comes next.
type stagesPanel struct {
	Ladder []rung
	Next   string
}

// rung is a stage with its bar.
type rung struct {
	present.Rung

	Words string
	Bar   float64 // how much of the most, or least, time is spent
	Mark  float64 // the least time on the same scale; 0 when there is none
}

func (s *scene) stages() any {
	var p stagesPanel
	for _, step := range present.Ladder(s.Rollout, s.Now) {
		p.Ladder = append(p.Ladder, rungOf(step))
	}
	if s.Progress == nil || s.Rollout.Phase.Final() {
		return p
	}
	p.Next = s.Progress.Next
	return p
}

func rungOf(r present.Rung) rung {
	out := rung{Rung: r}
	if whole := max(r.Least, r.Most); whole > 0 {
		out.Bar = min(r.Spent.Seconds()/whole.Seconds(), 1)
		if r.Least < whole {
			out.Mark = r.Least.Seconds() / whole.Seconds()
		}
	}
	if out.Words = r.Bounds(); r.Active {
		out.Words = strings.TrimSuffix(present.Span(r.Spent.Truncate(time.Second))+" · "+out.Words, " · ")
	}
	return out
}
