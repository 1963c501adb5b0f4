package judge

import (
	"math"

	"github.com/stagger-dev/stagger/internal/sequential"
)

// plain is the evidence of one slot as a textbook has it: the product of its
// e-values from the first request on, by tilt. It starts once, forgives nothing
// and forgets nothing, so theory says how fast it can grow at best.
type plain struct {
	Ratio [len(sequential.Tilts)]float64 `json:"ratio"` // logarithms
	Floor [len(sequential.Tilts)]float64 `json:"floor"`
	Union bool                           `json:"union,omitempty"` // there is a floor
}

func newPlain(slots []slot) []plain {
	ps := make([]plain, len(slots))
	for i, s := range slots {
		ps[i].Union = hasFloor(s)
	}
	return ps
}

func (p *plain) observe(e *evidence) {
	for t := range p.Ratio {
		p.Ratio[t] = max(p.Ratio[t]+math.Log(e.ratio[t]), nothingLeft)
		p.Floor[t] = max(p.Floor[t]+math.Log(e.floor[t]), nothingLeft)
	}
}

// nothingLeft is the logarithm of evidence that is no more, but can be written
// down.
const nothingLeft = -1e300

// value is the evidence now.
func (p *plain) value() float64 {
	log := sequential.LogMeanExp(p.Ratio[:])
	if p.Union {
		log = min(log, sequential.LogMeanExp(p.Floor[:]))
	}
	return math.Exp(min(log, 500))
}

// PlainEvidence is the evidence for a rollback without late starts and without
// allowance for blips: the weighted mean, over the slots that may roll back, of
// likelihood ratios mixed over the tilts. Without harm the chance that it ever
// reaches 1/alpha is at most alpha (Ville). It is there to be compared with what
// is possible at best, and 0 unless Config.Plain asks for it.
func (j *Judge) PlainEvidence() float64 {
	sum := 0.0
	for i := range j.state.Plain {
		if w, _ := j.proving(i); w > 0 {
			sum += j.slots[i].weight.proof * j.state.Plain[i].value()
		}
	}
	return sum
}

// PlaceboAlarms is how often a part of the baseline looked worse than the rest
// of it, which the assumptions exclude but for a chance of one in a hundred.
func (j *Judge) PlaceboAlarms() int { return j.state.Placebo.Alarms }

// Suspected says whether the candidate is suspected, and not merely held
// because the baseline got worse than its own past.
func (j *Judge) Suspected() bool { return j.state.Suspicion.Held }
