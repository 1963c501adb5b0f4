package simulate

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stagger-dev/stagger"
)

// Answer is how a version answers at one moment.
type Answer struct {
	Errors float64 // share of requests that fail
	Slow   float64 // factor on every latency; 1 is as usual
	// Tail is how much longer the slowest requests take: nothing up to p95, then
	// more and more up to this relative increase at p99 and beyond.
	Tail float64
}

// usually is how a version answers that is well.
var usually = Answer{Errors: 0.001, Slow: 1}

// Truth is what a model's candidate is, and so what an alarm means.
type Truth string

// The truths.
const (
	TruthAlike Truth = "alike" // every alarm is false
	TruthHarm  Truth = "harm"  // an alarm is a find, and its delay counts from Onset
	TruthBlip  Truth = "blip"  // to hold is right, to roll back is not
	TruthSplit Truth = "split" // the traffic is not split as it should be; the versions are alike
)

// Moment is where a model is in its life.
type Moment struct {
	At     time.Duration // since the candidate met its first request
	Length time.Duration // of the whole life
}

// part is how much of the life has passed, 0 to 1.
func (m Moment) part() float64 { return float64(m.At) / float64(m.Length) }

// Model says how two versions answer over time. Sizes and units are those of
// its Summary.
type Model struct {
	Name    string
	Summary string
	Truth   Truth
	Onset   time.Duration // when harm begins
	// Climbs says that the candidate's share climbs through the stages.
	Climbs bool
	// Skew is the real share of the candidate over the one that was asked for; 0
	// is 1.
	Skew float64

	baseline, candidate func(Moment) Answer
	bursts              bursts
	pods                pods
	also                also
	needs               stagger.Signal // of a guardrail, without which nothing is different
}

// answers returns how both versions answer at a moment.
func (m *Model) answers(at Moment) (baseline, candidate Answer) {
	baseline, candidate = usually, usually
	if m.baseline != nil {
		baseline, candidate = m.baseline(at), m.baseline(at)
	}
	if m.candidate != nil {
		candidate = m.candidate(at)
	}
	return baseline, candidate
}

// maker makes a model of a size.
type maker struct {
	name    string
	size    float64 // the usual one
	least   float64
	most    float64
	summary string // with %s for the size
	percent bool   // the size is a share and shown as such
	make    func(size float64) Model
}

