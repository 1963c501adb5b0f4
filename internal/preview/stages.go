package preview

import (
	"context"
	"sync"

	"github.com/stagger-dev/stagger/internal/risk"
)

// Stages forecasts all stages of a question that was checked, so many at a time.
// Its error is that of ctx, which may end it early.
func Stages(ctx context.Context, q risk.Question, workers int) ([]risk.Forecast, error) {
	out := make([]risk.Forecast, len(q.Plan.Stages))
	free := make(chan struct{}, max(workers, 1))
	q.Halt = func() bool { return ctx.Err() != nil }
	var all sync.WaitGroup
	for i := range out {
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			if ctx.Err() == nil {
				out[i] = q.Stage(i)
			}
		})
	}
	all.Wait()
	return out, ctx.Err()
}
