package judge

import (
	"fmt"
	"math"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/sequential"
)

// Events are counted where nobody knows whose request they belong to, and may be
// more than the requests. How they depend on each other shows in how unsteady
// their rate is: until that is known they have one vote a minute, later one piece
// of evidence every ten seconds, tempered by the dispersion.
const (
	eventSpan   = 10 * time.Second
	leastSteady = 12 // pairs of blocks that make the dispersion known
)

// happened compares how often something happens per request. What a side did
// not tell is not compared.
func (s slot) happened(at sight, l *ladder) evidence {
	var e evidence
	if len(at.batch.Readings) == 0 || at.reference != nil {
		return e.neutral()
	}
	var n, hits, told [arms]int
	for side := range arms {
		r := &at.batch.Readings[s.metric][side]
		hits[side] = int(r.N)
		n[side], told[side] = at.batch.requests(side), r.Told
	}
	g := s.guardrail
	g.Tolerance = s.tolerated(at)
	span, weigh := voteLength, func(v *vote) evidence { return v.cast(g) }
	if l.Rung == rungTempered {
		span, weigh = eventSpan, func(v *vote) evidence { return v.share(g) }
	}
	e = l.Vote.observe(at.batch, span, n, hits, weigh)
	for side := range arms {
		l.Vote.Told[side] += told[side]
	}
	return e
}

// share weighs events given how many there were in all: each is the candidate's
// with the chance that its part of the requests gives,
//
//	f = q psi0 / (1 - q + q psi0),  log e = k tilt - x log(1 - f + f exp(tilt)),
//
// for k of x events the candidate's and a part q of the requests (the Poisson
// test of Lindon and Malek 2022, with the split as it was). The floor is a rate
// per request, log e = k tilt - n floor (exp(tilt) - 1).
func (v *vote) share(g stagger.Guardrail) evidence {
	var e evidence
	e = e.neutral()
	e.judged = true
	k, n := v.Failed[armCandidate], v.Requests[armCandidate]
	x, m := k+v.Failed[armBaseline], v.Requests[armBaseline]
	if n == 0 || m == 0 || v.silent() {
		return e
	}
	q := float64(n) / float64(n+m)
	fair := times(q, max(g.Tolerance, 1))
	exp(&e.ratio, oneSample(k, x, fair, sequential.Tilts[:], +1))
	for i, tilt := range sequential.Tilts {
		e.floor[i] = math.Exp(min(float64(k)*tilt-float64(n)*g.Floor*math.Expm1(tilt), 500))
	}
	return e
}

// steady measures how unsteady the rate of the baseline's events is.
type steady struct {
	Blocks [2]pulse `json:"blocks"`
}

// pulse compares successive blocks of one length.
type pulse struct {
	Number int64      `json:"number"` // since the epoch
	N      float64    `json:"n"`      // requests
	X      float64    `json:"x"`      // events
	Last   [2]float64 `json:"last"`   // the same of the block before
	Along  ratio      `json:"along"`
}

// steadySpans are the lengths of the blocks.
var steadySpans = [...]time.Duration{eventSpan, time.Minute}

func (s *steady) observe(at time.Time, n, x float64) {
	for i := range s.Blocks {
		p := &s.Blocks[i]
		if number := at.UnixNano() / int64(steadySpans[i]); number != p.Number {
			p.close()
			p.Number = number
		}
		p.N += n
		p.X += x
	}
}

// close compares a block with the one before it: a squared difference of rates
// over its expectation for independent events.
func (p *pulse) close() {
	n, x, m, y := p.N, p.X, p.Last[0], p.Last[1]
	if n > 0 && m > 0 && x+y > 0 {
		rate, d := (x+y)/(n+m), x/n-y/m
		p.Along.add(min(d*d/(1/n+1/m), mostSwing*rate), rate)
	}
	p.Last, p.N, p.X = [2]float64{n, x}, 0, 0
}

// value is the dispersion, and whether enough was seen to know it.
func (s *steady) value() (phi float64, known bool) {
	phi = 1
	for i := range s.Blocks {
		phi = max(phi, s.Blocks[i].Along.value(priorBlocks))
	}
	return phi, s.Blocks[0].Along.Blocks >= leastSteady
}

// measureEvents takes in how often something happened at the baseline.
func (l *ladder) measureEvents(s slot, at sight) {
	if len(at.batch.Readings) == 0 || at.batch.Readings[s.metric][armBaseline].Told == 0 && l.Steady == nil {
		return
	}
	if l.Steady == nil {
		l.Steady = new(steady)
	}
	l.Known = true
	l.Steady.observe(at.batch.To, float64(at.batch.requests(armBaseline)), float64(at.batch.Readings[s.metric][armBaseline].N))
}

// chooseEvents picks how events are counted from here on.
func (l *ladder) chooseEvents() {
	l.Rung = rungBlocks
	if l.Steady == nil {
		return
	}
	phi, known := l.Steady.value()
	if l.Phi = phi; known {
		l.Rung = rungTempered
	}
}

