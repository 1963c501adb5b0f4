package meter

import (
	"sync"
	"time"
)

// A subject's failure counts as its first again after one to two generations.
const (
	generation   = 10 * time.Minute
	maxFailed    = 1 << 15 // subjects per generation, so that memory is bounded
	shortestTurn = 10 * time.Second
)

// subjects remembers who failed lately. When more fail than can be remembered,
// generations become shorter.
type subjects struct {
	mu            sync.Mutex // guards the rest
	began         time.Time
	now, previous map[uint64]struct{}
}

// first says whether a failure at the given time is the first of its subject,
// and remembers it. Beyond the bound every failure is.
func (s *subjects) first(subject uint64, at time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	age := at.Sub(s.began)
	if s.now == nil || age >= generation || len(s.now) >= maxFailed && age >= shortestTurn {
		s.previous, s.now, s.began = s.now, make(map[uint64]struct{}), at
	}
	if _, known := s.now[subject]; known {
		return false
	}
	_, before := s.previous[subject]
	if len(s.now) < maxFailed {
		s.now[subject] = struct{}{}
	}
	return !before
}
