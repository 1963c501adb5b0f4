package proxy

import (
	"cmp"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/cohort"
	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/mirror"
	"github.com/stagger-dev/stagger/internal/upstream"
)

// traffic says where the requests of one service go now. It is immutable.
type traffic struct {
	service  *stagger.Service
	timeouts stagger.Timeouts
	versions []*version
	plain    bool // every endpoint speaks HTTP/1.1
	tap      *tapOf
	shield   *shield // nil where nothing is declared
	page     *page   // nil without a status page
	pause    *pause  // nil while requests are sent

	split stagger.Split
	// applied tells a split that was asked for from the one a service starts
	// with.
	applied   bool
	chooser   *cohort.Chooser
	baseline  *version
	candidate *version
	// arrivals is who came while the weight showed the candidate to somebody.
	// It stays when the weight goes, as the rollout may go on; the next rollout
	// replaces it.
	arrivals *meter.Arrivals
	// crowd is who met the candidate; it stays and is replaced as arrivals are.
	crowd *meter.Crowd

	mirror *mirror.Mirror // nil where nothing can be mirrored
	shade  *shade         // nil while nothing is
}

// version is one version of a service with where it runs and is counted.
type version struct {
	name   string
	header []string // the value of the version header, shared by all answers
	line   []byte   // the whole field, empty where the service wants none
	pool   *upstream.Pool
	guard  *guard          // nil where the service has no shield
	series []*meter.Series // by the index of the route
}

// version returns a version by name, nil if there is none.
func (t *traffic) version(name string) *version {
	for _, v := range t.versions {
		if v.name == name {
			return v
		}
	}
	return nil
}

// under returns the same service under another split.
func (t *traffic) under(s stagger.Split, applied bool) (*traffic, error) {
	u := *t
	u.split, u.applied = s, applied
	if u.baseline = t.version(s.Baseline); u.baseline == nil {
		return nil, refuse(stagger.CodeNotFound, "service %q has no version %q", s.Service, s.Baseline)
	}
	u.candidate = nil
	if s.Candidate != "" {
		if u.candidate = t.version(s.Candidate); u.candidate == nil {
			return nil, refuse(stagger.CodeNotFound, "service %q has no version %q", s.Service, s.Candidate)
		}
	}
	chooser, err := cohort.Compile(s)
	if err != nil {
		return nil, err
	}
	u.chooser = chooser
	if u.chance() {
		u.arrivals = meter.ArrivalsUnder(s.Seed, t.arrivals)
	}
	if s.Exposes() {
		u.crowd = meter.CrowdOf(s.Rollout, t.crowd)
	}
	u.shade = u.newShade()
	return &u, nil
}

// chance says whether the weight shows the candidate to anybody.
func (t *traffic) chance() bool { return t.candidate != nil && t.split.Weight > 0 }

// choose returns the version the subject of a meets, and what is to be counted
// of it.
func (t *traffic) choose(a cohort.Attributes) (*version, meter.Request) {
	at, candidate, ruled := t.chooser.Choose(a)
	r := meter.Request{Subject: at, Ruled: ruled}
	if t.chance() {
		r.Arrivals = t.arrivals
	}
	if candidate {
		r.Crowd = t.crowd
		return t.candidate, r
	}
	return t.baseline, r
}

// pass is one request that was let in: which version it meets, where, and its
// sample. Every transport gets one from admit, ends the sample exactly once and
// then releases the endpoint.
type pass struct {
	version  *version
	endpoint *upstream.Endpoint // nil if there is none for it
	picked   upstream.Picked    // what is to be said of the endpoint, or of there being none
	status   int                // what the endpoint answered, zero before it did
	sample   meter.Sample
	care     *care // nil where the service has no shield
}

// admit chooses version and endpoint, and begins to measure. A version without
// a healthy endpoint keeps its subjects: moving them would hide its failure. The
// first endpoint is the one to count, whoever is tried later.
func (t *traffic) admit(r *route, a cohort.Attributes, now time.Time) pass {
	v, request := t.choose(a)
	p := pass{version: v}
	if t.shield != nil {
		p.protect(t, r, a, request.Subject, now)
	} else {
		p.endpoint, p.picked = v.pool.Pick(request.Subject)
	}
	if p.endpoint != nil {
		request.Host = p.endpoint.Host()
	}
	p.sample = v.series[r.index].BeginRequest(now, request)
	return p
}

// release gives the endpoint back and tells it how the request ended, and gives
// the care back.
func (p *pass) release(class meter.Class) {
	if p.care != nil {
		p.free()
		return
	}
	if p.endpoint == nil {
		return
	}
	if p.picked != upstream.Full {
		p.endpoint.Report(upstream.OutcomeOf(class, p.status))
	}
	p.endpoint.Release()
}

// retryAfter is how many seconds a client is asked to wait where a version takes
// no more for the moment.
const retryAfter = "1"

// mayPass says whether waiting may help a request that was refused.
func (p *pass) mayPass() bool {
	if p.care != nil && p.care.refusal != nil {
		r := p.care.refusal.reason
		return r == circuitOpen || r == overload || r == full
	}
	return p.picked == upstream.Full
}

// routeName is what a route is called where its requests are counted.
func routeName(r stagger.Route) string { return cmp.Or(r.Name, r.Host+r.Path) }
