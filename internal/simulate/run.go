package simulate

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// Measured is what many lives of a trial came to.
type Measured struct {
	Runs     int     `json:"runs"` // lives that were simulated to their end
	Asked    int     `json:"asked"`
	Seed     uint64  `json:"seed"` // of the first; the others follow
	Suspect  Measure `json:"suspect"`
	Shared   Measure `json:"shared"`
	Split    Measure `json:"split"`
	Shed     Measure `json:"shed"`
	Rollback Measure `json:"rollback"`
	Healthy  Measure `json:"healthy"`
	Placebo  Measure `json:"placebo"`
	Plain    Measure `json:"-"` // where it was asked for
}

// Run simulates runs lives with the seeds from seed on, as many at a time as
// there are processors, and tells progress of each that ends; progress may be
// nil and is called by one goroutine at a time. When ctx ends it returns what is
// known and the error; lives that were still going are left out, which favours
// short ones a little.
func (t Trial) Run(ctx context.Context, runs int, seed uint64, progress func(done int)) (Measured, error) {
	if err := t.Refused(); err != nil {
		return Measured{Asked: runs, Seed: seed}, err
	}
	lives, err := Each(ctx, runs, func(ctx context.Context, i int) (Life, error) { return t.Live(ctx, seed+uint64(i)) }, progress)
	of := func(pick func(Life) time.Duration) Measure {
		delays := make([]time.Duration, len(lives))
		for i, l := range lives {
			delays[i] = pick(l)
		}
		return MeasureOf(delays)
	}
	return Measured{
		Runs: len(lives), Asked: runs, Seed: seed,
		Suspect:  of(func(l Life) time.Duration { return l.Suspect }),
		Shared:   of(func(l Life) time.Duration { return l.Shared }),
		Split:    of(func(l Life) time.Duration { return l.Split }),
		Shed:     of(func(l Life) time.Duration { return l.Shed }),
		Rollback: of(func(l Life) time.Duration { return l.Rollback }),
		Healthy:  of(func(l Life) time.Duration { return l.Healthy }),
		Placebo:  of(func(l Life) time.Duration { return l.Placebo }),
		Plain:    of(func(l Life) time.Duration { return l.Plain }),
	}, err
}

// Each calls f for 0 to n-1 on all processors and returns the results of the
// calls that succeeded, in order, and the first error. After an error, and when
// ctx ends, no further call begins.
func Each[T any](ctx context.Context, n int, f func(ctx context.Context, i int) (T, error), progress func(done int)) ([]T, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		mu      sync.Mutex // guards the rest
		next    int
		done    int
		results = make([]*T, n)
		workers sync.WaitGroup
	)
	take := func() int {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1
	}
	keep := func(i int, r T) {
		mu.Lock()
		defer mu.Unlock()
		results[i] = &r
		if done++; progress != nil {
			progress(done)
		}
	}
	for range min(runtime.GOMAXPROCS(0), n) {
		workers.Go(func() {
			for i := take(); i < n && ctx.Err() == nil; i = take() {
				r, err := f(ctx, i)
				if err != nil {
					cancel(err)
					return
				}
				keep(i, r)
			}
		})
	}
	workers.Wait()
	var kept []T
	for _, r := range results {
		if r != nil {
			kept = append(kept, *r)
		}
	}
	if len(kept) < n {
		return kept, context.Cause(ctx)
	}
	return kept, nil
}
