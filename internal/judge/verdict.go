package judge

import (
	"fmt"
	"math"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
)

// alphaInterval is the level of the intervals that people see.
const alphaInterval = 0.05

// Verdict says what the evidence says at a time. A proof stays proved; without
// one, missing telemetry makes it blind.
func (j *Judge) Verdict(at time.Time) stagger.Verdict {
	if j.state.Regressed != nil {
		v := *j.state.Regressed
		v.At = at
		return v
	}
	if j.cached == nil {
		v := j.display(at)
		j.decide(&v)
		j.cached = &v
	}
	v := *j.cached
	v.At = at
	if silent := j.state.silent(at); silent > j.config.BlindAfter {
		v.Outcome, v.Signal = stagger.OutcomeBlind, ""
		v.Sentence = fmt.Sprintf("no measurement has arrived for %s", silent.Round(time.Second))
		if j.state.Refused != "" {
			v.Sentence = fmt.Sprintf("no measurement that can be true has arrived for %s: %s", silent.Round(time.Second), j.state.Refused)
		}
	}
	if j.state.LastTick.Sub(at) > mostFuture {
		j.state.LastTick = at // whose clock was wrong must not silence what comes
	}
	return v
}

// decide fills in what the evidence asks for while nothing is proved.
func (j *Judge) decide(v *stagger.Verdict) {
	v.Outcome, v.Advice = stagger.OutcomeInconclusive, stagger.AdviseNothing
	s := j.state.Suspicion
	switch {
	case s.Shed:
		v.Advice, v.Signal = stagger.AdviseShed, stagger.SignalErrors
		v.Sentence = j.sentence(j.errorsSlot()) + certainty(alphaShed)
	case s.Held:
		v.Advice = stagger.AdviseHold
		v.Signal, v.Sentence = j.blame(j.holding)
		v.Sentence += certainty(AlphaSuspect)
	case j.state.Split.Broken != nil:
		v.Advice, v.Sentence = stagger.AdviseHold, j.state.Split.tell(j.config.Candidate)
	case j.overLimit() >= 0:
		v.Advice, v.Signal = stagger.AdviseHold, j.slots[j.overLimit()].guardrail.Signal
		v.Sentence = j.tellLimit(j.overLimit())
	case len(j.state.Past.Slots) > 0:
		v.Advice = stagger.AdviseHold
		v.Signal, v.Sentence = j.worsened("itself is worse than before the rollout")
		v.Sentence += "; what both versions share may be suffering"
	case v.Candidate.Stage == 0 && v.Mirrored == 0:
		v.Sentence = fmt.Sprintf("no request has met %s in this stage yet", j.config.Candidate)
	default:
		j.decideHealth(v)
	}
	if v.Uncertified = j.uncertified(); v.Uncertified != "" {
		v.Sentence += "; " + v.Uncertified
	}
	if v.Advice == stagger.AdviseNothing && j.alarmed() {
		v.Advice = stagger.AdviseAlert
		v.Signal, v.Sentence = j.blame(j.alerting)
	}
}

// decideHealth tells a healthy stage from one with too little evidence.
func (j *Judge) decideHealth(v *stagger.Verdict) {
	missing, least := j.leastHealthy()
	if why := j.wanting(); why != "" {
		v.Sentence = why
		return
	}
	p := &j.phrase
	*p = (*p)[:0]
	if missing < 0 || least >= math.Log(1/AlphaHealthy) {
		v.Outcome = stagger.OutcomeHealthy
		j.praise(v)
	} else {
		requests := v.Candidate.Stage
		if j.slots[missing].ofMirrored() {
			requests = v.Mirrored
		}
		p.add("no sign of harm; ")
		p.lacking(j.slots[missing], least, requests)
	}
	v.Sentence = string(*p)
}

// praise says what makes a stage healthy.
func (j *Judge) praise(v *stagger.Verdict) {
	p := &j.phrase
	if v.Candidate.Stage == 0 {
		p.add(j.config.Candidate, " answers as ", j.config.Baseline, " does, on ")
		p.count(v.Mirrored)
		p.add(" mirrored requests of this stage")
		return
	}
	p.add(j.config.Candidate, " is as good as ", j.config.Baseline, " within the margins, on ")
	p.count(v.Candidate.Stage)
	p.add(" requests of this stage")
	if v.Mirrored > 0 {
		p.add(" and ")
		p.count(v.Mirrored)
		p.add(" mirrored ones")
	}
}

// leastHealthy is the slot that lacks most before the stage is healthy, and its
// evidence; -1 if none is needed.
func (j *Judge) leastHealthy() (slot int, evidence float64) {
	slot, evidence = -1, math.Inf(1)
	for i := range j.slots {
		if l := j.state.Banks[i].Healthy.log(); j.gates(i) && l < evidence {
			slot, evidence = i, l
		}
	}
	return slot, evidence
}

