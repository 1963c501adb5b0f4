package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"github.com/stagger-dev/stagger"
)

// watches are how the versions do that everybody meets, by service.
type watches struct {
	mu sync.Mutex
	of map[string]stagger.Watch
}

// SaveWatch keeps how the trusted version of a service does, in memory. Services
// bound how many there are.
func (s *Store) SaveWatch(_ context.Context, w stagger.Watch) error {
	s.watches.mu.Lock()
	defer s.watches.mu.Unlock()
	if s.watches.of == nil {
		s.watches.of = make(map[string]stagger.Watch)
	}
	s.watches.of[w.Service] = w
	return nil
}

// SaveWatchState keeps what the watch of a service has learned, in place of what
// was kept before.
func (s *Store) SaveWatchState(ctx context.Context, service string, state []byte) error {
	_, err := s.write.ExecContext(ctx, `
		INSERT INTO watches (service, state) VALUES ($1, $2)
		ON CONFLICT (service) DO UPDATE SET state = excluded.state`, service, string(state))
	return s.failure("keep what the watch learned", err)
}

// WatchState returns what SaveWatchState kept, nil when there is nothing.
func (s *Store) WatchState(ctx context.Context, service string) ([]byte, error) {
	var state []byte
	err := s.read.QueryRowContext(ctx, `SELECT state FROM watches WHERE service = $1`, service).Scan(&state)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return state, s.failure("read what the watch learned", err)
}

func (w *watches) find(service, version string) *stagger.Watch {
	w.mu.Lock()
	defer w.mu.Unlock()
	if found, ok := w.of[service]; ok && found.Version == version {
		return &found
	}
	return nil
}

// Statuses returns how the given services are now.
func (s *Store) Statuses(ctx context.Context, services []stagger.Service) ([]stagger.ServiceStatus, error) {
	active, err := s.Active(ctx)
	if err != nil {
		return nil, err
	}
	under := make(map[string]*stagger.Rollout, len(active))
	for i := range active {
		under[active[i].Service] = &active[i]
	}
	list := make([]stagger.ServiceStatus, 0, len(services))
	for _, service := range services {
		status := stagger.ServiceStatus{Service: service, Baseline: service.Baseline, Rollout: under[service.Name]}
		recorded, err := s.Baseline(ctx, service.Name)
		if err != nil {
			return nil, err
		}
		if recorded != "" {
			status.Baseline = recorded
		}
		if status.Rollout == nil {
			status.Watch = s.watches.find(service.Name, status.Baseline)
		}
		list = append(list, status)
	}
	return list, nil
}
