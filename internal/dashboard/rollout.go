package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
)

// historyShown bounds the changelog; the newest events stay.
const historyShown = 500

// rolloutPage is one rollout.
type rolloutPage struct {
	*scene

	Sign    present.Sign
	Elapsed time.Duration
	Panels  []shownPanel
}

func (d *dashboard) rollout(r *http.Request) (view, error) {
	ctx, id := r.Context(), r.PathValue("id")
	// Before anything is read, so that no change is missed.
	last, err := d.Store.Last(ctx)
	if err != nil {
		return view{}, err
	}
	s, err := d.scene(ctx, id)
	if err != nil {
		return view{}, err
	}
	if p, ok := panelNamed(r.URL.Query().Get("part")); ok {
		shown, err := s.show(p)
		return view{Template: "panel", Body: shown}, err
	}
	p := rolloutPage{scene: s, Sign: present.Phase(s.Rollout.Phase), Elapsed: s.elapsed()}
	if p.Panels, err = s.shows(panels[:lively]); err != nil {
		return view{}, err
	}
	return view{
		Title:  fmt.Sprintf("%s %s: %s %s → %s", p.Sign.Symbol, p.Sign.Words, s.Rollout.Service, s.Rollout.Baseline, s.Rollout.Candidate),
		Stream: follow(s.Rollout, last), Body: p,
		Later: func() (any, error) { return s.shows(panels[lively:]) },
	}, nil
}

// follow is the stream of what happens to a rollout after the log's entry last;
// "" when nothing will.
func follow(r stagger.Rollout, last int64) string {
	if settled(r) {
		return ""
	}
	return fmt.Sprintf("/api/v1%s/events?after=%d", rolloutURL(r.ID), last)
}

// scene reads what the panels share.
func (d *dashboard) scene(ctx context.Context, id string) (*scene, error) {
	rollout, err := d.Store.Rollout(ctx, id)
	if err != nil {
		return nil, err
	}
	s := &scene{Rollout: rollout, Now: d.Now(), ctx: ctx, dashboard: d}
	switch progress, err := d.Store.Progress(ctx, id); stagger.CodeOf(err) {
	case "":
		s.Progress = &progress
	case stagger.CodeNotFound: // not since the server started
	default:
		return nil, err
	}
	after := uint64(0)
	if rollout.Events > historyShown {
		after, s.Cut = rollout.Events-historyShown, true
	}
	if s.Events, err = d.Store.History(ctx, id, after, historyShown); err != nil {
		return nil, err
	}
	slices.Reverse(s.Events)
	s.Verdict = s.newest()
	return s, nil
}

// settled says whether nothing will happen to a rollout any more.
func settled(r stagger.Rollout) bool {
	return r.Phase.Final() && (!r.Converged.IsZero() || r.Phase == stagger.PhaseSuperseded)
}

// elapsed is how long it has been, or was, under way.
func (s *scene) elapsed() time.Duration {
	end := s.Now
	if !s.Rollout.EndedAt.IsZero() {
		end = s.Rollout.EndedAt
	}
	return max(end.Sub(s.Rollout.CreatedAt), 0)
}

// newest is the newest verdict there is.
func (s *scene) newest() *stagger.Verdict {
	if s.Progress != nil && s.Progress.Verdict.Outcome != "" {
		return &s.Progress.Verdict
	}
	for _, e := range s.Events {
		if e.Verdict != nil {
			return e.Verdict
		}
	}
	return nil
}
