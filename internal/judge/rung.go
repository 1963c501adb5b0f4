package judge

import (
	"math"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
	"github.com/stagger-dev/stagger/internal/sequential"
)

// rung is how evidence is counted, by how far requests depend on each other.
// What each assumes is in docs/how-it-decides.md.
type rung int

const (
	rungPlain    rung = iota // requests are independent within a batch
	rungUsers                // subjects are: each failure counts once per subject
	rungBlocks               // bursts end within a minute: one vote per minute
	rungTempered             // clumps are bounded by the dispersion: evidence is shrunk by it
)

var rungNames = [...]string{"plain", "users", "blocks", "tempered"}

// A rung is climbed above the one dispersion and left below the other. The
// exponent of tempered evidence has a margin for what was not measured.
const (
	climbAbove     = 1.3
	descendBelow   = 1.1
	temperMargin   = 1.25
	temperedMost   = 0.5 // the largest tilt that tempered evidence uses
	fewPerMinute   = 20  // candidate outcomes below which votes do better
	voteLength     = time.Minute
	leastExponent  = 0.01
	forcedExponent = 2 // by how much the placebo's alarm adds to the dispersion
)

// ladder is where one slot stands.
type ladder struct {
	Rung     rung        `json:"rung"`
	Least    rung        `json:"least,omitempty"` // below which it must not go: the placebo alarmed
	Phi      float64     `json:"phi"`             // the dispersion used
	Forced   float64     `json:"forced,omitempty"`
	Requests dispersion  `json:"requests"`           // of all outcomes
	Subjects *dispersion `json:"subjects,omitempty"` // of outcomes counted once per subject; of failures alone
	Hosts    *unlike     `json:"hosts,omitempty"`    // of outcomes by host, where there are several
	Steady   *steady     `json:"steady,omitempty"`   // of events
	Known    bool        `json:"known,omitempty"`
	Vote     vote        `json:"vote"`
}

func newLadder(s slot) ladder {
	l := ladder{
		Phi: 1, Requests: dispersion{Swings: s.guardrail.Signal == stagger.SignalLatency},
		Vote: vote{Metric: s.guardrail.Metric != ""},
	}
	if s.guardrail.Signal == stagger.SignalErrors {
		l.Subjects = new(dispersion)
	}
	return l
}

// measure takes in how the groups and the hosts of the baseline fared.
func (l *ladder) measure(s slot, at sight) {
	switch s.guardrail.Signal {
	case stagger.SignalErrors, stagger.SignalGoodput, stagger.SignalLatency:
		l.measureGroups(s, at)
		l.measureHosts(s, at)
	case stagger.SignalRetries:
		l.measureSenders(at)
	case stagger.SignalCount:
		l.measureEvents(s, at)
	default: // levels need no such thing
	}
}

func (l *ladder) measureGroups(s slot, at sight) {
	var n, x, y [stagger.Groups]float64
	if !at.batch.groups(func(g int, a *arm) {
		n[g] += float64(a.Requests)
		x[g] += float64(s.met(a, at.usual))
		y[g] += float64(a.First)
	}) {
		return
	}
	l.Known = true
	l.Requests.observe(at.batch.To, &n, &x)
	if l.Subjects != nil {
		l.Subjects.observe(at.batch.To, &n, &y)
	}
}

// met counts the outcomes of a group: failures, or requests that surely took
// longer than usual.
func (s slot) met(a *arm, usual *usual) int {
	switch s.guardrail.Signal {
	case stagger.SignalErrors:
		return a.Failed
	case stagger.SignalGoodput:
		return a.Unfinished
	default:
	}
	if !usual.Known[s.quantile] {
		return 0
	}
	// A coarse bucket reaches down to the edge of the next lower one.
	return int(histogram.Above(a.Latency, usual.Thresholds[s.quantile]+stagger.GroupSteps-1)) + a.Unfinished
}

// choose picks the rung for the next batch, from batches before it. It says
// whether it climbed: evidence gathered under an assumption that failed is void.
func (l *ladder) choose(s slot, perMinute, load float64) (climbed bool) {
	if s.guardrail.Signal == stagger.SignalCount {
		l.chooseEvents()
		return false
	}
	if !l.Known {
		return false
	}
	before := l.Rung
	groups, hosts := l.Requests.value(), l.hostsPhi(load)
	l.Rung = max(l.pick(s, groups, hosts, perMinute), l.Least)
	l.Phi = max(groups, hosts, 1) + l.Forced
	return l.Rung > before
}

