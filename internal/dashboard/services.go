package dashboard

import (
	"fmt"
	"net/http"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/store"
)

// recentShown is how many rollouts the first page lists.
const recentShown = 20

// servicesPage is the first page.
type servicesPage struct {
	Services []stagger.ServiceStatus
	Recent   []stagger.Rollout
	// Lesson teaches the first rollout; nil once there was one.
	Lesson *lesson
}

func (d *dashboard) services(r *http.Request) (view, error) {
	ctx := r.Context()
	// Before anything is read, so that no change is missed.
	last, err := d.Store.Last(ctx)
	if err != nil {
		return view{}, err
	}
	p := servicesPage{}
	if p.Recent, err = d.Store.Rollouts(ctx, store.Filter{Limit: recentShown}); err != nil {
		return view{}, err
	}
	if p.Services, err = d.Store.Statuses(ctx, d.Services()); err != nil {
		return view{}, err
	}
	for i := range p.Services {
		if d.Endpoints != nil {
			p.Services[i].Endpoints = d.Endpoints(p.Services[i].Service.Name)
		}
	}
	if len(p.Recent) == 0 {
		p.Lesson = teach(p.Services, r.Host)
	}
	return view{Title: "Services", Stream: fmt.Sprintf("/api/v1/events?after=%d", last), Body: p}, nil
}

// lesson is the way to a first rollout.
type lesson struct {
	Service, Candidate string
	File               string // to be written to rollout.yaml
	Commands           []step
}

// step is a command to copy, and what it does.
type step struct{ Command, What string }

// teach makes a lesson of a service that has a version to roll out; it lacks
// service and candidate when there is none.
func teach(services []stagger.ServiceStatus, host string) *lesson {
	var l lesson
	for _, s := range services {
		for _, v := range s.Service.Versions {
			if v.Name != s.Baseline && l.Service == "" {
				l.Service, l.Candidate = s.Service.Name, v.Name
			}
		}
	}
	at := ""
	if host != "" && host != "127.0.0.1:7979" && host != "localhost:7979" {
		at = " --server http://" + host
	}
	l.File = fmt.Sprintf("service: %s\ncandidate: %s\n", l.Service, l.Candidate)
	l.Commands = []step{
		{"stagger validate rollout.yaml", "Check the file. It has the standard plan: 1 %, 5 %, 25 %, 50 %, then everybody."},
		{"stagger start -f rollout.yaml --wait" + at, "Start it and follow it to its end."},
		{"stagger demo", "Or see a whole rollout in under a minute first; it needs nothing else."},
	}
	return &l
}
