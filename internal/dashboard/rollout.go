package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
)

// historyShown bounds the changelog; the newest events stay.
const historyShown = 500

// rolloutPage is one rollout.
type rolloutPage struct {
	Rollout  stagger.Rollout
	Sign     present.Sign
	Elapsed  time.Duration
	Ladder   []rung
	Progress *stagger.Progress // nil while nothing is known
	Split    split
	Verdict  *stagger.Verdict // nil while there is none
	Outcome  present.Sign
	Findings []finding
	Ledger   []account
	Brief    bool // without Path, which the browser keeps
	Path     evolution
	Shadow   *shadowed // nil where nothing was mirrored
	Next     string
	History  []stagger.Event // newest first
	Cut      bool            // older events are left out
}

func (d *dashboard) rollout(r *http.Request) (view, error) {
	ctx, id := r.Context(), r.PathValue("id")
	// Before anything is read, so that no change is missed.
	last, err := d.Store.Last(ctx)
	if err != nil {
		return view{}, err
	}
	rollout, err := d.Store.Rollout(ctx, id)
	if err != nil {
		return view{}, err
	}
	p := rolloutPage{Rollout: rollout}
	switch progress, err := d.Store.Progress(ctx, id); stagger.CodeOf(err) {
	case "":
		p.Progress = &progress
	case stagger.CodeNotFound: // not since the server started
	default:
		return view{}, err
	}
	after := uint64(0)
	if rollout.Events > historyShown {
		after, p.Cut = rollout.Events-historyShown, true
	}
	if p.History, err = d.Store.History(ctx, id, after, historyShown); err != nil {
		return view{}, err
	}
	slices.Reverse(p.History)
	if p.Brief = r.URL.Query().Get("part") == partBrief; !p.Brief {
		p.Path = evolutionOf(d.path(ctx, id), p.History)
	}
	p.Shadow = d.shadowed(id)
	p.compose(d.Now())
	v := view{Title: fmt.Sprintf("%s %s → %s", rollout.Service, rollout.Baseline, rollout.Candidate), Body: p}
	if !p.settled() {
		v.Stream = fmt.Sprintf("/api/v1/rollouts/%s/events?after=%d", url.PathEscape(id), last)
	}
	return v, nil
}

// path is how the evidence grew. Without it the page is worth showing.
func (d *dashboard) path(ctx context.Context, id string) stagger.Path {
	path, err := d.Store.Evidence(ctx, id)
	if err != nil && ctx.Err() == nil {
		d.Log.Error("the path of the evidence cannot be shown", "rollout", id, "error", err)
	}
	return path
}

// settled says whether nothing on the page will change any more.
func (p *rolloutPage) settled() bool {
	r := p.Rollout
	return r.Phase.Final() && (!r.Converged.IsZero() || r.Phase == stagger.PhaseSuperseded)
}

// compose works out what the page shows from what was read.
func (p *rolloutPage) compose(now time.Time) {
	r := p.Rollout
	p.Sign = present.Phase(r.Phase)
	end := now
	if !r.EndedAt.IsZero() {
		end = r.EndedAt
	}
	p.Elapsed = max(end.Sub(r.CreatedAt), 0)
	for _, step := range present.Ladder(r, now) {
		p.Ladder = append(p.Ladder, rungOf(step))
	}
	if p.Verdict = p.verdict(); p.Verdict != nil {
		p.Outcome = present.Outcome(p.Verdict.Outcome)
		for _, f := range p.Verdict.Findings {
			p.Findings = append(p.Findings, findingOf(f))
		}
		for _, a := range p.Verdict.Ledger {
			p.Ledger = append(p.Ledger, accountOf(a))
		}
	}
	if p.Progress == nil {
		return
	}
	p.Split = splitOf(*p.Progress, p.Rollout.Candidate)
	if !r.Phase.Final() {
		p.Next = p.Progress.Next
		if in := p.Progress.NextAt.Sub(now); in > 0 {
			p.Next += ", in " + present.Span(in.Round(time.Second))
		}
	}
}

// verdict is the newest there is.
func (p *rolloutPage) verdict() *stagger.Verdict {
	if p.Progress != nil && p.Progress.Verdict.Outcome != "" {
		return &p.Progress.Verdict
	}
	for _, e := range p.History {
		if e.Verdict != nil {
			return e.Verdict
		}
	}
	return nil
}