func (l *ladder) pick(s slot, groups, hosts, perMinute float64) rung {
	limit := climbAbove
	if l.Rung != rungPlain {
		limit = descendBelow
	}
	switch {
	case max(groups, hosts) <= limit:
		return rungPlain
	case s.guardrail.Signal != stagger.SignalErrors || l.Subjects == nil:
		return rungTempered
	case hosts <= limit && l.Subjects.value() <= limit:
		return rungUsers
	case perMinute < fewPerMinute:
		return rungBlocks
	default:
		return rungTempered
	}
}

// force makes the slot climb one rung for good: its assumption was seen to
// fail. At the top the evidence is shrunk further.
func (l *ladder) force(s slot) {
	switch {
	case s.guardrail.Signal != stagger.SignalErrors, l.Rung >= rungBlocks:
		l.Forced += forcedExponent
		l.Least = rungTempered
	default:
		l.Least = l.Rung + 1
	}
	l.Rung = max(l.Rung, l.Least)
}

// exponent is what tempered evidence is raised to.
func (l *ladder) exponent() float64 {
	if l.Rung != rungTempered {
		return 1
	}
	return max(1/(temperMargin*l.Phi), leastExponent)
}

// temper raises evidence to a power of at most 1, and leaves out the bold bets.
func (e *evidence) temper(power float64) {
	if power >= 1 {
		return
	}
	e.power = power
	for i, tilt := range sequential.Tilts {
		if tilt > temperedMost {
			e.ratio[i], e.floor[i] = 1, 1
			continue
		}
		e.ratio[i], e.floor[i] = math.Pow(e.ratio[i], power), math.Pow(e.floor[i], power)
	}
	for i := range e.healthyRatio {
		e.healthyRatio[i] *= power
		e.healthyCap[i] *= power
	}
}

// The stakes of votes against and for the candidate.
var (
	stakes        = [len(sequential.Tilts)]float64{0.0125, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8}
	healthyStakes = [len(sequential.HealthyTilts)]float64{0.1, 0.2, 0.4, 0.8}
)

// vote gathers a minute of failures, which together have one voice: however
// they depend on each other, the mean of their e-values is one.
type vote struct {
	Number   int64     `json:"number"` // of the minute, since the epoch
	Requests [arms]int `json:"requests"`
	Failed   [arms]int `json:"failed"`
	// Told is how many reports there were, if it is about a Metric: without any
	// it is not known that nothing happened.
	Metric bool      `json:"metric,omitempty"`
	Told   [arms]int `json:"told"`
}

// silent says whether a side has told nothing of the metric.
func (v *vote) silent() bool {
	return v.Metric && (v.Told[armBaseline] == 0 || v.Told[armCandidate] == 0)
}

// observe takes in what both sides met in a batch, and returns what weigh makes
// of the block of length span when that is over.
func (v *vote) observe(b *batch, span time.Duration, n, hits [arms]int, weigh func(*vote) evidence) evidence {
	var e evidence
	e = e.neutral()
	if number := b.To.UnixNano() / int64(span); number != v.Number {
		if v.Number != 0 {
			e = weigh(v)
		}
		*v = vote{Number: number, Metric: v.Metric}
	}
	for side := range v.Requests {
		v.Requests[side] += n[side]
		v.Failed[side] += hits[side]
	}
	return e
}

// cast weighs the minute. There is no vote against the candidate from requests
// of one side only.
func (v *vote) cast(g stagger.Guardrail) evidence {
	var e evidence
	e = e.neutral()
	e.judged = true
	k, n := v.Failed[armCandidate], v.Requests[armCandidate]
	x := k + v.Failed[armBaseline]
	if n == 0 || v.Requests[armBaseline] == 0 || v.silent() {
		return e
	}
	q := float64(n) / float64(n+v.Requests[armBaseline])
	for i, stake := range stakes {
		e.ratio[i] = math.Exp(sequential.BlockVoteLogE(k, x, q, math.Log(max(g.Tolerance, 1)), stake))
		e.floor[i] = 1 - stake + stake*float64(k)/(float64(n)*max(g.Floor, 1e-9))
	}
	for i, stake := range healthyStakes {
		e.healthyRatio[i] = sequential.BlockVoteLogE(x-k, x, 1-q, -math.Log(HealthyOdds), stake)
	}
	return e
}
