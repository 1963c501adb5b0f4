package dashboard

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/outcome"
	"github.com/stagger-dev/stagger/internal/store"
)

// Past is what the pages on what has been read of the store.
type Past interface {
	Chain(ctx context.Context, rollout string, after uint64, limit int) ([]store.ChainEntry, error)
	Endings(ctx context.Context, service string, before int64, limit int) ([]store.Ending, error)
	Turns(ctx context.Context, rollout string) ([]stagger.Event, error)
}

// past adds the pages on what has been.
func (d *dashboard) past(mux *http.ServeMux) {
	mux.HandleFunc("GET /rollouts/{id}/history", d.page("history", d.events))
	mux.HandleFunc("GET /rollouts/{id}/report", d.page("report", d.report))
	mux.HandleFunc("GET /compare", d.page("compare", d.compare))
	mux.HandleFunc("GET /outcomes", d.page("outcomes", d.outcomes))
	if d.Ask != nil {
		mux.HandleFunc("POST /rollouts/{id}/review", d.review)
	}
}

// The bounds of what is told of the past.
const (
	livesRead = 10_000 // rollouts of one report, the newest
	livesKept = 20_000 // of which is remembered how they went
	livesPage = 500
)

// lives remembers how rollouts went that are over: nothing but a review changes
// that, so that no history is read twice.
type lives struct {
	mu sync.Mutex
	of map[string]life
}

// life is how a rollout went, when it had so many events.
type life struct {
	outcome.Life

	events uint64
}

// since returns how the rollouts went that were begun after from, of a service or
// of all when that is empty; cut tells that there are more.
func (l *lives) since(ctx context.Context, s Store, service string, from time.Time) (all []outcome.Life, cut bool, err error) {
	before := int64(0)
	for len(all) < livesRead {
		page, err := s.Endings(ctx, service, before, livesPage)
		if err != nil || len(page) == 0 {
			return all, false, err
		}
		for _, e := range page {
			one, err := l.one(ctx, s, e)
			if err != nil {
				return nil, false, err
			}
			if one.Created.Before(from) {
				return all, false, nil
			}
			all, before = append(all, one), e.Position
		}
	}
	return all, true, nil
}

func (l *lives) one(ctx context.Context, s Store, e store.Ending) (outcome.Life, error) {
	if known, ok := l.known(e); ok {
		return known, nil
	}
	r, err := s.Rollout(ctx, e.Rollout)
	if err != nil {
		return outcome.Life{}, err
	}
	history, err := s.Turns(ctx, e.Rollout)
	if err != nil {
		return outcome.Life{}, err
	}
	found := outcome.Of(r, history)
	l.keep(r, found)
	return found, nil
}

func (l *lives) known(e store.Ending) (outcome.Life, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known, ok := l.of[e.Rollout]
	return known.Life, ok && known.events == e.Events
}

func (l *lives) keep(r stagger.Rollout, found outcome.Life) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil || len(l.of) >= livesKept {
		l.of = make(map[string]life) // what is asked for next comes anew
	}
	l.of[r.ID] = life{found, r.Events}
}
