package mirror

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/difference"
	"github.com/stagger-dev/stagger/internal/histogram"
)

// ErrFull is returned by a Version that takes no more requests now, which says
// nothing about how it answers.
var ErrFull = errors.New("the version takes no more requests now")

// Version is where copies are sent.
type Version interface {
	// Send sends a request to one of the version's endpoints. Closing the body of
	// the answer gives the endpoint back. It returns ErrFull when none takes any
	// more.
	Send(r *http.Request) (*http.Response, error)
}

// Trial is the mirrored traffic of one rollout.
type Trial struct {
	mirror                      *Mirror
	service, rollout, candidate string
	share                       atomic.Uint32 // a stagger.Weight
	rules                       *difference.Rules
	methods                     []string
	repeat                      stagger.Weight
	since                       time.Time
	dropped                     [reasons]atomic.Uint64
	counters                    counters

	mu       sync.Mutex      // guards the rest
	ctx      context.Context //nolint:containedctx // ends when the split mirrors nothing any more
	cancel   context.CancelFunc
	ledger   *difference.Ledger
	mirrored uint64
	failed   uint64
	latency  map[int32]uint64
	recent   []stamped
}

func newTrial(m *Mirror, split stagger.Split, now time.Time) *Trial {
	rules := stagger.Shadow{Repeat: stagger.WeightFull}
	if split.ShadowRules != nil {
		rules = *split.ShadowRules
	}
	headers := make([]string, len(rules.Headers))
	for i, name := range rules.Headers {
		headers[i] = http.CanonicalHeaderKey(name)
	}
	rules.Headers = headers
	t := &Trial{
		mirror: m, service: split.Service, rollout: split.Rollout, candidate: split.Candidate,
		rules: difference.NewRules(rules), methods: rules.Methods, repeat: rules.Repeat, since: now,
		ledger: difference.NewLedger(), latency: make(map[int32]uint64),
		counters: m.metrics.of(split.Service, split.Candidate),
	}
	if len(t.methods) == 0 {
		t.methods = stagger.SafeMethods
	}
	t.follow(split)
	return t
}

// follow takes the share of a split, and opens the trial if it was closed.
func (t *Trial) follow(split stagger.Split) {
	t.share.Store(uint32(split.Shadow))
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ctx == nil || t.ctx.Err() != nil {
		t.ctx, t.cancel = context.WithCancel(t.mirror.ctx)
	}
}

// Close ends sending: what waits is dropped and what is under way is cut off.
// When it returns, no copy is sent any more. What was found stays.
func (t *Trial) Close() {
	t.share.Store(0)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cancel()
}

// life ends when the trial is closed.
func (t *Trial) life() context.Context {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ctx
}

// Chooses draws whether a request is mirrored.
func (t *Trial) Chooses(method string) bool {
	return rand.Uint32N(uint32(stagger.WeightFull)) < t.share.Load() && slices.Contains(t.methods, method)
}

// Drop counts a request that was chosen and is not mirrored.
func (t *Trial) Drop(r Reason) {
	t.dropped[r].Add(1)
	t.counters.dropped[r].Inc()
}

// repeats draws whether a copy goes to the baseline as well. What is not safe
// never does: the baseline has carried it out.
func (t *Trial) repeats(method string) bool {
	return slices.Contains(stagger.SafeMethods, method) && rand.Uint32N(uint32(stagger.WeightFull)) < uint32(t.repeat)
}

// stamped is what was found at a time.
type stamped struct {
	at    time.Time
	found stagger.Shadowed
}

// What is kept of the past: as long as ticks can be read, and a little more. What
// comes within one grain is one, which is shorter than ticks wait to be sealed.
const (
	keep  = 4 * time.Minute
	grain = 50 * time.Millisecond
)

// add takes in a copy that was answered, and when.
func (t *Trial) add(o difference.Outcome, candidate *difference.Answer, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	o.At = time.Now()
	found := t.ledger.Add(o)
	t.mirrored++
	if candidate.Status == 0 || candidate.Status >= 500 {
		t.failed++
	}
	t.latency[histogram.Index(took)]++
	t.counters.count(&o, candidate, took)
	if found == (stagger.Shadowed{}) {
		return
	}
	if n := len(t.recent); n > 0 && o.At.Sub(t.recent[n-1].at) < grain {
		t.recent[n-1].found = t.recent[n-1].found.Plus(found)
		return
	}
	old, _ := slices.BinarySearchFunc(t.recent, o.At.Add(-keep), func(s stamped, at time.Time) int { return s.at.Compare(at) })
	t.recent = append(slices.Delete(t.recent, 0, old), stamped{o.At, found})
}

// between returns what was found from a time on, before another.
func (t *Trial) between(from, to time.Time) stagger.Shadowed {
	t.mu.Lock()
	defer t.mu.Unlock()
	var sum stagger.Shadowed
	i, _ := slices.BinarySearchFunc(t.recent, from, func(s stamped, at time.Time) int { return s.at.Compare(at) })
	for _, s := range t.recent[i:] {
		if !s.at.Before(to) {
			break
		}
		sum = sum.Plus(s.found)
	}
	return sum
}

func (t *Trial) differences() stagger.Differences {
	d := stagger.Differences{Rollout: t.rollout, Since: t.since, Dropped: []stagger.Dropped{}}
	for r := range t.dropped {
		if n := t.dropped[r].Load(); n > 0 {
			d.Dropped = append(d.Dropped, stagger.Dropped{Reason: Reason(r).String(), N: n})
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	d.Mirrored, d.Failed = t.mirrored, t.failed
	d.Shadowed, d.Paths, d.Beyond = t.ledger.Counted(), t.ledger.Differences(), t.ledger.Beyond()
	d.P50, d.P99 = t.quantile(0.5), t.quantile(0.99)
	return d
}

// quantile of how long the candidate took, in seconds; the upper bound of its
// bucket.
func (t *Trial) quantile(q float64) float64 {
	var h stagger.Histogram
	for i, n := range t.latency {
		h.Buckets = append(h.Buckets, stagger.Bucket{Index: i, Count: n})
	}
	slices.SortFunc(h.Buckets, func(a, b stagger.Bucket) int { return int(a.Index - b.Index) })
	_, high := histogram.Quantile(h, q)
	return high
}
