package judge

import (
	"math"
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
)

// suspicion is what looks bad and has not been cleared yet.
type suspicion struct {
	Since time.Time `json:"since,omitzero"`
	Slots []int     `json:"slots,omitempty"` // indexes of those that look bad
	Shed  bool      `json:"shed,omitempty"`
	Held  bool      `json:"held,omitempty"`
}

// suspect raises suspicion when the evidence asks for it, and lifts it when
// every slot that looked bad has recovered.
func (j *Judge) suspect() {
	s := &j.state.Suspicion
	if j.totalRollback() >= 1 && j.state.Regressed == nil && j.uncertified() == "" {
		v := j.display(j.state.LastTick)
		v.Outcome, v.Advice = stagger.OutcomeRegressed, stagger.AdviseRollback
		v.Signal, v.Sentence = j.blame(func(b *bank) float64 { return b.Rollback.value() })
		v.Sentence += certainty(j.alphaRollback())
		j.state.Regressed = &v
	}
	s.Shed = s.Shed || j.shedEvidence()*alphaShed >= 1
	s.Held = s.Held || j.totalSuspect() >= 1 || j.totalRollback() >= 1 || s.Shed
	if !s.Held {
		return
	}
	j.mark()
	if j.recovered() {
		j.lift()
	}
}

// mark notes which slots look bad.
func (j *Judge) mark() {
	s := &j.state.Suspicion
	if s.Since.IsZero() {
		s.Since = j.state.LastTick
	}
	most := 0
	for i := range j.slots {
		if j.share(i) > j.share(most) {
			most = i
		}
		if j.share(i) >= 0.1 && !slices.Contains(s.Slots, i) {
			j.accuse(i)
		}
	}
	if len(s.Slots) == 0 && len(j.slots) > 0 {
		j.accuse(most)
	}
}

func (j *Judge) accuse(i int) {
	j.state.Suspicion.Slots = append(j.state.Suspicion.Slots, i)
	j.state.Banks[i].Recovery.clear()
}

// share is how much of what suspicion needs slot i brings.
func (j *Judge) share(i int) float64 {
	return j.slots[i].weight * AlphaSuspect * j.state.Banks[i].Suspect.value()
}

func (j *Judge) recovered() bool {
	for _, i := range j.state.Suspicion.Slots {
		if j.state.Banks[i].Recovery.log() < math.Log(1/AlphaHealthy) {
			return false
		}
	}
	return true
}

// lift ends the suspicion: it was a blip. What was gathered without allowance
// for blips is forgotten; the evidence for a rollback stays.
func (j *Judge) lift() {
	for i := range j.state.Banks {
		j.state.Banks[i].Suspect.clear()
		j.state.Banks[i].Grown = 0
	}
	j.state.Shed.Evidence.clear()
	j.state.Suspicion = suspicion{}
}

// totalRollback is the weighted evidence for a rollback; 1 is enough. With
// weights that add up to less than 1 and a level for each, the chance that it
// ever gets there without harm is at most the largest level.
func (j *Judge) totalRollback() float64 {
	return j.total(stagger.ActionRollback, func(i int) float64 {
		return j.slots[i].weight * j.slots[i].guardrail.Alpha * j.state.Banks[i].Rollback.value()
	})
}

// alphaRollback is the chance of a rollback without harm: the largest level of
// those that may.
func (j *Judge) alphaRollback() float64 {
	alpha := 0.0
	for _, s := range j.slots {
		if s.guardrail.Action == stagger.ActionRollback {
			alpha = max(alpha, s.guardrail.Alpha)
		}
	}
	return alpha
}

// totalSuspect is the weighted evidence that something is wrong; 1 is enough.
func (j *Judge) totalSuspect() float64 {
	total := weightShed * AlphaSuspect * j.shedEvidence()
	for i := range j.slots {
		if j.slots[i].guardrail.Action != stagger.ActionAlert {
			total += j.share(i)
		}
	}
	return total
}

// alarmed says whether a guardrail that only alerts is crossed.
func (j *Judge) alarmed() bool {
	return j.total(stagger.ActionAlert, j.share) >= 1
}

func (j *Judge) total(a stagger.Action, of func(i int) float64) float64 {
	sum := 0.0
	for i := range j.slots {
		if j.slots[i].guardrail.Action == a {
			sum += of(i)
		}
	}
	return sum
}

// shedEvidence is that of a catastrophe; only a guardrail on errors that may
// roll back sheds.
func (j *Judge) shedEvidence() float64 {
	for _, s := range j.slots {
		if s.guardrail.Signal == stagger.SignalErrors && s.guardrail.Action == stagger.ActionRollback {
			return j.state.Shed.Evidence.value()
		}
	}
	return 0
}
