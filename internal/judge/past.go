package judge

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
	"github.com/stagger-dev/stagger/internal/sequential"
)

// past compares the baseline with itself before the rollout. A candidate that
// damages what both versions share makes both of them worse, which no
// comparison between the two can see.
//
// It is an e-detector, R <- e (R + w) with w the seconds of the batch: when
// nothing changes, the mean time until R reaches A is at least A seconds
// (Shin, Ramdas and Rinaldo 2022). It only ever holds: load, the hour and other
// people's changes make a baseline worse as well.
type past struct {
	Reference  *reference            `json:"reference,omitempty"`
	Thresholds [len(quantiles)]int32 `json:"thresholds"`
	Senders    int                   `json:"senders"`          // the limit of what subjects send
	Growth     []growth              `json:"growth"`           // R by slot
	Recovery   []recovery            `json:"recovery"`         // by slot, since it last grew
	Grown      []float64             `json:"grown"`            // R by slot when the block began
	Slots      []int                 `json:"slots,omitempty"`  // that got worse and have not recovered
	Shares     [][2]float64          `json:"shares,omitempty"` // measured when they did: before and now
}

// growth is R by tilt, recovery the logarithms of evidence against it.
type (
	growth   [len(sequential.Tilts)]float64
	recovery [len(sequential.HealthyTilts)]float64
)

const (
	// falseAlarmEach is the mean time between alarms of a baseline that does
	// not change, in seconds: thirty days.
	falseAlarmEach = 30 * 24 * 60 * 60
	// pastOdds is how much worse a baseline may get within a rollout.
	pastOdds = 3
	// leastPast is how many requests a past has at least.
	leastPast = 500
)

func newPast(slots []slot) past {
	n := len(slots)
	return past{Growth: make([]growth, n), Recovery: make([]recovery, n), Grown: make([]float64, n)}
}

func (p *past) sound(slots int) bool {
	if len(p.Growth) != slots || len(p.Recovery) != slots || len(p.Grown) != slots || len(p.Shares) != len(p.Slots) {
		return false
	}
	return !slices.ContainsFunc(p.Slots, func(i int) bool { return i < 0 || i >= slots })
}

// begin remembers how the baseline is before anybody meets the candidate.
func (p *past) begin(u *usual) {
	if p.Reference == nil && u.Requests >= leastPast {
		p.Reference, p.Thresholds, p.Senders = u.reference(), u.Thresholds, u.Habit.Limit
	}
}

// observePast weighs what the baseline did in a batch.
func (j *Judge) observePast(b *batch) {
	p := &j.state.Past
	if p.Reference == nil || b.requests(armBaseline) == 0 {
		return
	}
	seconds := b.To.Sub(b.From).Seconds()
	total := 0.0
	for i, s := range j.slots {
		n, k, limit := p.count(s, &j.state.Banks[i].Ladder, b)
		power := j.state.Banks[i].Ladder.exponent()
		total += s.weight.every * p.grow(i, n, k, limit, power, seconds)
		if slices.Contains(p.Slots, i) {
			logs := oneSample(k, n, limit, sequential.HealthyTilts[:], -1)
			for t := range p.Recovery[i] {
				p.Recovery[i][t] += power * logs[t]
			}
		}
	}
	if total >= falseAlarmEach {
		j.accusePast(b)
	}
	p.forgive()
}

