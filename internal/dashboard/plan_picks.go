package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/config"
	"github.com/stagger-dev/stagger/internal/present"
	"github.com/stagger-dev/stagger/internal/store"
)

// The kinds of plans to pick, before their name.
const (
	pickPreset  = "preset:"
	pickRollout = "rollout:"
)

// planPick is a plan to begin with.
type planPick struct{ Value, Words string }

// picks lists what there is to begin with.
func (d *dashboard) picks(r *http.Request, p *planPage) error {
	for _, s := range d.Services() {
		p.Services = append(p.Services, s.Name)
	}
	p.Presets = []planPick{
		{pickPreset + "standard", "standard: 1%, 5%, 25%, 50%"},
		{pickPreset + "fast", "fast: 10%, 50%"},
		{pickPreset + "cautious", "cautious: 1% to 75%, slowly"},
	}
	past, err := d.Store.Rollouts(r.Context(), store.Filter{Limit: recentShown})
	if err != nil {
		return err
	}
	for _, one := range past {
		p.Past = append(p.Past, planPick{pickRollout + one.ID, fmt.Sprintf("%s %s → %s, %s, %s",
			one.Service, one.Baseline, one.Candidate, present.Phase(one.Phase).Words, one.CreatedAt.UTC().Format("2 Jan 15:04"))})
	}
	return nil
}

// picked is the file of a pick, written out so that every line can be changed.
func (d *dashboard) picked(ctx context.Context, service, pick string) (string, error) {
	if id, ok := strings.CutPrefix(pick, pickRollout); ok {
		r, err := d.Store.Rollout(ctx, id)
		if err != nil {
			return "", err
		}
		return string(config.WriteRollout(stagger.Start{Service: r.Service, Candidate: r.Candidate, Change: r.Change, Plan: r.Plan})), nil
	}
	candidate, err := d.candidateOf(ctx, service)
	if err != nil {
		return "", err
	}
	name := strings.TrimPrefix(pick, pickPreset)
	start, err := config.ParseRollout(planFile, fmt.Appendf(nil, "service: x\ncandidate: x\nplan: {preset: %q}\n", name))
	if err != nil {
		return "", &stagger.Error{Code: stagger.CodeNotFound, Message: fmt.Sprintf("There is no preset %q; there are standard, fast and cautious.", name)}
	}
	start.Service, start.Candidate = service, candidate
	if service == "" {
		start.Service = "shop"
	}
	return string(config.WriteRollout(start)), nil
}

// candidateOf is a version of a service that could be rolled out.
func (d *dashboard) candidateOf(ctx context.Context, service string) (string, error) {
	statuses, err := d.Store.Statuses(ctx, d.Services())
	if err != nil {
		return "", err
	}
	candidate := "v2"
	for _, s := range statuses {
		for _, v := range s.Service.Versions {
			if s.Service.Name == service && v.Name != s.Baseline {
				candidate = v.Name
			}
		}
	}
	return candidate, nil
}
