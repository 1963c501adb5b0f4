package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stagger-dev/stagger/internal/scenario"
)

// Load is what load.yaml says.
type Load struct {
	scenario.Scenario // but for its Shape, and the edge cases among its requests

	Profile   scenario.Profile
	Edges     float64  // the share of requests that are edge cases
	EdgeNames []string // nil for all there are
	// BodyFiles are the files that hold bodies, by request. Whoever reads load.yaml
	// reads them too.
	BodyFiles map[string]string
}

// DefaultLoad is a load that says nothing about itself.
func DefaultLoad() Load {
	return Load{
		Scenario: scenario.Scenario{
			InFlight: 2000, Timeout: 10 * time.Second, Users: 1000, Seed: 1, Version: defaultVersionHeader,
			Requests: []scenario.Request{{Name: "all", Weight: 1, Method: "GET", Path: scenario.NewTemplate("/")}},
		},
		Profile: scenario.Profile{
			Kind: scenario.Constant, To: 100, Length: 30 * time.Second, Steps: 5, Every: 10 * time.Second, Burst: time.Second,
		},
	}
}

// ParseLoad reads load.yaml and fills in what it leaves open. Its error is
// Problems.
func ParseLoad(file string, data []byte) (Load, error) {
	v, ok := read(file, data, load)
	if !ok {
		return Load{}, v.r.problems.orNil()
	}
	l := v.load()
	if len(v.r.problems) == 0 {
		if _, err := l.Profile.Shape(); err != nil {
			v.r.failAt("profile", "%s", err)
		}
	}
	return l, v.r.problems.orNil()
}

func (v value) load() Load {
	f := v.fields()
	l := DefaultLoad()
	if t, ok := f["targets"]; ok {
		l.Targets = t.targets()
	}
	if d, ok := f["for"]; ok {
		l.Profile.Length = d.between(time.Millisecond, scenario.MaxLength)
	}
	if r, ok := f["rate"]; ok {
		l.Profile.To = r.rate()
	}
	if p, ok := f["profile"]; ok {
		p.profile(&l.Profile)
	}
	if a, ok := f["arrivals"]; ok {
		l.Even = a.choice() == "even"
	}
	v.people(f, &l)
	v.bounds(f, &l)
	if r, ok := f["requests"]; ok {
		l.Requests = r.requests(&l)
	}
	v.everyRequest(f, &l)
	if e, ok := f["edge_cases"]; ok {
		e.edgeCases(&l)
	}
	if c, ok := f["checks"]; ok {
		l.Limits = c.limits()
	}
	if s, ok := f["stop"]; ok {
		s.stop(&l.Stop)
	}
	return l
}

func (v value) targets() []string {
	var out []string
	for _, item := range v.items() {
		s := item.text()
		if s == "" {
			continue
		}
		if err := scenario.CheckTarget(s); err != nil {
			item.fail("%s", err)
		}
		out = append(out, strings.TrimRight(s, "/"))
	}
	if len(out) > scenario.MaxTargets {
		v.fail("there are %d targets; write at most %d", len(out), scenario.MaxTargets)
	}
	return out
}

// rate reads requests per second.
func (v value) rate() float64 {
	rate := v.number()
	if rate > scenario.MaxRate {
		v.fail("%g requests per second are too many; write at most %d", rate, scenario.MaxRate)
		return scenario.MaxRate
	}
	return rate
}

func (v value) profile(p *scenario.Profile) {
	f := v.fields()
	if k, ok := f["kind"]; ok {
		p.Kind = k.choice()
	}
	if from, ok := f["from"]; ok {
		p.From = from.rate()
	}
	if n, ok := f["steps"]; ok {
		p.Steps = int(n.count())
	}
	if d, ok := f["every"]; ok {
		p.Every = d.positive()
	}
	if d, ok := f["burst"]; ok {
		p.Burst = d.positive()
	}
}

func (v value) people(f map[string]value, l *Load) {
	if n, ok := f["users"]; ok {
		l.Users = n.count()
		if l.Users > scenario.MaxUsers {
			n.fail("%d users are too many; write at most %d", l.Users, scenario.MaxUsers)
		}
	}
	if n, ok := f["seed"]; ok {
		l.Seed = n.count()
	}
	if h, ok := f["version_header"]; ok {
		l.Version = h.text()
	}
}

