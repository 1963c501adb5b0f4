package proxy

import (
	"io"
	"math/rand/v2"
	"net/http"

	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/mirror"
	"github.com/stagger-dev/stagger/internal/upstream"
)

// shade is what is mirrored of a service's requests. It is immutable, as the
// traffic is that it belongs to.
type shade struct {
	trial               *mirror.Trial
	baseline, candidate sender
}

// newShade returns what the split of t mirrors, nil if that is nothing.
func (t *traffic) newShade() *shade {
	if t.mirror == nil || t.candidate == nil || !t.split.Mirrors() {
		return nil
	}
	return &shade{
		trial:    t.mirror.Trial(t.split),
		baseline: sender{t.baseline.pool}, candidate: sender{t.candidate.pool},
	}
}

// endUnless ends what s mirrors unless next goes on with it.
func (s *shade) endUnless(next *shade) {
	if s != nil && (next == nil || next.trial != s.trial) {
		s.trial.Close()
	}
}

// endShades ends what the services of one table mirror and those of another do
// not.
func endShades(old, next *table) {
	for _, before := range old.services {
		var shade *shade
		if now, _ := next.service(before.service.Name); now != nil {
			shade = now.shade
		}
		before.shade.endUnless(shade)
	}
}

// shades draws whether a request that was let in is mirrored. Only what meets
// the baseline is, as there is nothing else to compare with. While there is much
// to do for users, nothing is.
func (t *traffic) shades(p *pass, method string) bool {
	s := t.shade
	if p.version != t.baseline || p.endpoint == nil || !s.trial.Chooses(method) {
		return false
	}
	switch {
	case !s.candidate.pool.Ready(), t.candidate.guard != nil && !t.candidate.guard.circuit.closed():
		s.trial.Drop(mirror.Unready)
	case s.baseline.busy(t.mirror.Busy()), t.baseline.strained(), t.candidate.strained():
		s.trial.Drop(mirror.Busy)
	default:
		return true
	}
	return false
}

// strainedAt is the part of a version's limit from which on nothing is mirrored.
const strainedAt = 0.8

// strained says whether users take most of what a version can bear.
func (v *version) strained() bool { return v.guard != nil && v.guard.limit.saturation() >= strainedAt }

// begin makes a copy of a request as the upstream gets it.
func (s *shade) begin(r mirror.Request) *mirror.Copy {
	r.To, r.Again = s.candidate, s.baseline
	return s.trial.Begin(r)
}

// endCopy ends a copy as its request has: it is sent when the user has the whole
// of an answer.
func endCopy(c *mirror.Copy, class meter.Class) {
	if c == nil {
		return
	}
	switch class {
	case meter.ConnectError, meter.Timeout, meter.ClientAbort:
		c.Drop(mirror.Unanswered)
	default:
		c.Send()
	}
}

// sender sends copies to a version.
type sender struct{ pool *upstream.Pool }

// Send implements mirror.Version.
func (s sender) Send(r *http.Request) (*http.Response, error) {
	e, _ := s.pool.Pick(rand.Uint64()) // whoever it was, a copy is nobody's next request
	if e == nil {
		return nil, mirror.ErrFull
	}
	r.URL.Scheme, r.URL.Host = e.Scheme(), e.Authority()
	response, err := e.RoundTrip(r.WithContext(upstream.Settling(r.Context())))
	if err != nil {
		e.Release()
		return nil, err
	}
	response.Body = &lent{ReadCloser: response.Body, endpoint: e}
	return response, nil
}

// busy says whether the endpoints have more than so many requests each, on
// average.
func (s sender) busy(most int64) bool {
	n, endpoints := int64(0), s.pool.Endpoints()
	for _, e := range endpoints {
		n += e.InFlight()
	}
	return n > most*int64(len(endpoints))
}

// lent is the body of an answer, whose end gives the endpoint back.
type lent struct {
	io.ReadCloser
	endpoint *upstream.Endpoint
}

// Close implements io.Closer; it is called once.
func (l *lent) Close() error {
	defer l.endpoint.Release()
	return l.ReadCloser.Close()
}

// beginCopy makes a copy of the request that is about to be sent.
func (x *exchange) beginCopy(out *http.Request) {
	shade := x.traffic.shade
	if x.upgrade != "" {
		shade.trial.Drop(mirror.Stream)
		return
	}
	r := mirror.Request{Method: out.Method, URL: *out.URL, Host: out.Host, Header: out.Header.Clone(), Length: out.ContentLength}
	if x.copy = shade.begin(r); x.copy != nil && x.body != nil {
		x.body.copy = x.copy
	}
}