// The models, in the order in which people are told of them.
var makers = []maker{
	{name: "healthy", summary: "both versions alike", make: func(float64) Model { return Model{Truth: TruthAlike} }},
	{
		name: "odds", size: 1.5, least: 1, most: 1000, summary: "the candidate's odds of failure are %s times the baseline's; harm only to a guardrail of less",
		make: func(v float64) Model {
			return Model{Truth: TruthAlike, candidate: always(Answer{Errors: odds(usually.Errors, v), Slow: 1})}
		},
	},
	{
		name: "errors", size: 0.01, least: 0, most: 1, percent: true, summary: "%s of the candidate's requests fail, 0.1% of the baseline's",
		make: func(v float64) Model { return Model{Truth: TruthHarm, candidate: always(Answer{Errors: v, Slow: 1})} },
	},
	{
		name: "p50", size: 0.1, least: 0, most: 100, percent: true, summary: "every request of the candidate takes %s longer",
		make: func(v float64) Model { return Model{Truth: TruthHarm, candidate: always(slower(v))} },
	},
	{
		name: "p99", size: 0.5, least: 0, most: 100, percent: true, summary: "the slowest requests of the candidate take longer, at p99 by %s; p50 to p95 are unchanged",
		make: func(v float64) Model { return Model{Truth: TruthHarm, candidate: always(tailed(v))} },
	},
	{
		name: "intermittent", size: 0.05, least: 0, most: 1, percent: true, summary: "%s of the candidate's requests fail in ten seconds of each minute",
		make: func(v float64) Model {
			return Model{Truth: TruthHarm, candidate: tenSeconds(Answer{Errors: v, Slow: 1})}
		},
	},
	{
		name: "intermittent-p99", size: 2, least: 0, most: 100, percent: true, summary: "p99 of the candidate is longer by %s in ten seconds of each minute",
		make: func(v float64) Model { return Model{Truth: TruthHarm, candidate: tenSeconds(tailed(v))} },
	},
	{
		name: "late", size: 0.01, least: 0, most: 1, percent: true, summary: "%s of the candidate's requests fail from minute 30 on",
		make: func(v float64) Model {
			return Model{Truth: TruthHarm, Onset: late, candidate: during(late, math.MaxInt64, Answer{Errors: v, Slow: 1})}
		},
	},
	{
		name: "late-p99", size: 0.5, least: 0, most: 100, percent: true, summary: "p99 of the candidate is longer by %s from minute 30 on",
		make: func(v float64) Model {
			return Model{Truth: TruthHarm, Onset: late, candidate: during(late, math.MaxInt64, tailed(v))}
		},
	},
	{
		name: "blip", size: 5, least: 1, most: 10, summary: "half of the candidate's requests fail for %s s in minute 5, then none more than usual",
		make: func(v float64) Model { return blip(v, TruthBlip) },
	},
	{
		name: "burst", size: 20, least: 1, most: 3600, summary: "half of the candidate's requests fail for %s s in minute 5: too long for a blip",
		make: func(v float64) Model { return blip(v, TruthHarm) },
	},
	{name: "ramp", summary: "both alike, and the share climbs through the stages", make: func(float64) Model { return Model{Truth: TruthAlike, Climbs: true} }},
	{
		name: "jump", size: 10, least: 0, most: 900, summary: "ramp, and from half-way on both versions fail %s times as often",
		make: func(v float64) Model { return Model{Truth: TruthAlike, Climbs: true, baseline: jump(v)} },
	},
	{
		name: "diurnal", size: 0.01, least: 0, most: 1, percent: true, summary: "ramp, and both versions' failures swing between 0.05% and %s, once an hour",
		make: func(v float64) Model { return Model{Truth: TruthAlike, Climbs: true, baseline: diurnal(v)} },
	},
	{
		name: "incident", size: 0.05, least: 0, most: 1, percent: true, summary: "%s of both versions' requests fail for five minutes, from minute 20 on",
		make: func(v float64) Model {
			return Model{Truth: TruthAlike, baseline: during(20*time.Minute, 25*time.Minute, Answer{Errors: v, Slow: 1})}
		},
	},
	{
		name: "skew", size: 1.1, least: 0.01, most: 10, summary: "both alike, and the candidate gets %s times the share it should",
		make: func(v float64) Model { return Model{Truth: TruthAlike, Skew: v} },
	},
	{
		name: "bursts", size: 5, least: 1, most: 1000, summary: "both alike; failures come in bursts of %s by one user in the same second",
		make: func(v float64) Model { return clumped(bursts{mean: v}) },
	},
	{
		name: "bursts-10s", size: 5, least: 1, most: 1000, summary: "both alike; failures come in bursts of %s by one user over ten seconds",
		make: func(v float64) Model { return clumped(bursts{mean: v, over: 10 * time.Second}) },
	},
	{
		name: "bursts-30s", size: 20, least: 1, most: 1000, summary: "both alike; failures come in bursts of %s by one user over thirty seconds",
		make: func(v float64) Model { return clumped(bursts{mean: v, over: 30 * time.Second}) },
	},
	{
		name: "bursts-harm", size: 3, least: 1, most: 1000, summary: "failures come in bursts of five over ten seconds, %s times as many from the candidate",
		make: func(v float64) Model {
			m := clumped(bursts{mean: 5, over: 10 * time.Second, harm: v})
			m.Truth = TruthHarm
			return m
		},
	},
	{
		name: "pods", size: 0.2, least: 0, most: 2, summary: "both alike, on one and 19 hosts, whose share of slow requests wanders by a factor of about 1 ± %s",
		make: func(v float64) Model {
			return Model{Truth: TruthAlike, pods: twenty(v)}
		},
	},
	{
		name: "pods-spread", size: 0.15, least: 0, most: 2, percent: true, summary: "pods=0.4, and the shares of slow requests of hosts differ by %s for good",
		make: func(v float64) Model {
			p := twenty(0.4)
			p.spread = v
			return Model{Truth: TruthAlike, pods: p}
		},
	},
	{
		name: "pods-harm", size: 2, least: 1, most: 10, summary: "pods, and the candidate has %s times the share of slow requests",
		make: func(v float64) Model {
			p := twenty(0.2)
			p.harm = v
			return Model{Truth: TruthHarm, pods: p}
		},
	},
	{
		name: "warm-up", size: 0.9, least: 0, most: 10, percent: true, summary: "the candidate fails and is slow at first, by %s of what warm_up: 60s allows, and half as much each minute",
		make: func(v float64) Model { return Model{Truth: TruthAlike, candidate: warming(v)} },
	},
	{
		name: "split", size: 0.8, least: 0.01, most: 10, summary: "both alike, and the candidate gets %s times the subjects that it should",
		make: func(v float64) Model { return Model{Truth: TruthSplit, Skew: v} },
	},
	{
		name: "retries", size: 2, least: 1, most: 4, summary: "one request in five is sent again, and %s times as many of the candidate's",
		make: func(v float64) Model {
			return Model{Truth: TruthHarm, also: also{resends: v}, needs: stagger.SignalRetries}
		},
	},
	{
		name: "count", size: 2, least: 0.01, most: 100, summary: "what is counted happens %s times as often per request of the candidate",
		make: func(v float64) Model {
			return Model{Truth: TruthHarm, also: also{events: v}, needs: stagger.SignalCount}
		},
	},
	{
		name: "gauge", size: 1, least: 0, most: 100, percent: true, summary: "the candidate's gauges are higher by %s",
		make: func(v float64) Model {
			return Model{Truth: TruthHarm, also: also{gauge: v}, needs: stagger.SignalGauge}
		},
	},
	{
		name: "saturation", size: 1, least: 0, most: 100, percent: true, summary: "a request to the candidate takes more of what is scarce by %s",
		make: func(v float64) Model {
			return Model{Truth: TruthHarm, also: also{saturation: v}, needs: stagger.SignalSaturation}
		},
	},
	{
		name: "uneven", size: 0.1, least: 0, most: 2, percent: true, summary: "both alike; gauges and saturation differ by %s between hosts, for good",
		make: func(v float64) Model { return Model{Truth: TruthAlike, also: also{uneven: v}} },
	},
}

