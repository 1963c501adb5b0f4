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
	at               string // the address behind it, where somebody knows
	metrics          stagger.Metrics
	siblings         int // endpoints of the version, this one included
}

// address is host:port, by which the proxy names the endpoint too.
func (a aim) address() string {
	if a.at != "" {
		return a.at
	}
	u, err := url.Parse(a.upstream)
	switch {
	case err != nil || u.Host == "":
		return a.upstream // the configuration lets none through
	case u.Port() == "":
		return strings.TrimSuffix(u.Host, ":") + ":80"
	}
	return u.Host
}

// authority is the host of the endpoint's URL; a socket has none.
func (a aim) authority() string {
	if strings.HasPrefix(a.address(), "unix:") {
		return "localhost"
	}
	return a.address()
}

// wish is a metric that a guardrail judges.
type wish struct {
	signal stagger.Signal
	text   string // as the guardrail writes it
	metric config.Metric
}

// aims says which endpoints to read, and for what.
func aims(active []stagger.Rollout, services []stagger.Service, upstreams Upstreams) map[aim][]wish {
	out := make(map[aim][]wish)
	for _, r := range active {
		wishes := wishesOf(r.Plan.Guardrails)
		for _, s := range services {
			if s.Name != r.Service || s.Metrics.Path == "" || len(wishes) == 0 {
				continue
			}
			for _, a := range aimsOf(s, upstreams, r.Baseline, r.Candidate) {
				out[a] = wishes
			}
		}
	}
	return out
}

func aimsOf(s stagger.Service, upstreams Upstreams, versions ...string) []aim {
	var out []aim
	for _, name := range versions {
		first := len(out)
		if upstreams != nil {
			out = found(out, s, upstreams, name)
		} else {
			out = configured(out, s, name)
		}
		for i := first; i < len(out); i++ {
			out[i].service, out[i].version, out[i].metrics, out[i].siblings = s.Name, name, s.Metrics, len(out)-first
		}
	}
	return out
}

// configured are the endpoints of a version as its service names them.
func configured(out []aim, s stagger.Service, version string) []aim {
	v, _ := s.Version(version)
	for _, upstream := range v.Upstreams {
		out = append(out, aim{upstream: upstream})
	}
	return out
}

// found are the endpoints of a version that get requests, or will.
func found(out []aim, s stagger.Service, upstreams Upstreams, version string) []aim {
	for _, e := range upstreams.Endpoints(s.Name) {
		if e.Version == version && e.State != stagger.EndpointDraining {
			out = append(out, aim{upstream: e.Upstream, at: e.Address})
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
