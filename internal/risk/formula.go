package risk

import (
	"math"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
	"github.com/stagger-dev/stagger/internal/judge"
)

// The rho of t = rho log(1/alpha) / (rate I): how many times the least evidence
// that any test needs the judge's median takes. It pays for not knowing the size
// of the harm, for looking at several signals, and, before a rollback, for
// erasing the two worst blocks; these come on top, since they pass before
// anything can be proved. Errors: the medians that were measured over the limit
// of sequential.InformationLimit. Latency: over that of the one quantile that
// shows the harm best.
const (
	rhoSuspectErrors   = 1.9
	rhoRollbackErrors  = 2.6
	rhoSuspectLatency  = 2.2
	rhoRollbackLatency = 2.5
	rhoHealthy         = 1.2
	erased             = 10 * time.Second
)

// divergence is Kullback and Leibler's between two yes-or-no outcomes, nats.
func divergence(p, q float64) float64 {
	term := func(p, q float64) float64 {
		if p == 0 {
			return 0
		}
		return p * math.Log(p/q)
	}
	return term(p, q) + term(1-p, 1-q)
}

// worse is the share whose odds are ratio times those of p.
func worse(p, ratio float64) float64 { return p * ratio / (1 + p*(ratio-1)) }

// information is what a request of either version tells, in nats, against
// "the candidate's odds are within ratio times the baseline's":
//
//	inf over q of  pi KL(p1 || ratio-worse q) + (1 - pi) KL(p0 || q)
//
// for shares p0 and p1 of an outcome and a share pi of traffic. For a ratio of 1
// it is the mutual information between version and outcome. It does not ask on
// which side of the ratio p1 lies.
func information(p0, p1, pi, ratio float64) float64 {
	low, high := p0, worse(p1, 1/ratio)
	if low > high {
		low, high = high, low
	}
	of := func(q float64) float64 { return pi*divergence(p1, worse(q, ratio)) + (1-pi)*divergence(p0, q) }
	// The function is convex, and its least lies between the two.
	for range 200 {
		a, b := low+(high-low)/3, high-(high-low)/3
		if of(a) < of(b) {
			high = b
		} else {
			low = a
		}
	}
	return max(of((low+high)/2), 0)
}

// harmInformation is what a request tells against "no worse than tolerated" at
// a share pi of traffic: 0 for harm that is tolerated.
func harmInformation(g stagger.Guardrail, base, harmed Baseline, pi float64) float64 {
	if g.Signal == stagger.SignalErrors {
		return errorInformation(g, base.Errors, harmed.Errors, pi)
	}
	most := 0.0
	for _, known := range quantiles {
		p0, p1 := slot(base.Latency, harmed.Latency, known.q, g.Tolerance, g.Floor)
		if p1 > p0 {
			most = max(most, information(p0, p1, pi, 1))
		}
	}
	return most
}

// errorInformation counts what is against the ratio and against the floor: the
// judge needs both.
func errorInformation(g stagger.Guardrail, p0, p1, pi float64) float64 {
	ratio := max(g.Tolerance, 1)
	if p1 <= worse(p0, ratio) || p1 <= g.Floor {
		return 0
	}
	return min(information(p0, p1, pi, ratio), pi*divergence(p1, max(g.Floor, 1e-9)))
}

// slot is the share of requests that took longer than the baseline usually
// does at the quantile q; the candidate's limit lies further by a relative
// increase, and at least floor seconds.
func slot(base, candidate Curve, q, increase, floor float64) (p0, p1 float64) {
	if base == nil {
		return 0, 0
	}
	at := base.quantile(q)
	limit := max(at+histogram.Steps(increase), indexOf(histogram.Upper(at)+floor))
	if floor <= 0 {
		limit = at + histogram.Steps(increase)
	}
	return base.beyond(at), candidate.beyond(limit)
}

func indexOf(seconds float64) int32 {
	return histogram.Index(time.Duration(seconds * float64(time.Second)))
}

// healthInformation is what a request of a candidate as good as the baseline
// tells against "worse by the healthy margin": that of the signal and quantile
// which tells least. It is infinite when nothing has to be shown.
func healthInformation(gs []stagger.Guardrail, base Baseline, pi float64) float64 {
	least := math.Inf(1)
	for _, g := range gs {
		switch g.Signal {
		case stagger.SignalErrors:
			capped := 0.0
			if base.Errors < g.Healthy {
				capped = pi * divergence(base.Errors, g.Healthy)
			}
			least = min(least, max(capped, information(base.Errors, base.Errors, pi, judge.HealthyOdds)))
		case stagger.SignalLatency:
			for _, q := range []float64{0.5, 0.95, 0.99} {
				p0, p1 := slot(base.Latency, base.Latency, q, g.Healthy, g.Floor)
				least = min(least, information(p0, p1, pi, 1))
			}
		case stagger.SignalGoodput: // nothing is known of what never ends
		case stagger.SignalRetries, stagger.SignalCount, stagger.SignalGauge, stagger.SignalSaturation, stagger.SignalShadow: // nor of these beforehand
		}
	}
	return least
}

// Expected is the median of a time by formula, 0 for never.
type Expected struct {
	Suspect  time.Duration
	Rollback time.Duration
}

// suspicion and proof are how the times spread.
func (e Expected) suspicion(g stagger.Guardrail) passage {
	suspect, _ := rhos(g)
	return passageOf(e.Suspect, 0, suspect*math.Log(1/judge.AlphaSuspect))
}

func (e Expected) proof(g stagger.Guardrail) passage {
	_, rollback := rhos(g)
	return passageOf(e.Rollback, erased, rollback*math.Log(1/g.Alpha))
}

func rhos(g stagger.Guardrail) (suspect, rollback float64) {
	if g.Signal == stagger.SignalLatency {
		return rhoSuspectLatency, rhoRollbackLatency
	}
	return rhoSuspectErrors, rhoRollbackErrors
}

// expect says how long a harm takes at a rate of requests per second of both
// versions.
func expect(g stagger.Guardrail, base, harmed Baseline, pi, rate float64) Expected {
	rhoSuspect, rhoRollback := rhos(g)
	i := harmInformation(g, base, harmed, pi)
	e := Expected{
		Suspect:  after(rhoSuspect*math.Log(1/judge.AlphaSuspect), rate*i),
		Rollback: after(rhoRollback*math.Log(1/g.Alpha), rate*i),
	}
	if e.Rollback > 0 {
		e.Rollback += erased
	}
	return e
}

// longest is the longest time that is told; more is never.
const longest = 10 * 365 * 24 * time.Hour

// after is how long it takes to gather so many nats at a speed per second; 0 for
// never.
func after(nats, speed float64) time.Duration {
	seconds := nats / speed
	if !(seconds < longest.Seconds()) {
		return 0
	}
	return time.Duration(seconds * float64(time.Second))
}
