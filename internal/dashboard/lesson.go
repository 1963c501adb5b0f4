package dashboard

import (
	"fmt"

	"github.com/stagger-dev/stagger"
)

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

// setup is a configuration to begin with, for a server that has no service.
const setup = `listeners:
  - name: web
    address: 127.0.0.1:8080   # clients come in here
services:
  - name: shop
    baseline: v1
    versions:
      v1: {upstreams: ["http://127.0.0.1:9001"]}
      v2: {upstreams: ["http://127.0.0.1:9002"]}
`
