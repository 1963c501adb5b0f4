package judge

import (
	"fmt"
	"math"
	"strings"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
	"github.com/stagger-dev/stagger/internal/sequential"
)

// HealthyOdds is the odds ratio of failures that a healthy stage must exclude.
const HealthyOdds = 2

// slot is one yes-or-no question about every request: did it fail, or did it
// take longer than the baseline usually does at one quantile.
type slot struct {
	guardrail stagger.Guardrail
	name      string // of the quantile; empty for errors
	quantile  int    // index into quantiles
	metric    int    // index into the metrics that guardrails name
	weight    weights
	gates     bool // whether a stage needs its healthy evidence
}

// slotsOf lists the questions that the guardrails ask.
func slotsOf(guardrails []stagger.Guardrail) []slot {
	var slots []slot
	for _, g := range guardrails {
		switch g.Signal {
		case stagger.SignalErrors:
			slots = append(slots, slot{guardrail: g, gates: true})
		case stagger.SignalGoodput:
			slots = append(slots, slot{guardrail: g, gates: true})
		case stagger.SignalLatency:
			for i, q := range quantiles {
				slots = append(slots, slot{
					guardrail: g, quantile: i, gates: q == 0.5 || q == 0.95 || q == 0.99,
					name: "p" + strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.1f", 100*q), "0"), "."),
				})
			}
		case stagger.SignalRetries, stagger.SignalSaturation, stagger.SignalCount, stagger.SignalGauge, stagger.SignalShadow:
			slots = append(slots, slot{guardrail: g})
		}
	}
	return slots
}

// evidence is what one batch says about one slot: e-values of harm, by tilt,
// and the logarithms of e-values of health.
type evidence struct {
	ratio, floor             [len(sequential.Tilts)]float64
	healthyRatio, healthyCap [len(sequential.HealthyTilts)]float64
	curve                    []sequential.Table // for the interval of the odds ratio
	power                    float64            // that it was raised to
	judged                   bool
}

// sight is what a slot may look at.
type sight struct {
	batch     *batch
	usual     *usual
	reference *reference
	warm      float64 // what is left of the allowance for a candidate that has just started
	harmOnly  bool    // nobody asks for evidence of health
}

// sight is what slots may look at in a batch.
func (j *Judge) sight(b *batch) sight {
	return sight{
		batch: b, usual: &j.state.Usual, reference: j.state.Reference,
		warm: j.state.Youth.left(b.From, j.config.WarmUp),
	}
}

// tolerated is the ratio that the candidate may reach now.
func (s slot) tolerated(at sight) float64 {
	return max(s.guardrail.Tolerance, 1) + warmOdds*at.warm
}

// evidence is what the batch says, counted as the rung of l has it. A level
// that is gathered by block gathers in own.
func (s slot) evidence(at sight, l *ladder, own *level) evidence {
	var e evidence
	switch s.guardrail.Signal {
	case stagger.SignalLatency:
		e = s.latency(at)
	case stagger.SignalRetries:
		e = s.sent(at)
	case stagger.SignalShadow:
		e = s.mirrored(at)
	case stagger.SignalCount:
		e = s.happened(at, l)
	case stagger.SignalSaturation, stagger.SignalGauge:
		e = s.leveled(at, own)
	default:
		e = s.failed(at, l)
	}
	e.power = 1
	e.temper(l.exponent())
	return e
}

// failed compares failures, or what counts as such.
func (s slot) failed(at sight, l *ladder) evidence {
	if l.Rung != rungBlocks || at.reference != nil {
		return s.counted(at, s.counter(l.Rung))
	}
	var n, hits [arms]int
	for side := range arms {
		n[side], hits[side] = s.counter(rungPlain)(at.batch.whole(side))
	}
	return l.Vote.observe(at.batch, voteLength, n, hits, func(v *vote) evidence { return v.cast(s.guardrail) })
}

// counter counts, of one side, the requests and what is bad about them.
type counter func(a *arm) (n, hits int)

// counter returns what the slot counts on a rung.
func (s slot) counter(r rung) counter {
	switch {
	case s.guardrail.Signal == stagger.SignalGoodput:
		return func(a *arm) (n, hits int) { return a.Started, a.lost() }
	case r == rungUsers:
		return func(a *arm) (n, hits int) { return a.Requests, a.First }
	default:
		return func(a *arm) (n, hits int) { return a.Requests, a.Failed }
	}
}

// counted compares counts of what is bad: by ratio with the concurrent
// baseline, and with the floor below which it does not matter.
func (s slot) counted(at sight, count counter) evidence {
	var (
		g    = s.guardrail
		e    = evidence{judged: true}
		null = math.Log(s.tolerated(at))
		n, k = count(at.batch.whole(armCandidate))
	)
	var ratio, healthy logs
	switch at.reference {
	case nil:
		e.curve = tables(at.batch, func(a *arm, _ int) (n, hits int) { return count(a) })
		ratio = conditional(e.curve, null, sequential.Tilts[:], +1)
		if at.harmOnly {
			break
		}
		healthy = conditional(e.curve, math.Log(HealthyOdds), sequential.HealthyTilts[:], -1)
	default:
		ratio = oneSample(k, n, worse(at.reference.share(g.Signal), s.tolerated(at)), sequential.Tilts[:], +1)
	}
	exp(&e.ratio, ratio)
	exp(&e.floor, oneSample(k, n, g.Floor, sequential.Tilts[:], +1))
	if at.harmOnly {
		return e
	}
	keep(&e.healthyRatio, healthy)
	keep(&e.healthyCap, oneSample(k, n, g.Healthy, sequential.HealthyTilts[:], -1))
	return e
}

