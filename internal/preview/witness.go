package preview

import (
	"context"
	"fmt"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/risk"
)

// Witness knows what was measured: a store, or a server.
type Witness struct {
	Statuses func(ctx context.Context) ([]stagger.ServiceStatus, error)
	// Last returns the rollout of a service that is under way, else the one
	// before; not ok when there was none.
	Last     func(ctx context.Context, service string) (r stagger.Rollout, ok bool, err error)
	Progress func(ctx context.Context, rollout string) (stagger.Progress, error)
}

// Of returns how the trusted version of a service does, and how many requests a
// second the service gets: now, if it is watched, else at the end of its last
// rollout. What nobody measured is stagger.CodeNotFound.
func (w Witness) Of(ctx context.Context, service string) (risk.Baseline, float64, error) {
	statuses, err := w.Statuses(ctx)
	if err != nil {
		return risk.Baseline{}, 0, err
	}
	for _, s := range statuses {
		if s.Service.Name != service || s.Rollout != nil || s.Watch == nil {
			continue
		}
		b := risk.Measured(s.Watch.Level, s.Watch.Version+" in the last seconds")
		if b.Latency != nil && s.Watch.Level.Rate > 0 {
			return b, s.Watch.Level.Rate, nil
		}
	}
	return w.before(ctx, service)
}

// before looks at the last rollout.
func (w Witness) before(ctx context.Context, service string) (risk.Baseline, float64, error) {
	r, ok, err := w.Last(ctx, service)
	if err == nil && !ok {
		err = missing("the server knows of no rollout of %s", service)
	}
	if err != nil {
		return risk.Baseline{}, 0, err
	}
	p, err := w.Progress(ctx, r.ID)
	if err != nil {
		return risk.Baseline{}, 0, err
	}
	b, version, rate := risk.Remembered(r, p)
	if b.Latency == nil {
		return b, 0, missing("the server measured too little of %s in %s", version, r.ID)
	}
	return b, rate, nil
}

func missing(format string, args ...any) error {
	return &stagger.Error{Code: stagger.CodeNotFound, Message: fmt.Sprintf(format, args...)}
}
