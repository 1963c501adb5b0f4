// Package load makes open-loop traffic: requests leave when the schedule says
// so, whether or not earlier ones have come back, and each latency is measured
// from the moment the request was due. So a slow target cannot slow the
// measurement down and hide itself, which is called coordinated omission (Gil
// Tene, "How NOT to Measure Latency", Strange Loop 2015).
//
// How late the load itself was is measured apart, so that nobody blames the
// target for it.
package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger/internal/scenario"
)

// Profile is the traffic to make.
type Profile struct {
	// Rate is how many requests are made per second, without end, where there is
	// no Shape.
	Rate  float64
	Shape scenario.Shape
	// Even makes arrivals as even as the shape allows; else they are a Poisson
	// process.
	Even        bool
	MaxInFlight int    // a request that is due beyond it is dropped and counted
	Seed        uint64 // of the arrival times
	// Exact keeps due times to some ten microseconds rather than a millisecond,
	// where the system can.
	Exact bool
}

// The bounds of a profile; more is refused rather than tried.
const (
	MaxRate     = scenario.MaxRate
	MaxInFlight = scenario.MaxInFlight
)

// Check says what is wrong with p.
func (p Profile) Check() error {
	switch {
	case p.Shape == nil && !(p.Rate > 0 && p.Rate <= MaxRate):
		return fmt.Errorf("load: a rate of %g requests per second is out of range; use more than 0 and at most %d", p.Rate, MaxRate)
	case p.MaxInFlight < 1 || p.MaxInFlight > MaxInFlight:
		return fmt.Errorf("load: %d requests in flight is out of range; use 1 to %d", p.MaxInFlight, MaxInFlight)
	}
	if err := p.shape().Check(); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	return nil
}

func (p Profile) shape() scenario.Shape {
	if p.Shape != nil {
		return p.Shape
	}
	return scenario.Shape{{From: p.Rate, To: p.Rate}}
}

// Counts is what became of a run so far.
type Counts struct {
	Sent    uint64 // handed to do
	Dropped uint64 // due while MaxInFlight were under way
}

// Run calls do for each arrival, in a goroutine of its own, until the shape is
// over or ctx ends; then it waits for those under way. Arrivals are numbered
// from 0 and told the time they were due. It returns ctx's error only when that
// is not a plain cancellation.
func Run(ctx context.Context, p Profile, do func(ctx context.Context, n uint64, due time.Time)) (Counts, error) {
	if err := p.Check(); err != nil {
		return Counts{}, err
	}
	r := runner{inFlight: int64(p.MaxInFlight), exact: p.Exact}
	return r.run(ctx, time.Now(), arrivals(p), do)
}

// arrivals draws the due times of p.
func arrivals(p Profile) func() (time.Duration, bool) {
	walk := scenario.NewWalk(p.shape())
	if p.Even {
		return func() (time.Duration, bool) { return walk.Next(1) }
	}
	random := rand.New(rand.NewPCG(p.Seed, 0x6c6f6164))
	return func() (time.Duration, bool) { return walk.Next(random.ExpFloat64()) }
}

// runner makes requests when they are due.
type runner struct {
	inFlight int64
	exact    bool
	dropped  func() // told of each drop; may be nil
}

// run is Run for any due times, which count from start and never go back.
func (r runner) run(
	ctx context.Context, start time.Time, next func() (time.Duration, bool), do func(ctx context.Context, n uint64, due time.Time),
) (Counts, error) {
	var (
		wg     sync.WaitGroup
		flying atomic.Int64
		counts Counts
		clock  = newClock(r.exact)
	)
	defer clock.close()
	defer wg.Wait()
	for n := uint64(0); ; n++ {
		after, more := next()
		if !more {
			return counts, nil
		}
		due := start.Add(after)
		if err := clock.sleepUntil(ctx, due); err != nil {
			return counts, ended(err)
		}
		if flying.Load() >= r.inFlight {
			counts.Dropped++
			if r.dropped != nil {
				r.dropped()
			}
			continue
		}
		counts.Sent++
		flying.Add(1)
		wg.Go(func() {
			defer flying.Add(-1)
			do(ctx, n, due)
		})
	}
}

func ended(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}
