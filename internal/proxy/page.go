package proxy

import (
	"cmp"
	"net/url"
	"strings"
	"time"

	"github.com/stagger-dev/stagger"
)

// page is the status page of a service: where its users are told what works.
// What it remembers outlives changes of the table and reloads.
type page struct {
	title  string
	titles []string // of the routes, by their index
	link   string   // the field that points to it
	story  *chronicle
}

// pageOf returns nil for a service that declares none.
func pageOf(s stagger.Service, before *traffic) *page {
	if s.StatusPage.Path == "" {
		return nil
	}
	at := url.URL{Host: s.StatusPage.Host, Path: s.StatusPage.Path}
	p := &page{title: cmp.Or(s.StatusPage.Title, s.Name), link: "<" + at.String() + `>; rel="status"`}
	for _, r := range s.Routes {
		p.titles = append(p.titles, cmp.Or(r.Title, routeName(r)))
	}
	if before != nil && before.page != nil {
		p.story = before.page.story
	} else {
		p.story = &chronicle{}
	}
	return p
}

// addPage puts the page of the service with an index in its places.
func (h *hosts) addPage(s stagger.Service, index int) error {
	p := s.StatusPage
	if p.Path == "" {
		return nil
	}
	if len(p.Path) < 2 || p.Path[0] != '/' || strings.HasSuffix(p.Path, "/") {
		return refuse(stagger.CodeInvalid, "service %q: the status page cannot be at %q", s.Name, p.Path)
	}
	for _, host := range p.Hosts(s.Routes) {
		if !h.add(host, route{path: p.Path, service: index, page: true}) {
			return refuse(stagger.CodeInvalid, "service %q: something else is at %s%s than its status page", s.Name, host, p.Path)
		}
	}
	return nil
}

// conditions are those of the routes, by their index.
func (t *traffic) conditions(now time.Time) []condition {
	up, down := t.able()
	out := make([]condition, len(t.service.Routes))
	for i, r := range t.service.Routes {
		if d, ok := t.told(i, now); ok {
			out[i] = condition{state: stateOf(d.Mode), mode: d.Mode, since: d.Since}
			continue
		}
		switch mode := r.Degrade.Mode(); {
		case down == 0:
			out[i] = condition{state: works}
		case up > 0:
			out[i] = condition{state: degraded, mode: modePartly}
		case mode != "":
			// Nobody has asked since: it is what who asks would get.
			out[i] = condition{state: stateOf(mode), mode: mode}
		default:
			out[i] = condition{state: unavailable}
		}
	}
	return out
}

// told is what users of a route were told of late, if it was degraded.
func (t *traffic) told(i int, now time.Time) (stagger.Degraded, bool) {
	if t.shield == nil {
		return stagger.Degraded{}, false
	}
	return t.shield.routes[i].notice.standing(now)
}

// able counts the versions that users meet, by whether these are answered: of
// the candidate also where the baseline does that for it.
func (t *traffic) able() (up, down int) {
	for _, v := range t.met() {
		if v.able() || t.service.Fallback && t.baseline.able() {
			up++
		} else {
			down++
		}
	}
	return up, down
}

// able says whether the version can answer.
func (v *version) able() bool {
	return v.pool.Ready() && (v.guard == nil || v.guard.circuit.closed())
}

// met returns the versions that users meet.
func (t *traffic) met() []*version {
	switch {
	case t.candidate == nil || !t.split.Exposes():
		return []*version{t.baseline}
	case t.split.Weight >= stagger.WeightFull:
		return []*version{t.candidate}
	}
	return []*version{t.baseline, t.candidate}
}

// note brings what the page remembers up to date.
func (t *traffic) note(now time.Time) { t.page.story.note(now, t.page.titles, t.conditions(now)) }

// look lets every page notice what has changed.
func (p *Proxy) look(now time.Time) {
	for _, t := range p.table.Load().services {
		if t.page != nil {
			t.note(now)
		}
	}
}
