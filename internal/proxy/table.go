package proxy

import (
	"cmp"
	"slices"
	"strings"

	"github.com/stagger-dev/stagger"
)

// table is all of routing at one moment. It is never changed: a change makes
// another table and stores one pointer.
type table struct {
	listeners []hosts
	services  []*traffic
}

// service returns a service by name.
func (t *table) service(name string) (*traffic, int) {
	for i, s := range t.services {
		if s.service.Name == name {
			return s, i
		}
	}
	return nil, -1
}

// with returns a table in which one service's traffic is another.
func (t *table) with(i int, s *traffic) *table {
	services := slices.Clone(t.services)
	services[i] = s
	return &table{listeners: t.listeners, services: services}
}

// find returns the service and the route of a request, nil if none wants it.
func (t *table) find(listener int, host, path string) (*traffic, *route) {
	r := t.listeners[listener].find(host, path)
	if r == nil {
		return nil, nil
	}
	return t.services[r.service], r
}

// route leads to a service. Its index says where in a version's series its
// requests are counted.
type route struct {
	path           string // a prefix without a slash at its end
	service, index int
	page           bool // to the status page of the service, at path alone
}

// matches says whether path lies at or below the route's prefix.
func (r *route) matches(path string) bool {
	return strings.HasPrefix(path, r.path) && (len(path) == len(r.path) || path[len(r.path)] == '/' && !r.page)
}

// routes are those of one host, the longest path first.
type routes []route

func (rs routes) find(path string) *route {
	for i := range rs {
		if rs[i].matches(path) {
			return &rs[i]
		}
	}
	return nil
}

// hosts are the routes of one listener.
type hosts struct {
	exact    map[string]routes
	wildcard map[string]routes // by what follows "*."
	other    routes
}

// find returns the most specific route: exact host, then the longest wildcard,
// then any host. Where no route names a host nobody looks at it.
func (h *hosts) find(host, path string) *route {
	if len(h.exact) == 0 && len(h.wildcard) == 0 {
		return h.other.find(path)
	}
	host = hostname(host)
	if len(h.exact) > 0 {
		if r := h.exact[host].find(path); r != nil {
			return r
		}
	}
	if len(h.wildcard) > 0 {
		for _, parent, ok := strings.Cut(host, "."); ok; _, parent, ok = strings.Cut(parent, ".") {
			if r := h.wildcard[parent].find(path); r != nil {
				return r
			}
		}
	}
	return h.other.find(path)
}

// add puts a route in its place; it says whether the place was free.
func (h *hosts) add(host string, r route) bool {
	place := &h.other
	put := func() {}
	if host != "" {
		byHost, name := &h.exact, strings.ToLower(host)
		if parent, ok := strings.CutPrefix(name, "*."); ok {
			byHost, name = &h.wildcard, parent
		}
		if *byHost == nil {
			*byHost = make(map[string]routes)
		}
		some := (*byHost)[name]
		place, put = &some, func() { (*byHost)[name] = some }
	}
	if slices.ContainsFunc(*place, func(o route) bool { return o.path == r.path }) {
		return false
	}
	*place = append(*place, r)
	slices.SortStableFunc(*place, func(a, b route) int { return cmp.Compare(len(b.path), len(a.path)) })
	put()
	return true
}

// newListeners lays out the routes of all services.
func newListeners(byName map[string]int, services []stagger.Service) ([]hosts, error) {
	listeners := make([]hosts, len(byName))
	for i, s := range services {
		l, err := listenerOf(byName, s)
		if err != nil {
			return nil, err
		}
		for k, r := range s.Routes {
			if !strings.HasPrefix(r.Path, "/") {
				return nil, refuse(stagger.CodeInvalid, "service %q: the path %q does not begin with a slash", s.Name, r.Path)
			}
			if !listeners[l].add(r.Host, route{path: strings.TrimRight(r.Path, "/"), service: i, index: k}) {
				return nil, refuse(stagger.CodeInvalid, "service %q: the route %s%s is taken already", s.Name, r.Host, r.Path)
			}
		}
		if err := listeners[l].addPage(s, i); err != nil {
			return nil, err
		}
	}
	return listeners, nil
}

// listenerOf returns the listener of a service. One that names none takes the
// only one there is.
func listenerOf(byName map[string]int, s stagger.Service) (int, error) {
	if i, ok := byName[s.Listener]; ok {
		return i, nil
	}
	if s.Listener == "" && len(byName) == 1 {
		return 0, nil
	}
	return 0, refuse(stagger.CodeInvalid, "service %q wants the listener %q, which does not exist", s.Name, s.Listener)
}

// hostname returns the host of a Host header as routes write it: lower case,
// without port and final dot. It allocates only to lower the case.
func hostname(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