// late is when late regressions begin.
const late = 30 * time.Minute

// Names lists the models with their summaries, as NAME or NAME=SIZE.
func Names() []Model {
	var all []Model
	for _, m := range makers {
		all = append(all, m.of(m.size))
	}
	return all
}

// Parse returns the model that text names: a name, or a name and a size, such as
// "errors=0.3%" or "blip=10". The error tells what may be written.
func Parse(text string) (Model, error) {
	name, written, sized := strings.Cut(text, "=")
	i := slices.IndexFunc(makers, func(m maker) bool { return m.name == name })
	if i < 0 {
		var names []string
		for _, m := range makers {
			names = append(names, m.name)
		}
		return Model{}, fmt.Errorf("there is no model %q; there are %s", name, strings.Join(names, ", "))
	}
	m := makers[i]
	if !sized {
		return m.of(m.size), nil
	}
	if m.most == 0 {
		return Model{}, fmt.Errorf("the model %s has no size; write it without =%s", name, written)
	}
	size, err := parseSize(written)
	if err != nil || size < m.least || size > m.most {
		return Model{}, fmt.Errorf("%q is no size of the model %s; write a number from %s to %s", written, name, m.show(m.least), m.show(m.most))
	}
	return m.of(size), nil
}

// parseSize reads a number or a percentage.
func parseSize(text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	size, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(size) {
		return 0, fmt.Errorf("%q is no number", text)
	}
	if percent {
		size /= 100
	}
	return size, nil
}

func (m maker) of(size float64) Model {
	model := m.make(size)
	model.Name, model.Summary = m.name, m.summary
	if strings.Contains(m.summary, "%s") {
		model.Summary = strings.ReplaceAll(strings.Replace(m.summary, "%s", m.show(size), 1), "%%", "%")
	}
	if m.most != 0 && size != m.size {
		model.Name += "=" + strings.ReplaceAll(m.show(size), " ", "")
	}
	return model
}

func (m maker) show(size float64) string {
	if m.percent {
		return strconv.FormatFloat(100*size, 'g', 6, 64) + "%"
	}
	return strconv.FormatFloat(size, 'g', 6, 64)
}

// odds is the share whose odds are ratio times those of p.
func odds(p, ratio float64) float64 {
	o := p / (1 - p) * ratio
	return o / (1 + o)
}

func slower(by float64) Answer { return Answer{Errors: usually.Errors, Slow: 1 + by} }
func tailed(by float64) Answer { return Answer{Errors: usually.Errors, Slow: 1, Tail: by} }

func always(a Answer) func(Moment) Answer { return func(Moment) Answer { return a } }

// during is as usual but for the time from from to to.
func during(from, to time.Duration, a Answer) func(Moment) Answer {
	return func(m Moment) Answer {
		if m.At >= from && m.At < to {
			return a
		}
		return usually
	}
}

// tenSeconds is as usual but for the first ten seconds of each minute.
func tenSeconds(a Answer) func(Moment) Answer {
	return func(m Moment) Answer {
		if m.At%time.Minute < 10*time.Second {
			return a
		}
		return usually
	}
}

func blip(seconds float64, truth Truth) Model {
	const from = 5 * time.Minute
	to := from + time.Duration(seconds*float64(time.Second))
	return Model{Truth: truth, Onset: from, candidate: during(from, to, Answer{Errors: 0.5, Slow: 1})}
}

func jump(by float64) func(Moment) Answer {
	return func(m Moment) Answer {
		if m.part() < 0.5 {
			return usually
		}
		return Answer{Errors: min(usually.Errors*by, 1), Slow: 1}
	}
}

func diurnal(most float64) func(Moment) Answer {
	const least = 0.0005
	return func(m Moment) Answer {
		swing := 0.5 - 0.5*math.Cos(2*math.Pi*m.At.Hours())
		return Answer{Errors: least + (most-least)*swing, Slow: 1}
	}
}

func clumped(b bursts) Model {
	return Model{Truth: TruthAlike, bursts: b, baseline: always(Answer{Errors: 0, Slow: 1})}
}

// twenty are the hosts of the models that have pods: as many requests meet each
// when the candidate gets a twentieth of them.
func twenty(swing float64) pods {
	return pods{candidate: 1, baseline: 19, swing: swing, memory: 20 * time.Second}
}

// warming is bad at first, by a part of what a plan's warm-up of a minute
// allows, and half as bad each minute later.
func warming(part float64) func(Moment) Answer {
	const (
		moreOdds    = 2.0
		moreBuckets = 12.0
	)
	return func(m Moment) Answer {
		left := part * math.Exp2(-m.At.Minutes())
		slow := math.Floor(left*moreBuckets/finest) * finest
		return Answer{Errors: odds(usually.Errors, 1+moreOdds*left), Slow: math.Exp(slow * bucketWidth)}
	}
}
