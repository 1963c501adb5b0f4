package scrape

import (
	"net/url"
	"strings"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/config"
)

// aim is one endpoint to read.
type aim struct {
	service, version string
	upstream         string // as a Version has it
	metrics          stagger.Metrics
	siblings         int // endpoints of the version, this one included
}

// address is host:port, by which the proxy names the endpoint too.
func (a aim) address() string {
	u, err := url.Parse(a.upstream)
	switch {
	case err != nil || u.Host == "":
		return a.upstream // the configuration lets none through
	case u.Port() == "":
		return strings.TrimSuffix(u.Host, ":") + ":80"
	}
	return u.Host
}

// wish is a metric that a guardrail judges.
type wish struct {
	signal stagger.Signal
	text   string // as the guardrail writes it
	metric config.Metric
}

// aims says which endpoints to read, and for what.
func aims(active []stagger.Rollout, services []stagger.Service) map[aim][]wish {
	out := make(map[aim][]wish)
	for _, r := range active {
		wishes := wishesOf(r.Plan.Guardrails)
		for _, s := range services {
			if s.Name != r.Service || s.Metrics.Path == "" || len(wishes) == 0 {
				continue
			}
			for _, a := range aimsOf(s, r.Baseline, r.Candidate) {
				out[a] = wishes
			}
		}
	}
	return out
}

func aimsOf(s stagger.Service, versions ...string) []aim {
	var out []aim
	for _, name := range versions {
		v, _ := s.Version(name)
		for _, upstream := range v.Upstreams {
			out = append(out, aim{
				service: s.Name, version: name, upstream: upstream, metrics: s.Metrics, siblings: len(v.Upstreams),
			})
		}
	}
	return out
}

func wishesOf(guardrails []stagger.Guardrail) []wish {
	var out []wish
	for _, g := range guardrails {
		if !config.OfMetric(g.Signal) {
			continue
		}
		m, err := config.ParseMetric(g.Metric)
		if err != nil {
			continue // no plan was started with it
		}
		out = append(out, wish{signal: g.Signal, text: g.Metric, metric: m})
	}
	return out
}
