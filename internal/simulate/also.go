package simulate

import (
	"cmp"
	"math"
	"time"

	"github.com/stagger-dev/stagger"
)

// also is what is different in what is measured besides answers; 0 is as usual
// everywhere.
type also struct {
	resends    float64 // factor on how often the candidate's subjects send again
	events     float64 // factor on every count, per request of the candidate
	gauge      float64 // relative increase of the candidate's gauges
	saturation float64 // and of what its requests take
	uneven     float64 // standard deviation of the logarithm of a host's levels, for good
}

// How subjects come and send when nothing is different. A subject sends three
// requests a minute on average, geometrically distributed, and each of them is
// sent again with the chance of a resend, and that one too.
const (
	fresh        = 0.1 // share of requests whose subject was never seen before
	mostArrivals = 49_152
	intended     = 3.0
	resend       = 0.2
	counted      = 0.1 // share of subjects whose requests are counted in a minute
)

// sendersFrom are the bins by how many requests each subject sent, at least.
var sendersFrom = [...]uint64{1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512}

// The rest of what is usual: how often a counted thing happens per request, and
// what gauges say. A level has a logarithm that wanders with the correlation of
// 0.7 over a quarter of a minute, besides what it differs by between hosts.
const (
	eventShare  = 0.01
	usualLevel  = 0.4
	levelSwing  = 0.1
	levelSpread = 0.05
	levelKeep   = 0.7
	levelStep   = 15 * time.Second
	readEvery   = 5 * time.Second
	usualHosts  = 20 // that are read where none are told apart
)

// extras draws what guardrails on other signals ask for.
type extras struct {
	retries bool
	counts  []string
	levels  []level
	arrived int           // so far
	waiting [arms]int     // subjects that arrived and have no request yet, by side
	minute  [arms]float64 // subjects expected since the minute began
}

// level is one gauge of every host.
type level struct {
	metric string
	more   float64 // relative increase of the candidate's
	hosts  [arms][]hostLevel
}

// hostLevel is the logarithm of a host's level, over the usual.
type hostLevel struct{ wandering, lasting float64 }

// ask makes the traffic bring what guardrails look at.
func (t *Traffic) ask(guards []stagger.Guardrail) {
	t.extras = extras{}
	for _, g := range guards {
		switch g.Signal {
		case stagger.SignalRetries:
			t.extras.retries = true
		case stagger.SignalCount:
			t.extras.counts = append(t.extras.counts, g.Metric)
		case stagger.SignalGauge:
			t.extras.levels = append(t.extras.levels, level{metric: g.Metric, more: t.model.also.gauge})
		case stagger.SignalSaturation:
			t.extras.levels = append(t.extras.levels, level{metric: g.Metric, more: t.model.also.saturation})
		case stagger.SignalErrors, stagger.SignalLatency, stagger.SignalGoodput, stagger.SignalShadow: // nothing is mirrored here
		}
	}
}

// again is the chance that a request of a version is sent again.
func (a also) again(side int) float64 {
	if side == armCandidate && a.resends > 0 {
		return resend * a.resends
	}
	return resend
}

// load is how many times as many requests the candidate gets because more of
// them are sent again.
func (a also) load() float64 { return (1 - resend) / (1 - a.again(armCandidate)) }

// add adds what guardrails ask for to a tick of length d that is about to end,
// with a share of the subjects for the candidate.
func (t *Traffic) add(d time.Duration, share float64) {
	t.arrive(d, share)
	if t.extras.retries {
		t.send(d, share)
	}
	for i := range t.sides {
		o := &t.sides[i].sealed
		for _, metric := range t.extras.counts {
			mean := eventShare * float64(o.Started)
			if i == armCandidate && t.model.also.events > 0 {
				mean *= t.model.also.events
			}
			o.Counts = append(o.Counts, stagger.Count{Metric: metric, N: uint64(poisson(t.apart, mean))})
		}
	}
	if t.clock%readEvery == 0 {
		t.read(max(d, readEvery), share)
	}
}

// arrive draws the subjects that were never seen before. The meter remembers no
// more than so many, and nobody while nobody can meet the candidate.
func (t *Traffic) arrive(d time.Duration, share float64) {
	if share <= 0 {
		return
	}
	n := min(poisson(t.apart, t.rate*d.Seconds()*fresh), mostArrivals-t.extras.arrived)
	t.extras.arrived += n
	candidate := binomial(t.apart, n, share)
	for side, came := range [arms]int{n - candidate, candidate} {
		o := &t.sides[side].sealed
		// Who arrives brings a request: more than there are wait for the next tick.
		t.extras.waiting[side] += came
		o.Arrived = min(uint64(t.extras.waiting[side]), o.Started)
		t.extras.waiting[side] -= int(o.Arrived)
	}
}

// send tells at the end of a minute how many requests subjects sent within it.
// Geometrically many requests, of which each is geometrically often sent again,
// are geometrically many.
func (t *Traffic) send(d time.Duration, share float64) {
	subjects := counted * t.rate * d.Seconds() * (1 - resend) / intended
	for i, part := range [arms]float64{1 - share, share} {
		t.extras.minute[i] += subjects * part
	}
	if t.clock%time.Minute != 0 {
		return
	}
	for i := range t.sides {
		o, more := &t.sides[i].sealed, 1-(1-t.model.also.again(i))/intended // the chance of one more request
		for k, from := range sendersFrom {
			beyond := 0.0
			if k+1 < len(sendersFrom) {
				beyond = math.Pow(more, float64(sendersFrom[k+1]-1))
			}
			n := poisson(t.apart, t.extras.minute[i]*(math.Pow(more, float64(from-1))-beyond))
			if n == 0 {
				continue
			}
			s := stagger.Senders{Requests: from}
			scatter(t.apart, uint64(n), &s.Subjects)
			o.Senders = append(o.Senders, s)
		}
	}
	t.extras.minute = [arms]float64{}
}

// read reads every gauge of every host, d after it was read last.
func (t *Traffic) read(d time.Duration, share float64) {
	hosts := t.hostsOf(cmp.Or(t.hosts, usualHosts), share)
	spread := cmp.Or(t.model.also.uneven, levelSpread)
	keep := math.Pow(levelKeep, float64(d)/float64(levelStep))
	for l := range t.extras.levels {
		level := &t.extras.levels[l]
		for i := range t.sides {
			o, usual := &t.sides[i].sealed, usualLevel
			if i == armCandidate {
				usual *= 1 + level.more
			}
			t.fleets[i].grow(hosts[i]) // for their names
			for len(level.hosts[i]) < hosts[i] {
				level.hosts[i] = append(level.hosts[i], hostLevel{levelSwing * t.apart.NormFloat64(), spread * t.apart.NormFloat64()})
			}
			for h := range hosts[i] {
				at := &level.hosts[i][h]
				at.wandering = keep*at.wandering + math.Sqrt(1-keep*keep)*levelSwing*t.apart.NormFloat64()
				o.Gauges = append(o.Gauges, stagger.Gauge{
					Metric: level.metric, Instance: t.fleets[i].sealed[h].Name, Value: usual * math.Exp(at.wandering+at.lasting),
				})
			}
		}
	}
}
