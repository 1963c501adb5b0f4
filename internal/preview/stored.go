package preview

import (
	"context"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/store"
)

// Store is what a witness reads.
type Store interface {
	Statuses(ctx context.Context, services []stagger.Service) ([]stagger.ServiceStatus, error)
	Rollouts(ctx context.Context, f store.Filter) ([]stagger.Rollout, error)
	Progress(ctx context.Context, rollout string) (stagger.Progress, error)
}

// Stored is a witness that reads a store.
func Stored(s Store, services func() []stagger.Service) Witness {
	return Witness{
		Statuses: func(ctx context.Context) ([]stagger.ServiceStatus, error) { return s.Statuses(ctx, services()) },
		Progress: s.Progress,
		Last: func(ctx context.Context, service string) (r stagger.Rollout, ok bool, err error) {
			for _, active := range []bool{true, false} {
				list, err := s.Rollouts(ctx, store.Filter{Service: service, Active: active, Limit: 1})
				if err != nil || len(list) > 0 {
					return first(list), len(list) > 0, err
				}
			}
			return r, false, nil
		},
	}
}

func first(list []stagger.Rollout) (r stagger.Rollout) {
	if len(list) > 0 {
		r = list[0]
	}
	return r
}