func (v value) bounds(f map[string]value, l *Load) {
	if n, ok := f["max_in_flight"]; ok {
		l.InFlight = int(n.count())
		if l.InFlight < 1 || l.InFlight > scenario.MaxInFlight {
			n.fail("%d requests in flight are out of range; write 1 to %d", l.InFlight, scenario.MaxInFlight)
		}
	}
	if d, ok := f["timeout"]; ok {
		l.Timeout = d.between(time.Millisecond, scenario.MaxTimeout)
	}
	if h, ok := f["http2"]; ok {
		l.HTTP2 = h.flag()
	}
}

func (v value) requests(l *Load) []scenario.Request {
	var out []scenario.Request
	names := unique{}
	for _, item := range v.items() {
		r := item.request(l)
		names.check(item, "request", r.Name)
		out = append(out, r)
	}
	if len(out) == 0 {
		v.fail("there is no request; write one, or remove the key for GET /")
	}
	if _, err := scenario.NewMix(out); len(out) > 0 && err != nil {
		v.fail("%s", err)
	}
	return out
}

func (v value) request(l *Load) scenario.Request {
	f := v.fields()
	r := scenario.Request{Weight: 1, Method: "GET", Path: scenario.NewTemplate("/")}
	if n, ok := f["name"]; ok {
		r.Name = n.name()
	}
	if w, ok := f["weight"]; ok {
		r.Weight = w.number()
	}
	if m, ok := f["method"]; ok {
		r.Method = m.method()
	}
	if p, ok := f["path"]; ok {
		r.Path = p.wirePath()
	}
	if e, ok := f["edge_case"]; ok {
		r = e.edge(r)
	}
	r.Header = append(r.Header, v.headersAndCookies(f)...)
	v.requestBody(f, &r, l)
	if e, ok := f["expect"]; ok {
		e.expect(&r.Expect)
	}
	return r
}

// edge makes an edge case of a request.
func (v value) edge(r scenario.Request) scenario.Request {
	name := v.choice()
	for _, e := range scenario.Edges() {
		if e.Name == name {
			odd := e.Request(r.Path.String())
			odd.Name, odd.Weight = r.Name, r.Weight
			return odd
		}
	}
	return r
}

func (v value) requestBody(f map[string]value, r *scenario.Request, l *Load) {
	body, inline := f["body"]
	file, elsewhere := f["body_file"]
	switch {
	case inline && elsewhere:
		file.fail("the body stands here already; keep body or body_file")
	case inline:
		r.Body = scenario.NewTemplate(body.text())
	case elsewhere:
		if l.BodyFiles == nil {
			l.BodyFiles = make(map[string]string)
		}
		l.BodyFiles[r.Name] = file.text()
	}
}

// headersAndCookies reads them.
func (v value) headersAndCookies(f map[string]value) []scenario.Field {
	var out []scenario.Field
	if h, ok := f["headers"]; ok {
		out = h.pairsOf(scenario.IsToken, "header")
	}
	if c, ok := f["cookies"]; ok {
		var cookies []string
		for _, one := range c.pairsOf(scenario.IsToken, "cookie") {
			cookies = append(cookies, one.Name+"="+one.Value.String())
		}
		if len(cookies) > 0 {
			out = append(out, scenario.Field{Name: "Cookie", Value: scenario.NewTemplate(strings.Join(cookies, "; "))})
		}
	}
	return out
}

// everyRequest adds the headers and cookies that all requests have. A request's
// own header of the same name takes their place.
func (v value) everyRequest(f map[string]value, l *Load) {
	common := v.headersAndCookies(f)
	for i := range l.Requests {
		l.Requests[i].Header = WithHeaders(l.Requests[i].Header, common)
	}
}

// WithHeaders adds fields to others, but for those whose name is there.
func WithHeaders(own, common []scenario.Field) []scenario.Field {
	for _, field := range common {
		if !slices.ContainsFunc(own, func(f scenario.Field) bool { return strings.EqualFold(f.Name, field.Name) }) {
			own = append(own, field)
		}
	}
	return own
}

// pairsOf reads names and values.
func (v value) pairsOf(fits func(string) bool, what string) []scenario.Field {
	found, keys := v.pairs()
	var out []scenario.Field
	for _, key := range keys {
		below, ok := v.at(found[key].Value, join(v.path, key), *v.spec.item)
		if !ok {
			continue
		}
		if !fits(key) {
			value{r: v.r, node: found[key].Key, path: v.path}.fail("%q is no name of a %s", cut(key), what)
		}
		text := below.text()
		if strings.ContainsAny(text, "\r\n") {
			below.fail("a %s stands on one line", what)
		}
		out = append(out, scenario.Field{Name: key, Value: scenario.NewTemplate(text)})
	}
	return out
}