// count returns the baseline's requests, how many were bad, and the share that
// may be.
func (p *past) count(s slot, l *ladder, b *batch) (n, hits int, limit float64) {
	whole := b.whole(armBaseline)
	switch s.guardrail.Signal {
	case stagger.SignalLatency:
	case stagger.SignalCount, stagger.SignalSaturation, stagger.SignalGauge, stagger.SignalShadow:
		return 0, 0, 1 // nothing is known of how they vary by themselves
	case stagger.SignalRetries:
		if b.Senders == nil || p.Reference.Senders >= 1 {
			return 0, 0, 1
		}
		n, hits = b.Senders[armBaseline].beyond(p.Senders)
		return n, hits, max(worse(p.Reference.Senders, pastOdds), s.guardrail.Healthy)
	default:
		n, hits = s.counter(l.Rung)(whole)
		return n, hits, max(worse(p.Reference.share(s.guardrail.Signal), pastOdds), s.guardrail.Healthy)
	}
	beyond := p.beyond(s)
	if beyond >= histogram.Index(b.Age) {
		return 0, 0, 1 // what has not finished need not be that slow
	}
	return whole.timed(), whole.beyond(beyond), p.Reference.Slow[s.quantile].Most
}

// beyond is the bucket from which on a request counts as slower than before.
func (p *past) beyond(s slot) int32 {
	before := p.Thresholds[s.quantile]
	floor := time.Duration((histogram.Upper(before) + s.guardrail.Floor) * float64(time.Second))
	return max(before+histogram.Steps(s.guardrail.Healthy), histogram.Index(floor))
}

// grow moves R of slot i and returns it.
func (p *past) grow(i, n, hits int, limit, power, seconds float64) float64 {
	for t, l := range oneSample(hits, n, limit, sequential.Tilts[:], +1) {
		r := math.Exp(min(power*l, 500)) * (p.Growth[i][t] + seconds)
		p.Growth[i][t] = min(r, sequential.Most)
	}
	return p.Growth[i].mean()
}

// accusePast notes the slots that got worse, and begins their R anew.
func (j *Judge) accusePast(b *batch) {
	p := &j.state.Past
	for i, s := range j.slots {
		if s.weight.every*p.Growth[i].mean() < 0.1*falseAlarmEach {
			continue
		}
		if !slices.Contains(p.Slots, i) {
			n, k, limit := p.count(s, &j.state.Banks[i].Ladder, b)
			p.Slots = append(p.Slots, i)
			p.Shares = append(p.Shares, [2]float64{limit, float64(k) / float64(max(n, 1))})
		}
		p.Growth[i], p.Recovery[i], p.Grown[i] = growth{}, recovery{}, 0
	}
}

func (g *growth) mean() float64 {
	sum := 0.0
	for _, r := range g {
		sum += r
	}
	return sum / float64(len(g))
}

// forgive leaves only the slots that are still worse than they were.
func (p *past) forgive() {
	left := 0
	for k, i := range p.Slots {
		if sequential.LogMeanExp(p.Recovery[i][:]) < math.Log(1/AlphaHealthy) {
			p.Slots[left], p.Shares[left] = i, p.Shares[k]
			left++
		}
	}
	p.Slots, p.Shares = p.Slots[:left], p.Shares[:left]
}

// endBlock ends a block; one in which R grew starts the recovery anew.
func (p *past) endBlock() {
	for _, i := range p.Slots {
		now := p.Growth[i].mean()
		// R grows by a second a second when nothing happens.
		if now > 2*p.Grown[i]+2*blockLength.Seconds() {
			p.Recovery[i] = recovery{}
		}
		p.Grown[i] = now
	}
}

// worsened says what got worse about the baseline, and how, "" when nothing did.
func (j *Judge) worsened(how string) (stagger.Signal, string) {
	p := &j.state.Past
	if len(p.Slots) == 0 {
		return "", ""
	}
	s, shares := j.slots[p.Slots[0]], p.Shares[0]
	what := "of requests failing"
	switch s.guardrail.Signal {
	case stagger.SignalGoodput:
		what = "of requests without an answer in time"
	case stagger.SignalLatency:
		what = "of requests slower than " + duration(histogram.Upper(p.beyond(s)))
	case stagger.SignalRetries:
		what = "of users sending more than usual"
	default:
	}
	return s.guardrail.Signal, fmt.Sprintf("%s %s: %s %s at once, where %s is the limit",
		j.config.Baseline, how, percent(shares[1]), what, percent(shares[0]))
}
