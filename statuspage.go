package stagger

import (
	"slices"
	"strings"
)

// StatusPage is where the users of a service are told what works, what is
// degraded and since when. The proxy answers there itself, whatever becomes of
// the service. The zero value is nowhere.
type StatusPage struct {
	// Path is the page's own; what lies below it is not.
	Path string `json:"path"`
	// Host is the only host that has the page. Empty is every host that the
	// routes of the service name, and any host if one of them names none.
	Host string `json:"host,omitempty"`
	// Title is what users call the service; empty is its name.
	Title string `json:"title,omitempty"`
}

// Hosts returns the hosts that have the page of a service with these routes, ""
// for any; none without a page.
func (p StatusPage) Hosts(routes []Route) []string {
	switch {
	case p.Path == "":
		return nil
	case p.Host != "":
		return []string{p.Host}
	}
	var hosts []string
	for _, r := range routes {
		if !slices.ContainsFunc(hosts, func(h string) bool { return strings.EqualFold(h, r.Host) }) {
			hosts = append(hosts, r.Host)
		}
	}
	return hosts
}
