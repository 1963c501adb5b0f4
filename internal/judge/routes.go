package judge

import (
	"cmp"
	"maps"
	"slices"

	"github.com/stagger-dev/stagger"
)

const (
	// maxRoutes is how many routes are compared each by itself, those with the
	// most requests; the others are compared together.
	maxRoutes = 8
	// maxCounted is how many routes are counted to choose among.
	maxCounted = 64
)

// What requests are compared within that are not compared by route: while nobody
// meets the candidate all of them, later those of routes that were not chosen.
const (
	allRoutes   = "all"
	otherRoutes = "other"
)

// routes are the strata: what is compared within itself.
type routes struct {
	Names  []string          `json:"names,omitempty"` // once the candidate has come
	Met    map[string]uint64 `json:"met,omitempty"`   // requests, until then
	Chosen bool              `json:"chosen,omitempty"`
}

func (r *routes) sound() bool { return len(r.Names) <= maxRoutes && len(r.Met) <= maxCounted }

// count counts requests while there is nothing to compare. When there are too
// many routes a new one takes the place of the one with least, and its count: so
// none that has much is missed (Metwally, Agrawal and El Abbadi 2005,
// "Space-Saving").
func (r *routes) count(name string, n uint64) {
	if n == 0 {
		return
	}
	if r.Met == nil {
		r.Met = make(map[string]uint64)
	}
	if _, known := r.Met[name]; !known && len(r.Met) == maxCounted {
		least := r.byRequests()[maxCounted-1]
		n += r.Met[least]
		delete(r.Met, least)
	}
	r.Met[name] += n
}

// byRequests lists the routes counted, those with most requests first.
func (r *routes) byRequests() []string {
	return slices.SortedFunc(maps.Keys(r.Met), func(a, b string) int {
		return cmp.Or(cmp.Compare(r.Met[b], r.Met[a]), cmp.Compare(a, b))
	})
}

// choose settles on the routes with the most requests. It looks at what came
// before the candidate alone.
func (r *routes) choose() {
	names := r.byRequests()
	r.Names, r.Met, r.Chosen = names[:min(len(names), maxRoutes)], nil, true
}

// stratum is what a route is compared within.
func (r *routes) stratum(name string) string {
	switch {
	case !r.Chosen:
		return allRoutes
	case slices.Contains(r.Names, name):
		return name
	case len(r.Names) < maxRoutes:
		r.Names = append(r.Names, name)
		return name
	default:
		return otherRoutes
	}
}

// comes says whether the candidate meets its first request in a tick.
func (j *Judge) comes(t *stagger.Tick) bool {
	if j.state.Routes.Chosen {
		return false
	}
	return slices.ContainsFunc(t.Observations, func(o stagger.Observation) bool {
		return o.Version == j.config.Candidate && o.Started > 0
	})
}

// stratum names what an observation is compared within: its route, and of each
// proxy by itself where proxies differ.
func (j *Judge) stratum(o *stagger.Observation) string {
	name := o.Route
	if o.Proxy != "" {
		name = j.qualified(o.Proxy, o.Route)
	}
	if !j.state.Routes.Chosen {
		j.state.Routes.count(name, o.Started)
	}
	return j.state.Routes.stratum(name)
}

// named is a route of a proxy and what the two are called together.
type named struct{ proxy, route, name string }

// qualified names a route of a proxy, each the same text every time.
func (j *Judge) qualified(proxy, route string) string {
	for i := range j.named {
		if n := &j.named[i]; n.proxy == proxy && n.route == route {
			return n.name
		}
	}
	n := named{proxy, route, route + " at " + proxy}
	if len(j.named) < maxCounted {
		j.named = append(j.named, n)
	}
	return n.name
}
