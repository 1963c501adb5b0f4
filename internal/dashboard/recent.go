package dashboard

import (
	"context"
	"sync"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/store"
)

// recent keeps what ended lately. It is read anew when the log has grown, and not
// each time that a page follows what happens.
type recent struct {
	mu   sync.Mutex
	last int64
	kept *past
}

// past is what was rolled out lately.
type past struct {
	newest []stagger.Rollout            // under way or over, newest first
	of     map[string][]stagger.Rollout // those that are over, by service
	some   bool
}

// recentRead is how far the past of services is looked for.
const recentRead = 300

// at returns the past as of the log's entry last.
func (r *recent) at(ctx context.Context, s Store, last int64) (*past, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept != nil && r.last == last {
		return r.kept, nil
	}
	newest, err := s.Rollouts(ctx, store.Filter{Limit: recentRead})
	if err != nil {
		return nil, err
	}
	p := &past{newest: newest, of: map[string][]stagger.Rollout{}, some: len(newest) > 0}
	for _, one := range newest {
		if one.Phase.Final() && len(p.of[one.Service]) < pastShown {
			p.of[one.Service] = append(p.of[one.Service], one)
		}
	}
	r.kept, r.last = p, last
	return p, nil
}
