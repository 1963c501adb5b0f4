package store

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/stagger-dev/stagger"
)

// progressKept bounds how many rollouts' progress is kept; the stalest goes
// first. One is active per service, so the bound is on services that roll out
// at the same time.
const progressKept = 1024

// progress is how rollouts do now.
type progress struct {
	mu sync.Mutex
	of map[string]stagger.Progress
}

// SaveProgress keeps how a rollout does now, in memory.
func (s *Store) SaveProgress(_ context.Context, p stagger.Progress) error {
	s.progress.save(p)
	s.watchers.signal()
	return nil
}

// Progress returns how a rollout did when it was last looked at, or CodeNotFound
// when nothing is known since the start of this process.
func (s *Store) Progress(_ context.Context, rollout string) (stagger.Progress, error) {
	if p, ok := s.progress.find(rollout); ok {
		return p, nil
	}
	return stagger.Progress{}, missing("nothing is known yet of how rollout %s does", rollout)
}

// AllProgress returns how every rollout did that Progress knows of, by rollout.
func (s *Store) AllProgress(context.Context) ([]stagger.Progress, error) {
	return s.progress.all(), nil
}

func (k *progress) all() []stagger.Progress {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := make([]stagger.Progress, 0, len(k.of))
	for _, id := range slices.Sorted(maps.Keys(k.of)) {
		list = append(list, k.of[id])
	}
	return list
}

func (k *progress) find(rollout string) (stagger.Progress, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p, ok := k.of[rollout]
	return p, ok
}

func (k *progress) save(p stagger.Progress) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.of == nil {
		k.of = make(map[string]stagger.Progress)
	}
	k.of[p.Rollout] = p
	if len(k.of) > progressKept {
		delete(k.of, k.stalest())
	}
}

func (k *progress) stalest() string {
	var found stagger.Progress
	for _, p := range k.of {
		if found.Rollout == "" || p.At.Before(found.At) {
			found = p
		}
	}
	return found.Rollout
}
