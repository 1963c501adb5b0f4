// Package load makes open-loop traffic: requests leave when the schedule says
// so, whether or not earlier ones have come back, and each latency is measured
// from the moment the request was due. So a slow target cannot slow the
// measurement down and hide itself (coordinated omission).
package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Profile is the traffic to make.
type Profile struct {
	Rate        float64 // requests per second, Poisson arrivals
	MaxInFlight int     // a request that is due beyond it is dropped and counted
	Seed        uint64  // of the arrival times
}

// The bounds of a profile; more is refused rather than tried.
const (
	MaxRate     = 100_000
	MaxInFlight = 100_000
)

// Check says what is wrong with p.
func (p Profile) Check() error {
	switch {
	case !(p.Rate > 0 && p.Rate <= MaxRate):
		return fmt.Errorf("load: a rate of %g requests per second is out of range; use more than 0 and at most %d", p.Rate, MaxRate)
	case p.MaxInFlight < 1 || p.MaxInFlight > MaxInFlight:
		return fmt.Errorf("load: %d requests in flight is out of range; use 1 to %d", p.MaxInFlight, MaxInFlight)
	}
	return nil
}

// Counts is what became of a run so far.
type Counts struct {
	Sent    uint64 // handed to do
	Dropped uint64 // due while MaxInFlight were under way
}

// Run calls do for each arrival, in a goroutine of its own, until ctx ends;
// then it waits for those under way. Arrivals are numbered from 0 and told the
// time they were due. It returns ctx's error only when that is not a plain
// cancellation.
func Run(ctx context.Context, p Profile, do func(ctx context.Context, n uint64, due time.Time)) (Counts, error) {
	if err := p.Check(); err != nil {
		return Counts{}, err
	}
	var (
		wg      sync.WaitGroup
		flying  atomic.Int64
		counts  Counts
		arrival = newSchedule(p)
	)
	defer wg.Wait()
	for n := uint64(0); ; n++ {
		due := arrival.next()
		if err := sleepUntil(ctx, due); err != nil {
			return counts, ended(err)
		}
		if flying.Load() >= int64(p.MaxInFlight) {
			counts.Dropped++
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

// schedule draws the due times of a Poisson process.
type schedule struct {
	random *rand.Rand
	due    time.Time
	mean   float64 // nanoseconds between arrivals
}

func newSchedule(p Profile) *schedule {
	return &schedule{
		random: rand.New(rand.NewPCG(p.Seed, 0x6c6f6164)),
		due:    time.Now(),
		mean:   float64(time.Second) / p.Rate,
	}
}

func (s *schedule) next() time.Time {
	s.due = s.due.Add(time.Duration(s.random.ExpFloat64() * s.mean))
	return s.due
}

// sleepUntil returns at due, at once when due has passed.
func sleepUntil(ctx context.Context, due time.Time) error {
	wait := time.Until(due)
	if wait <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
