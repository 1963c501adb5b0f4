package judge

import (
	"math"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/sequential"
)

// Mirrored requests are judged in pairs: the candidate and the baseline are sent
// the same request at the same moment, and each answer is held against what the
// baseline said first. Given that exactly one of the two differs, it is the
// candidate's with probability 1/2 if the versions do the same, and with at most
// t/(1+t) if the candidate's odds of differing are t times the baseline's. That
// holds pair by pair, whatever the requests are and however they depend on each
// other, so evidence needs no rung. Pairs that agree say nothing (McNemar).
//
// What is harm too small to matter is a share of all that was compared, as for
// failures.
func (s slot) mirrored(at sight) evidence {
	var e evidence
	e = e.neutral()
	m := at.batch.Shadow
	if m.Compared == 0 || at.reference != nil {
		return e
	}
	e.judged = true
	k, n := int(m.OnlyCandidate), int(m.OnlyCandidate+m.OnlyBaseline)
	fair := s.tolerated(at) / (1 + s.tolerated(at))
	differing, compared := int(m.Differing), int(m.Compared)
	exp(&e.ratio, oneSample(k, n, fair, sequential.Tilts[:], +1))
	exp(&e.floor, oneSample(differing, compared, s.guardrail.Floor, sequential.Tilts[:], +1))
	keep(&e.healthyRatio, oneSample(k, n, HealthyOdds/(1+HealthyOdds), sequential.HealthyTilts[:], -1))
	keep(&e.healthyCap, oneSample(differing, compared, s.guardrail.Healthy, sequential.HealthyTilts[:], -1))
	return e
}

// ofMirrored says whether the slot is about mirrored requests.
func (s slot) ofMirrored() bool { return s.guardrail.Signal == stagger.SignalShadow }

// hearMirrored keeps what people are told of mirrored requests, and how many
// there were in the stage.
func (b *bank) hearMirrored(at sight) {
	m := at.batch.Shadow
	b.Heard[armBaseline].Of += m.Pairs
	b.Heard[armBaseline].Hits += m.Noisy
	b.Heard[armCandidate].Of += m.Compared
	b.Heard[armCandidate].Hits += m.Differing
	b.Told[armCandidate] += int(m.Compared)
	b.Told[armBaseline] += int(m.Pairs)
	b.Apart[armBaseline] += m.OnlyBaseline
	b.Apart[armCandidate] += m.OnlyCandidate
}

// mirrored counts the mirrored requests that were judged since the stage began,
// 0 where no guardrail asks for them.
func (j *Judge) mirrored() uint64 {
	for i, s := range j.slots {
		if s.ofMirrored() {
			return uint64(j.state.Banks[i].Told[armCandidate])
		}
	}
	return 0
}

// onlyMirrors says whether all that was seen of the candidate in this stage are
// mirrored requests.
func (j *Judge) onlyMirrors() bool {
	return j.state.Totals.Arms[armCandidate].Stage == 0 && j.mirrored() > 0
}

// gates says whether the stage needs the healthy evidence of slot i: what was
// mirrored where anything was, and what users met where anybody met it.
func (j *Judge) gates(i int) bool {
	if j.slots[i].ofMirrored() {
		return j.mirrored() > 0
	}
	return j.slots[i].gates && !j.onlyMirrors()
}

// measureMirrored fills in the shares of answers that differ, for people.
func (b *bank) measureMirrored(f *stagger.Finding, s slot) {
	f.Tolerance = max(s.guardrail.Tolerance, 1)
	f.Baseline, f.Candidate = b.Heard[armBaseline].share(), b.Heard[armCandidate].share()
	f.CandidateLow, f.CandidateHigh = b.Within.Low, b.Within.High
	k, m := b.Apart[armCandidate], b.Apart[armBaseline]
	if k+m == 0 {
		return
	}
	f.Estimate = (float64(k) + 0.5) / (float64(m) + 0.5)
	low, high := sequential.FractionInterval(int(k), int(k+m), alphaInterval, tightest[:]...)
	if f.Low = low / (1 - low); high < 1 {
		f.High = high / (1 - high)
	}
	if math.IsInf(f.Low, 0) || math.IsNaN(f.Low) {
		f.Low = 0
	}
}

// tellMirrored says to a person what a finding about mirrored requests is.
func (j *Judge) tellMirrored(p *phrase, f *stagger.Finding, b *bank) {
	if b.Heard[armCandidate].Of == 0 {
		p.add("no mirrored request was compared yet")
		return
	}
	p.add(j.config.Candidate, " answers ")
	p.percent(f.Candidate)
	p.add(" of mirrored requests otherwise than ", j.config.Baseline, ", which differs from itself in ")
	p.percent(f.Baseline)
	p.bounds(f, (*phrase).percent)
	p.add(", ")
	p.count(b.Heard[armCandidate].Of)
	p.add(" mirrored requests; the limit is ")
	p.short(f.Tolerance)
	p.add(" times the odds")
}
