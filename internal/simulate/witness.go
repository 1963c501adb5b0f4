package simulate

import (
	"time"

	"github.com/stagger-dev/stagger/internal/judge"
)

// witness is the judge of one life, and what it said.
type witness struct {
	judge *judge.Judge
	looks looks
	life  Life
}

func (t *Trial) witness() *witness {
	planned := t.Planned
	if planned == 0 {
		planned = t.Length
	}
	return &witness{
		judge: judge.New(judge.Config{
			Baseline: Baseline, Candidate: Candidate, Guardrails: t.Guardrails, Planned: planned,
			WarmUp: t.WarmUp, Plain: t.Plain, StayPlain: t.StayPlain,
		}),
		looks: looks{onset: t.Model.Onset, sparse: t.Sparse},
		life:  unlived(),
	}
}

// see shows a tick to the judge and notes what it says.
func (w *witness) see(s Scene) {
	if s.Begins {
		w.judge.BeginStage(s.Tick.From)
	}
	w.judge.Observe(s.Tick)
	if s.At <= 0 {
		return
	}
	after := s.At - w.looks.onset
	suspected := w.judge.Suspected()
	if after > 0 {
		first(&w.life.Suspect, suspected, after)
		first(&w.life.Placebo, w.judge.PlaceboAlarms() > 0, after)
	}
	first(&w.life.Plain, w.judge.PlainEvidence()*AlphaPlain >= 1, after)
	// What is proved stays proved, so it may be looked for less often.
	w.looks.patient = w.life.Suspect != Never
	if w.looks.due(s.At, suspected) {
		w.life.note(w.judge.Glance(s.Tick.To), after, suspected)
	}
}

// looks says when to read the verdict.
type looks struct {
	onset           time.Duration
	sparse, patient bool
	last            time.Duration
}

// The longest times between two looks of those who look sparsely: at a candidate
// that is suspected, of which a proof is awaited, and at one that is not.
const (
	longestSuspected = 5 * time.Second
	longest          = 30 * time.Second
)

func (l *looks) due(at time.Duration, suspected bool) bool {
	most := longest
	if suspected {
		most = longestSuspected
	}
	apart := most // before the onset there is nothing to time
	if at > l.onset {
		apart = min((at-l.onset)/100, most)
	}
	if (l.sparse || l.patient) && at-l.last < apart {
		return false
	}
	l.last = at
	return true
}