// lacking says what is still missing before a stage is healthy.
func (p *phrase) lacking(s slot, evidence float64, requests uint64) {
	if more := outstanding(evidence, requests); more == 0 {
		p.add("too few requests yet to exclude ")
	} else {
		p.add("about ")
		p.count(more)
		p.add(" more requests needed to exclude ")
	}
	switch {
	case s.name != "":
		p.add("+")
		p.margin(s.guardrail.Healthy)
		p.add(" at ", s.name)
	case s.guardrail.Signal == stagger.SignalGoodput:
		p.margin(s.guardrail.Healthy)
		p.add(" of requests without an answer in time")
	case s.ofMirrored():
		p.add("that ")
		p.margin(s.guardrail.Healthy)
		p.add(" of mirrored requests are answered otherwise")
	default:
		p.add("failures of ")
		p.margin(s.guardrail.Healthy)
	}
}

// display is the verdict without its decision: samples and findings.
func (j *Judge) display(at time.Time) stagger.Verdict {
	v := stagger.Verdict{
		At:        at,
		Baseline:  j.state.Totals.Arms[armBaseline].sample(),
		Candidate: j.state.Totals.Arms[armCandidate].sample(),
		Mirrored:  j.mirrored(),
	}
	if len(j.slots) > 0 {
		v.Findings = make([]stagger.Finding, len(j.slots))
	}
	for i := range j.slots {
		v.Findings[i] = j.finding(i)
	}
	v.Ledger = j.ledger()
	return v
}

// finding is what slot i sees.
func (j *Judge) finding(i int) stagger.Finding {
	s, b := j.slots[i], &j.state.Banks[i]
	f := stagger.Finding{
		Signal: s.guardrail.Signal, Slot: s.name, Metric: s.guardrail.Metric, Action: s.guardrail.Action, Outcome: stagger.OutcomeInconclusive,
		Estimate: 1, Route: b.Excess.worst(),
		Suspect:  progress(b.Suspect.value(), 1/(s.weight.suspicion*AlphaSuspect)),
		Rollback: progress(b.Rollback.value(), 1/(s.weight.proof*s.guardrail.Alpha)),
		Healthy:  min(max(b.Healthy.log()/math.Log(1/AlphaHealthy), 0), 1),
		Rung:     rungNames[b.Ladder.Rung], Dispersion: b.Ladder.Phi,
	}
	if !b.Ladder.Known {
		f.Rung, f.Dispersion = "", 0
	}
	switch s.guardrail.Signal {
	case stagger.SignalLatency:
		j.measureLatency(&f, s)
	case stagger.SignalRetries, stagger.SignalCount:
		b.measureHeard(&f, s)
	case stagger.SignalSaturation, stagger.SignalGauge:
		b.measureLevel(&f, s)
	case stagger.SignalShadow:
		b.measureMirrored(&f, s)
	default:
		j.measureShare(&f, s, b)
	}
	switch {
	case f.Rollback >= 1:
		f.Outcome = stagger.OutcomeRegressed
	case f.Healthy >= 1 && f.Suspect < 1:
		f.Outcome = stagger.OutcomeHealthy
	}
	f.Sentence = j.tell(&f, b)
	return f
}

// progress is how far evidence e is on its way to what is needed.
func progress(e, needed float64) float64 {
	if e <= 1 || math.IsNaN(e) {
		return 0
	}
	return min(math.Log(e)/math.Log(needed), 1)
}

func (j *Judge) measureShare(f *stagger.Finding, s slot, b *bank) {
	f.Tolerance = max(s.guardrail.Tolerance, 1)
	f.Baseline = j.state.Totals.Arms[armBaseline].share(f.Signal)
	f.Candidate = j.state.Totals.Arms[armCandidate].share(f.Signal)
	f.Estimate, f.Low, f.High = b.Curve.interval(alphaInterval)
	f.CandidateLow, f.CandidateHigh = b.Within.Low, b.Within.High
	if f.Candidate == 0 && f.Baseline == 0 {
		f.Estimate = 1
	}
}

func (j *Judge) measureLatency(f *stagger.Finding, s slot) {
	f.Tolerance = 1 + s.guardrail.Tolerance
	// Half of the level for each arm: the ratio holds when both do.
	base, ok := j.state.Totals.Arms[armBaseline].quantile(s.quantile, alphaInterval/2, f.Dispersion)
	candidate, also := j.state.Totals.Arms[armCandidate].quantile(s.quantile, alphaInterval/2, f.Dispersion)
	if ok {
		f.Baseline = base.at
	} else {
		f.Baseline = j.state.Usual.level(s.quantile)
	}
	if !ok || !also {
		return
	}
	f.Candidate, f.CandidateLow, f.CandidateHigh = candidate.at, candidate.low, candidate.high
	f.Estimate = candidate.at / base.at
	f.Low = candidate.low / base.high
	f.High = candidate.high / base.low
	if candidate.high >= histogram.Upper(histogram.MaxIndex) {
		f.High, f.CandidateHigh = 0, 0 // unbounded
	}
}