// worse is the share whose odds are ratio times those of p, and p at least.
func worse(p, ratio float64) float64 { return times(p, max(ratio, 1)) }

// times is the share whose odds are ratio times those of p.
func times(p, ratio float64) float64 {
	if p >= 1 {
		return 1
	}
	odds := p / (1 - p) * ratio
	return odds / (1 + odds)
}

// latency compares how many requests took longer than the baseline usually does.
func (s slot) latency(at sight) evidence {
	var e evidence
	if !at.usual.Known[s.quantile] {
		return e.neutral()
	}
	e.judged = true
	shift := histogram.Steps(s.guardrail.Tolerance) + int32(math.Round(warmBuckets*at.warm))
	base, limit := at.usual.threshold(s.quantile, shift, s.guardrail.Floor, at.batch.Age)
	healthyBase, margin := at.usual.threshold(s.quantile, histogram.Steps(s.guardrail.Healthy), s.guardrail.Floor, at.batch.Age)
	if at.reference != nil {
		c := at.batch.whole(armCandidate)
		exp(&e.ratio, oneSample(c.beyond(limit), c.timed(), at.reference.Slow[s.quantile].Most, sequential.Tilts[:], +1))
		keep(&e.healthyRatio, oneSample(c.beyond(margin), c.timed(), at.reference.Slow[s.quantile].Least, sequential.HealthyTilts[:], -1))
		return e
	}
	exp(&e.ratio, conditional(exceeding(at.batch, base, limit), 0, sequential.Tilts[:], +1))
	if at.harmOnly {
		return e
	}
	keep(&e.healthyRatio, conditional(exceeding(at.batch, healthyBase, margin), 0, sequential.HealthyTilts[:], -1))
	// A candidate of which fewer requests than the quantile leaves lie beyond
	// the margin has that quantile within it, whatever the baseline does now:
	// the only evidence where the baseline always takes the same time.
	c := at.batch.whole(armCandidate)
	keep(&e.healthyCap, oneSample(c.beyond(margin), c.timed(), 1-quantiles[s.quantile], sequential.HealthyTilts[:], -1))
	return e
}

// neutral is no evidence either way.
func (e evidence) neutral() evidence {
	for i := range e.ratio {
		e.ratio[i], e.floor[i] = 1, 1
	}
	return e
}

// exceeding makes tables of requests beyond the limit of their side.
func exceeding(b *batch, base, candidate int32) []sequential.Table {
	return tables(b, func(a *arm, side int) (n, hits int) {
		if side == armCandidate {
			return a.timed(), a.beyond(candidate)
		}
		return a.timed(), a.beyond(base)
	})
}

// tables makes one table per stratum from what count sees on each side. They
// last until the next call.
func tables(b *batch, count func(a *arm, side int) (n, hits int)) []sequential.Table {
	b.tables = b.tables[:0]
	for i := range b.Strata {
		both := &b.Strata[i].Arms
		n, x := count(&both[armBaseline], armBaseline)
		m, k := count(&both[armCandidate], armCandidate)
		t := sequential.Table{Total: n + m, Candidate: m, Outcomes: x + k, Hits: k}
		if !t.Empty() {
			b.tables = append(b.tables, t)
		}
	}
	return b.tables
}

// logs are logarithms of e-values, by tilt: the first of them, where there are
// fewer tilts.
type logs [len(sequential.Tilts)]float64

// conditional multiplies the conditional e-values of all strata.
func conditional(ts []sequential.Table, null float64, tilts []float64, sign float64) logs {
	var out logs
	for _, t := range ts {
		out.multiply(t, null, tilts, sign)
	}
	return out
}

// multiply multiplies the conditional e-values of a table in.
func (l *logs) multiply(t sequential.Table, null float64, tilts []float64, sign float64) {
	m := t.Moments()
	atNull := m.Log(null)
	for i, tilt := range tilts {
		l[i] += float64(t.Hits)*sign*tilt + atNull - m.Log(null+sign*tilt)
	}
}

// oneSample tests k hits of n against a share of p.
func oneSample(k, n int, p float64, tilts []float64, sign float64) logs {
	var out logs
	if n == 0 || p >= 1 && sign > 0 || p <= 0 && sign < 0 {
		return out
	}
	p = max(p, 1e-9)
	for i, tilt := range tilts {
		out[i] = sequential.TiltLogE(k, n, p, sign*tilt)
	}
	return out
}

func exp(out *[len(sequential.Tilts)]float64, l logs) {
	for i, v := range l {
		out[i] = math.Exp(min(v, 500))
	}
}

// keep keeps the logarithms of the healthy tilts.
func keep(out *[len(sequential.HealthyTilts)]float64, l logs) { copy(out[:], l[:]) }
