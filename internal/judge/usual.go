package judge

import (
	"math"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
	"github.com/stagger-dev/stagger/internal/sequential"
)

// What is usual fades by half with so many requests of the baseline, but no
// faster and no slower than in these times, and is looked up anew this often.
// A tail needs many requests to be known; more would only keep what is over,
// such as a slow start, in the thresholds.
const (
	halfLife     = 20_000 // requests
	halfLifeMin  = 30 * time.Second
	halfLifeMost = time.Hour
	relearnEach  = 5 * time.Second
)

// quantiles are the points of the latency curve that are judged.
var quantiles = [...]float64{0.5, 0.9, 0.95, 0.99, 0.999}

// usual is what the baseline did in the past. Thresholds come from it, so they
// are fixed before the requests they are applied to.
type usual struct {
	Counts     tally[float64] `json:"counts"`
	Requests   float64        `json:"requests"`
	Failed     float64        `json:"failed"`
	Started    float64        `json:"started"`
	Lost       float64        `json:"lost"`
	Timed      float64        `json:"timed"`
	Unfinished float64        `json:"unfinished,omitempty"` // of those timed
	// Since and Fresh are what was learned since the thresholds were set.
	Since time.Duration `json:"since"`
	Fresh float64       `json:"fresh"` // requests
	// Thresholds are bucket indexes by quantile; unknown until enough was seen.
	Thresholds [len(quantiles)]int32 `json:"thresholds"`
	Known      [len(quantiles)]bool  `json:"known"`
	Habit      habit                 `json:"habit"`
}

func (u *usual) sound() bool { return u.Counts.sound() }

// learn takes in a batch after it was judged.
func (u *usual) learn(b *batch) {
	whole := b.whole(armBaseline)
	for _, bucket := range whole.Latency.Buckets {
		u.Counts.add(bucket.Index, float64(bucket.Count))
	}
	u.Unfinished += float64(whole.Unfinished)
	u.Requests += float64(whole.Requests)
	u.Failed += float64(whole.Failed)
	u.Started += float64(whole.Started)
	u.Lost += float64(whole.lost())
	u.Timed += float64(whole.timed())
	u.Fresh += float64(whole.timed())
	if b.Senders != nil {
		u.Habit.learn(&b.Senders[armBaseline])
	}
	if u.Since += b.To.Sub(b.From); u.Since >= relearnEach || !u.Known[0] {
		u.relearn()
	}
}

// relearn sets the thresholds and lets the past fade.
func (u *usual) relearn() {
	for i, q := range quantiles {
		if u.Known[i] = u.Timed >= 10/(1-q); u.Known[i] {
			u.Thresholds[i] = u.Counts.rank(q * u.Timed)
		}
	}
	fade := math.Exp2(-u.halfLives())
	for i := range u.Counts.Counts {
		u.Counts.Counts[i] *= fade
	}
	u.Unfinished *= fade
	u.Requests *= fade
	u.Failed *= fade
	u.Started *= fade
	u.Lost *= fade
	u.Timed *= fade
	u.Since, u.Fresh = 0, 0
}

// halfLives is how many have passed since the thresholds were set.
func (u *usual) halfLives() float64 {
	slowest, fastest := float64(u.Since)/float64(halfLifeMost), float64(u.Since)/float64(halfLifeMin)
	return min(max(u.Fresh/halfLife, slowest), fastest)
}

// expectedFailures is how many failures a minute like the batch would bring to
// a candidate that is no worse than usual.
func (s *state) expectedFailures(b *batch) float64 {
	length := b.To.Sub(b.From)
	if length <= 0 || s.Usual.Requests == 0 {
		return 0
	}
	return s.Usual.Failed / s.Usual.Requests * float64(b.requests(armCandidate)) * float64(voteLength) / float64(length)
}

// beyond is the share of the baseline's requests that took longer than bucket i.
func (u *usual) beyond(i int32) (hits, of float64) {
	return u.Counts.beyond(i) + u.Unfinished, u.Timed
}

// reference is the baseline as it was last seen, for the time when nobody
// meets it any more.
type reference struct {
	Errors float64 `json:"errors"` // the most its share of failures can be
	Lost   float64 `json:"lost"`   // the same of requests without an answer in time
	// Senders is the same of subjects that send more than is usual.
	Senders float64 `json:"senders"`
	Slow    [len(quantiles)]struct {
		Most  float64 `json:"most"` // of the share beyond the threshold
		Least float64 `json:"least"`
	} `json:"slow"`
}

// share is the most that the baseline's share of what is bad can be.
func (r *reference) share(s stagger.Signal) float64 {
	switch s {
	case stagger.SignalGoodput:
		return r.Lost
	case stagger.SignalRetries:
		return r.Senders
	default:
		return r.Errors
	}
}

// alphaReference is the chance that the reference is better than the baseline was.
const alphaReference = 0.005

func (u *usual) reference() *reference {
	r := &reference{Errors: 1, Lost: 1, Senders: 1}
	if h := &u.Habit; h.Known && h.Total >= 1 {
		_, r.Senders = sequential.FractionInterval(int(h.beyond()), int(h.Total), alphaReference, h.Total)
	}
	_, r.Errors = sequential.FractionInterval(int(u.Failed), int(u.Requests), alphaReference, max(u.Requests, 1))
	_, r.Lost = sequential.FractionInterval(int(u.Lost), int(u.Started), alphaReference, max(u.Started, 1))
	for i := range quantiles {
		r.Slow[i].Most = 1
		if !u.Known[i] {
			continue
		}
		hits, of := u.beyond(u.Thresholds[i])
		r.Slow[i].Least, r.Slow[i].Most = sequential.FractionInterval(int(hits), int(of), alphaReference, max(of, 1))
	}
	return r
}

// threshold returns the baseline's and the candidate's limits at quantile i:
// the candidate's lies shift buckets and at least floor seconds further. Both
// are capped at what a batch of that age can know.
func (u *usual) threshold(i int, shift int32, floor float64, age time.Duration) (base, candidate int32) {
	base = u.Thresholds[i]
	candidate = base + shift
	if floor > 0 {
		candidate = max(candidate, histogram.Index(time.Duration((histogram.Upper(base)+floor)*float64(time.Second))))
	}
	if known := histogram.Index(age) - 1; candidate > known {
		base, candidate = base-(candidate-known), known
	}
	return base, candidate
}

// level is a quantile of the usual latency in seconds, for people.
func (u *usual) level(i int) float64 {
	if !u.Known[i] {
		return 0
	}
	return histogram.Upper(u.Thresholds[i])
}
