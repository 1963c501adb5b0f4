package dashboard

import (
	"context"
	"fmt"
	"net/http"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
	"github.com/stagger-dev/stagger/internal/store"
)

// How many rollouts the first page lists, and searches in.
const (
	recentShown = 20
	foundShown  = 100
	pastShown   = 6 // beside its service
)

// servicesPage is the first page.
type servicesPage struct {
	Search   search
	Services []serviceCard // those that need somebody first
	Rollouts []stagger.Rollout
	All      int  // services there are
	Cut      bool // there are more rollouts like that
	Some     bool // there was a rollout at all
	// Lesson teaches the first rollout; nil once there was one.
	Lesson *lesson
	Setup  string // a configuration to begin with; "" once there is a service
}

// Nothing says that the search found nothing.
func (p servicesPage) Nothing() bool {
	return !p.Search.Empty() && len(p.Services) == 0 && len(p.Rollouts) == 0
}

func (d *dashboard) services(r *http.Request) (view, error) {
	ctx := r.Context()
	// Before anything is read, so that no change is missed.
	last, err := d.Store.Last(ctx)
	if err != nil {
		return view{}, err
	}
	p := servicesPage{Search: searchOf(r.URL.Query())}
	past, err := d.recent.at(ctx, d.Store, last)
	if err != nil {
		return view{}, err
	}
	p.Some = past.some
	if p.Rollouts, p.Cut, err = d.find(ctx, p.Search, past); err != nil {
		return view{}, err
	}
	statuses, err := d.Store.Statuses(ctx, d.Services())
	if err != nil {
		return view{}, err
	}
	p.All = len(statuses)
	for _, status := range statuses {
		if d.Endpoints != nil {
			status.Endpoints = d.Endpoints(status.Service.Name)
		}
		if card := d.card(ctx, status, past.of[status.Service.Name]); p.Search.card(card) {
			p.Services = append(p.Services, card)
		}
	}
	urgent(p.Services)
	if !past.some {
		p.Lesson = teach(statuses, r.Host)
	}
	if len(statuses) == 0 {
		p.Setup = setup
	}
	return view{Title: p.title(), Stream: fmt.Sprintf("/api/v1/events?after=%d", last), Body: p}, nil
}

// title tells a tab in the background how many services need somebody.
func (p servicesPage) title() string {
	n := 0
	for _, card := range p.Services {
		if card.Urgency > calm {
			n++
		}
	}
	if n == 0 {
		return "Services"
	}
	return fmt.Sprintf("(%d) Services", n)
}

// find returns the rollouts like s, newest first; without a search, the newest.
func (d *dashboard) find(ctx context.Context, s search, past *past) (found []stagger.Rollout, cut bool, err error) {
	if s.Empty() {
		return past.newest[:min(len(past.newest), recentShown)], false, nil
	}
	all, err := d.Store.Rollouts(ctx, store.Filter{Text: s.longest(), Limit: store.PageLimit})
	if err != nil {
		return nil, false, err
	}
	for _, r := range all {
		if !s.rollout(r) {
			continue
		}
		if len(found) == foundShown {
			return found, true, nil
		}
		found = append(found, r)
	}
	return found, len(all) == store.PageLimit, nil
}

// serviceCard is a service on the first page.
type serviceCard struct {
	stagger.ServiceStatus

	Sign     present.Sign
	Urgency  int
	Steps    []present.Rung
	Now      string // the stage it is in
	Verdict  *present.Sign
	Sentence string
	Next     string
	Past     []stagger.Rollout // that are over, newest first
}

func (d *dashboard) card(ctx context.Context, s stagger.ServiceStatus, past []stagger.Rollout) serviceCard {
	c := serviceCard{ServiceStatus: s, Past: past, Urgency: urgency(s)}
	if s.Rollout == nil {
		return c
	}
	c.Sign, c.Steps = present.Phase(s.Rollout.Phase), present.Ladder(*s.Rollout, d.Now())
	for _, step := range c.Steps {
		if step.Active {
			c.Now = step.Name
		}
	}
	progress, err := d.Store.Progress(ctx, s.Rollout.ID)
	if err != nil { // nothing is known since the server started
		return c
	}
	if v := progress.Verdict; v.Outcome != "" {
		sign := present.Outcome(v.Outcome)
		if v.Advice != stagger.AdviseNothing && v.Advice != "" {
			sign = present.Advice(v.Advice)
		}
		c.Verdict, c.Sentence = &sign, v.Sentence
	}
	c.Next = progress.Next
	return c
}
