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
		v.Signal, v.Sentence = j.blame(j.proving)
		v.Sentence += j.alsoWorse(v.Signal) + certainty(j.alphaRollback())
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
	for i := range j.slots {
		w, evidence := j.holding(i)
		if AlphaSuspect*w*evidence >= 0.1 && !slices.Contains(s.Slots, i) {
			j.accuse(i)
		}
	}
	most := j.strongest(j.holding, func(int) bool { return true })
	if len(s.Slots) == 0 && most >= 0 {
		j.accuse(most)
	}
}

func (j *Judge) accuse(i int) {
	j.state.Suspicion.Slots = append(j.state.Suspicion.Slots, i)
	j.state.Banks[i].Recovery.clear()
}

// share is what slot i brings to a sum over slots: its evidence, and the weight
// of it there, 0 where it has no say.
type share func(i int) (weight, evidence float64)

// proving is what slot i brings to a rollback.
func (j *Judge) proving(i int) (weight, evidence float64) {
	if s := j.slots[i]; s.guardrail.Action == stagger.ActionRollback {
		return s.weight.proof * s.guardrail.Alpha, j.state.Banks[i].Rollback.value()
	}
	return 0, 0
}

// holding is what it brings to a suspicion.
func (j *Judge) holding(i int) (weight, evidence float64) {
	if s := j.slots[i]; !s.alerts() {
		return s.weight.suspicion, j.state.Banks[i].Suspect.value()
	}
	return 0, 0
}

// alerting is what it brings to an alert.
func (j *Judge) alerting(i int) (weight, evidence float64) {
	if s := j.slots[i]; s.alerts() {
		return s.weight.suspicion, j.state.Banks[i].Suspect.value()
	}
	return 0, 0
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

// totalRollback is the weighted evidence for a rollback, each slot's against
// its own level; 1 is enough.
func (j *Judge) totalRollback() float64 { return j.total(j.proving) }

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
	return AlphaSuspect * (j.shedWeight*j.shedEvidence() + j.total(j.holding))
}

// alarmed says whether a guardrail that only alerts is crossed.
func (j *Judge) alarmed() bool { return AlphaSuspect*j.total(j.alerting) >= 1 }

func (j *Judge) total(of share) float64 {
	sum := 0.0
	for i := range j.slots {
		w, evidence := of(i)
		sum += w * evidence
	}
	return sum
}

// shedEvidence is that of a catastrophe, 0 where nothing may be shed.
func (j *Judge) shedEvidence() float64 {
	if j.shedWeight == 0 {
		return 0
	}
	return j.state.Shed.Evidence.value()
}
