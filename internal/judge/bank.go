package judge

import (
	"math"
	"slices"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/sequential"
)

// bank is the evidence of one slot.
type bank struct {
	Suspect  forms  `json:"suspect"`  // forgives nothing
	Rollback forms  `json:"rollback"` // forgives blips
	Healthy  health `json:"healthy"`  // of this stage
	Recovery health `json:"recovery"` // since it last looked bad
	// Grown is the suspect evidence at the start of the block.
	Grown  float64 `json:"grown"`
	Curve  curve   `json:"curve"`
	Judged int     `json:"judged"` // batches
	Ladder ladder  `json:"ladder"`
	Level  level   `json:"level"`
	// Heard is what was counted in all where totals do not know it, by side.
	Heard [arms]heard `json:"heard"`
	// Told is how often each side told of the metric in this stage.
	Told [arms]int `json:"told"`
	// Apart counts the pairs of answers to mirrored requests in which one side
	// alone differs.
	Apart  [arms]uint64 `json:"apart,omitzero"`
	Within within       `json:"within"`
	Excess excess       `json:"excess,omitempty"`
}

// heard is how often something happened, of how many it could have.
type heard struct {
	Hits uint64 `json:"hits"`
	Of   uint64 `json:"of"`
}

func (h heard) share() float64 {
	if h.Of == 0 {
		return 0
	}
	return float64(h.Hits) / float64(h.Of)
}

func newBank(s slot) bank {
	union := hasFloor(s)
	return bank{
		Suspect: newForms(0, union), Rollback: newForms(tokens, union),
		Curve: newCurve(union && s.guardrail.Signal != stagger.SignalCount), Ladder: newLadder(s),
	}
}

// hasFloor says whether there is a share below which harm does not matter;
// latency and levels have their floor in what they are compared with.
func hasFloor(s slot) bool {
	return s.guardrail.Signal != stagger.SignalLatency && !s.levels()
}

// levels says whether the slot is about a level.
func (s slot) levels() bool {
	return s.guardrail.Signal == stagger.SignalSaturation || s.guardrail.Signal == stagger.SignalGauge
}

func (b *bank) sound() bool {
	return b.Suspect.sound(0) && b.Rollback.sound(tokens)
}

func (b *bank) observe(e *evidence, mass float64) {
	b.Suspect.observe(e, mass)
	b.Rollback.observe(e, mass)
	if !e.judged {
		return
	}
	b.Judged++
	b.Healthy.observe(e)
	b.Recovery.observe(e)
	b.Curve.observe(e.curve, e.power)
}

// void forgets what was gathered under an assumption that failed. The mass that
// was handed out is gone with it.
func (b *bank) void() {
	b.Suspect.clear()
	b.Rollback.clear()
	b.Healthy.clear()
	b.Recovery.clear()
	b.Grown = 0
	clear(b.Curve.At)
}

// endBlock ends a block; one in which suspicion grew starts the recovery anew.
func (b *bank) endBlock(refill bool) {
	if now := b.Suspect.value(); now > b.Grown {
		b.Recovery.clear()
		b.Grown = now
	} else {
		b.Grown = now
	}
	b.Suspect.endBlock(false)
	b.Rollback.endBlock(refill)
}

// forms is the evidence against "within the ratio, or below the floor": the
// least of the evidence against each is an e-process for either.
type forms struct {
	Ratio []sequential.Process `json:"ratio"`
	Floor []sequential.Process `json:"floor,omitempty"` // none where there is no floor
}

func newForms(tokens int, floor bool) forms {
	var f forms
	for range sequential.Tilts {
		f.Ratio = append(f.Ratio, sequential.NewProcess(tokens))
		if floor {
			f.Floor = append(f.Floor, sequential.NewProcess(tokens))
		}
	}
	return f
}

func (f *forms) sound(tokens int) bool {
	other := func(p sequential.Process) bool { return p.Tokens() != tokens }
	if slices.ContainsFunc(f.Ratio, other) || slices.ContainsFunc(f.Floor, other) {
		return false
	}
	return len(f.Ratio) == len(sequential.Tilts) && (len(f.Floor) == 0 || len(f.Floor) == len(sequential.Tilts))
}

func (f *forms) observe(e *evidence, mass float64) {
	for i := range f.Ratio {
		f.Ratio[i].Observe(e.ratio[i], mass)
	}
	for i := range f.Floor {
		f.Floor[i].Observe(e.floor[i], mass)
	}
}

func (f *forms) endBlock(refill bool) {
	for _, ps := range [...][]sequential.Process{f.Ratio, f.Floor} {
		for i := range ps {
			ps[i].EndBlock()
			if refill {
				ps[i].Refill()
			}
		}
	}
}

func (f *forms) clear() {
	for _, ps := range [...][]sequential.Process{f.Ratio, f.Floor} {
		for i := range ps {
			ps[i].Clear()
		}
	}
}

// value is the evidence now.
func (f *forms) value() float64 {
	v := mean(f.Ratio)
	if len(f.Floor) > 0 {
		v = min(v, mean(f.Floor))
	}
	return v
}

func mean(ps []sequential.Process) float64 {
	sum := 0.0
	for i := range ps {
		sum += ps[i].Value()
	}
	return sum / float64(len(ps))
}

// health is evidence that harm beyond the healthy margin is not there: the
// null is "worse by ratio and above the cap", so evidence against either half
// counts, on average.
type health struct {
	Ratio [len(sequential.HealthyTilts)]float64 `json:"ratio"` // logarithms, by tilt
	Cap   [len(sequential.HealthyTilts)]float64 `json:"cap"`
}

func (h *health) observe(e *evidence) {
	for i := range h.Ratio {
		h.Ratio[i] += e.healthyRatio[i]
		h.Cap[i] += e.healthyCap[i]
	}
}

func (h *health) clear() {
	*h = health{}
}

// log returns the logarithm of the evidence.
func (h *health) log() float64 {
	of := [...]float64{sequential.LogMeanExp(h.Ratio[:]), sequential.LogMeanExp(h.Cap[:])}
	if most := max(of[0], of[1]); !math.IsInf(most, 0) {
		return sequential.LogMeanExp(of[:])
	}
	return 0
}