// leveled compares levels, block by block.
func (s slot) leveled(at sight, own *level) evidence {
	var e evidence
	if own == nil || len(at.batch.Readings) == 0 {
		return e.neutral()
	}
	var (
		sum [arms]float64
		n   [arms]int
		of  = &at.batch.Readings[s.metric]
	)
	for side := range arms {
		sum[side], n[side] = of[side].Sum, of[side].Told
	}
	x, ok := own.observe(at.batch.To, &sum, &n, s.guardrail)
	if !ok || at.reference != nil {
		return e.neutral()
	}
	e = e.neutral()
	e.judged = true
	e.ratio = bets(x, s.guardrail.Tolerance+warmOdds*at.warm)
	return e
}

// hear keeps what people are told of signals that totals do not know.
func (b *bank) hear(s slot, at sight) {
	if s.ofMirrored() {
		b.hearMirrored(at)
		return
	}
	for side := range arms {
		h := &b.Heard[side]
		switch s.guardrail.Signal {
		case stagger.SignalRetries:
			if at.batch.Senders != nil && at.usual.Habit.Known {
				n, hits := at.batch.Senders[side].beyond(at.usual.Habit.Limit)
				h.Of += uint64(n)
				h.Hits += uint64(hits)
			}
		case stagger.SignalCount:
			if len(at.batch.Readings) > 0 {
				h.Of += uint64(at.batch.requests(side))
				h.Hits += at.batch.Readings[s.metric][side].N
			}
		default:
		}
	}
}

// measureHeard fills in what was heard of subjects or events, for people.
func (b *bank) measureHeard(f *stagger.Finding, s slot) {
	f.Tolerance = max(s.guardrail.Tolerance, 1)
	f.Baseline, f.Candidate = b.Heard[armBaseline].share(), b.Heard[armCandidate].share()
	if s.guardrail.Signal == stagger.SignalRetries {
		f.Estimate, f.Low, f.High = b.Curve.interval(alphaInterval)
		f.CandidateLow, f.CandidateHigh = b.Within.Low, b.Within.High
	} else if f.Baseline > 0 {
		f.Estimate = f.Candidate / f.Baseline
	}
	if f.Candidate == 0 && f.Baseline == 0 {
		f.Estimate = 1
	}
}

// measureLevel fills in the levels of the last block that both sides told of.
func (b *bank) measureLevel(f *stagger.Finding, s slot) {
	f.Tolerance = 1 + s.guardrail.Tolerance
	f.Baseline, f.Candidate = b.Level.Last[armBaseline], b.Level.Last[armCandidate]
	if over := max(f.Baseline, s.guardrail.Floor); over > 0 {
		f.Estimate = f.Candidate / over
	}
}

// overLimit is the slot whose level stays beyond its limit, -1 if none does.
func (j *Judge) overLimit() int {
	for i := range j.slots {
		if !j.slots[i].alerts() && j.state.Banks[i].Level.Over >= overLimit {
			return i
		}
	}
	return -1
}

// tellLimit says by how much, and for how long.
func (j *Judge) tellLimit(i int) string {
	g, l := j.slots[i].guardrail, &j.state.Banks[i].Level
	return fmt.Sprintf("%s is %s at %s, beyond its limit of %s, for %s",
		g.Metric, short(l.Newest), j.config.Candidate, short(g.Limit), time.Duration(l.Over)*gaugeBlock)
}

// tellHeard says to a person what a finding about users or events is.
func (j *Judge) tellHeard(f *stagger.Finding, b *bank, requests uint64) string {
	if f.Signal == stagger.SignalCount {
		return fmt.Sprintf("%s rises by %s a request at %s against %s at %s in the same minutes, %s candidate requests; the limit is %s times",
			f.Metric, short(f.Candidate), j.config.Candidate, short(f.Baseline), j.config.Baseline, count(requests), short(f.Tolerance))
	}
	var between phrase
	between.bounds(f, (*phrase).percent)
	return fmt.Sprintf("%s of users of %s send more than %d requests a minute against %s of those of %s%s, %s candidate users; the limit is %s times the odds",
		percent(f.Candidate), j.config.Candidate, leastOf(j.state.Usual.Habit.Limit), percent(f.Baseline), j.config.Baseline,
		string(between), count(b.Heard[armCandidate].Of), short(f.Tolerance))
}

// tellLevel says to a person what a finding about a level is.
func (j *Judge) tellLevel(f *stagger.Finding) string {
	if f.Candidate == 0 && f.Baseline == 0 {
		return fmt.Sprintf("%s: nothing was told by both versions yet", f.Metric)
	}
	return fmt.Sprintf("%s is %s at %s against %s at %s in the same %s; the limit is +%s",
		f.Metric, short(f.Candidate), j.config.Candidate, short(f.Baseline), j.config.Baseline, gaugeBlock, percent(f.Tolerance-1))
}
