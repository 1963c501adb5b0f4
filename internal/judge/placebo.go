package judge

import (
	"fmt"
	"math"
	"time"

	"github.com/stagger-dev/stagger"
)

// placebo is a candidate that is none: some groups of the baseline's subjects,
// judged against the others by the same rules. When it looks worse, the
// assumptions do not hold today, and a proof would prove nothing.
type placebo struct {
	Forms   []forms   `json:"forms"`  // by slot; of those that have no wheel
	Wheels  []*wheel  `json:"wheels"` // of slots that count failures
	Size    int       `json:"size"`   // groups that play the candidate
	Alarmed time.Time `json:"alarmed,omitzero"`
	Alarms  int       `json:"alarms,omitempty"`
	Batches int       `json:"batches,omitempty"` // judged
}

// The placebo's alarm is as rare as a false rollback would be, and stands for a
// while. Both are argued in ADR 0004.
const (
	alphaPlacebo   = 0.01
	alarmStands    = 10 * time.Minute
	mostPlaceboOf  = stagger.Groups / 2
	leastPlaceboOf = 1
)

func newPlacebo(slots []slot) placebo {
	p := placebo{Size: leastPlaceboOf, Forms: make([]forms, len(slots)), Wheels: make([]*wheel, len(slots))}
	for i, s := range slots {
		if s.counts() {
			p.Wheels[i] = new(wheel)
		} else {
			p.Forms[i] = newForms(0, hasFloor(s))
		}
	}
	return p
}

// counts says whether the slot counts what fails, request by request.
func (s slot) counts() bool {
	return s.guardrail.Signal == stagger.SignalErrors || s.guardrail.Signal == stagger.SignalGoodput
}

func (p *placebo) sound(slots int) bool {
	if len(p.Forms) != slots || len(p.Wheels) != slots || p.Size < leastPlaceboOf || p.Size > mostPlaceboOf {
		return false
	}
	for i := range p.Forms {
		if p.Wheels[i] == nil && !p.Forms[i].sound(0) {
			return false
		}
	}
	return true
}

// value is the evidence of one slot.
func (p *placebo) value(i int) float64 {
	if p.Wheels[i] != nil {
		return p.Wheels[i].value()
	}
	return p.Forms[i].value()
}

// cut fills a batch in which the first groups of the baseline play the
// candidate; it is not ok when there are no groups.
func (p *placebo) cut(from, into *batch) (ok bool) {
	into.clear()
	into.From, into.To, into.Age = from.From, from.To, from.Age
	for i := range from.Strata {
		base := &from.Strata[i].Arms[armBaseline]
		if !base.Grouped {
			continue
		}
		ok = true
		for g := range base.Groups {
			side := armBaseline
			if g < p.Size {
				side = armCandidate
			}
			into.arm(from.Strata[i].Name, side).plus(&base.Groups[g])
		}
	}
	p.cutSenders(from, into)
	return ok
}

// observe judges the placebo on the same batch, and returns the slot to blame
// when it alarms, -1 when it does not.
func (j *Judge) observePlacebo(b *batch, mass float64) {
	p := &j.state.Placebo
	if j.state.Reference != nil || !p.cut(b, &j.cut) {
		return
	}
	p.Batches++
	at := sight{batch: &j.cut, usual: &j.state.Usual, harmOnly: true}
	total, most, blamed := 0.0, 0.0, 0
	for i, s := range j.slots {
		if l := &j.state.Banks[i].Ladder; p.Wheels[i] != nil {
			p.Wheels[i].observe(s, l, b, p.Size, mass)
		} else {
			e := s.evidence(at, l, nil)
			p.Forms[i].observe(&e, mass)
		}
		share := s.weight.every * alphaPlacebo * p.value(i)
		if total += share; share > most {
			most, blamed = share, i
		}
	}
	p.resize(b)
	if total >= 1 {
		j.alarm(blamed, b.To)
	}
}

// alarm makes the blamed slot climb, and begins anew.
func (j *Judge) alarm(blamed int, at time.Time) {
	p := &j.state.Placebo
	p.Alarmed, p.Alarms = at, p.Alarms+1
	if !j.config.StayPlain {
		j.state.Banks[blamed].Ladder.force(j.slots[blamed])
		j.state.Banks[blamed].void()
	}
	for i := range p.Forms {
		p.Forms[i].clear()
		if p.Wheels[i] != nil {
			p.Wheels[i].clear()
		}
	}
}

// resize makes the placebo as large as the candidate was in the batch, for the
// batches to come.
func (p *placebo) resize(b *batch) {
	n, m := b.requests(armBaseline), b.requests(armCandidate)
	if n+m == 0 {
		return
	}
	share := float64(m) / float64(n+m)
	p.Size = min(max(int(math.Round(stagger.Groups*share)), leastPlaceboOf), mostPlaceboOf)
}

// uncertified says why no rollback may rest on the evidence now, "" if it may.
func (j *Judge) uncertified() string {
	p := &j.state.Placebo
	if p.Alarmed.IsZero() || j.state.LastTick.Sub(p.Alarmed) >= alarmStands {
		return ""
	}
	return fmt.Sprintf("not certified: a part of %s looked worse than the rest of it at %s, so requests depend on each other more than is allowed for",
		j.config.Baseline, p.Alarmed.UTC().Format(time.TimeOnly))
}