func (v value) method() string {
	s := v.text()
	if s != "" && (!scenario.IsToken(s) || s == "CONNECT") {
		v.fail("%q is no method of a request; write one such as GET or POST", cut(s))
	}
	return s
}

// wirePath reads a path with its query, as it goes over the wire.
func (v value) wirePath() scenario.Template {
	s := v.text()
	switch {
	case s != "" && s[0] != '/':
		v.fail("%q does not begin with a slash; write /%s", cut(s), cut(s))
	case strings.ContainsAny(s, " \t\n#"):
		v.fail("a path has no spaces and no #; write %%20 and %%23")
	}
	return scenario.NewTemplate(s)
}

func (v value) expect(e *scenario.Expect) {
	f := v.fields()
	if s, ok := f["status"]; ok {
		for _, item := range s.items() {
			status, err := scenario.ParseStatuses(item.text())
			if err != nil {
				item.fail("%s", err)
				continue
			}
			e.Status = append(e.Status, status)
		}
	}
	if c, ok := f["contains"]; ok {
		e.Contains = c.text()
	}
}

func (v value) edgeCases(l *Load) {
	f := v.fields()
	l.Edges = 0.05
	if s, ok := f["share"]; ok {
		if l.Edges = s.share(); l.Edges > 1 {
			s.fail("%g is more than all; write a share of at most 1", l.Edges)
			l.Edges = 1
		}
	}
	if o, ok := f["only"]; ok {
		for _, item := range o.items() {
			l.EdgeNames = append(l.EdgeNames, item.choice())
		}
	}
}

func (v value) limits() []scenario.Limit {
	f := v.fields()
	var out []scenario.Limit
	for _, name := range []string{scenario.ErrorShare, scenario.RateShare} {
		if s, ok := f[name]; ok {
			out = append(out, scenario.Limit{Of: name, Bound: s.share()})
		}
	}
	for _, name := range []string{scenario.P50, scenario.P90, scenario.P95, scenario.P99, scenario.P999} {
		if d, ok := f[name]; ok {
			out = append(out, scenario.Limit{Of: name, Bound: d.positive().Seconds()})
		}
	}
	return out
}

func (v value) stop(s *scenario.Stop) {
	f := v.fields()
	if e, ok := f["errors"]; ok {
		if s.Errors = e.share(); s.Errors > 1 {
			e.fail("%g is more than all; write a share of at most 1", s.Errors)
			s.Errors = 1
		}
	}
	if d, ok := f["over"]; ok {
		s.Over = d.between(time.Second, time.Hour)
	}
}

// ParseLimit reads a check as it is typed, NAME=BOUND, such as errors=1% or
// p99=250ms. The error says what to write instead.
func ParseLimit(s string) (scenario.Limit, error) {
	name, bound, _ := strings.Cut(s, "=")
	text := fmt.Sprintf("{%q: %q}", name, bound)
	v, ok := read("check", []byte(text), checks)
	var limits []scenario.Limit
	if ok {
		limits = v.limits()
	}
	if len(v.r.problems) > 0 || len(limits) != 1 {
		message := "write NAME=BOUND, such as errors=1% or p99=250ms"
		if len(v.r.problems) > 0 {
			message = v.r.problems[0].Message
		}
		return scenario.Limit{}, fmt.Errorf("%q: %s", cut(s), cmp.Or(message, "write NAME=BOUND"))
	}
	return limits[0], nil
}

// ParseShare reads a share as it is typed, 5% or 0.05, at most all.
func ParseShare(s string) (float64, error) {
	share, percent := strings.CutSuffix(strings.TrimSpace(s), "%")
	f, err := strconv.ParseFloat(strings.TrimSpace(share), 64)
	if percent {
		f /= 100
	}
	if err != nil || !(f >= 0 && f <= 1) {
		return 0, fmt.Errorf("%q is no share; write one such as 5%% or 0.05", cut(s))
	}
	return f, nil
}

// ParseHeader reads a header as it is typed, Name: value.
func ParseHeader(line string) (scenario.Field, error) {
	name, value, ok := strings.Cut(line, ":")
	if !ok || !scenario.IsToken(name) || strings.ContainsAny(value, "\r\n\x00") {
		return scenario.Field{}, fmt.Errorf("%q is no header; write Name: value", cut(line))
	}
	return scenario.Field{Name: name, Value: scenario.NewTemplate(strings.TrimSpace(value))}, nil
}
