package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/stagger-dev/stagger"
)

// Server is what stagger.yaml says.
type Server struct {
	Listeners []Listener
	Admin     Admin
	Store     Store
	Services  []stagger.Service
}

// Admin is the port of the API and the dashboard. Whoever reads the file fills
// in Token from TokenFile or TokenEnv, at most one of which is set.
type Admin struct {
	Address   string
	TokenFile string
	TokenEnv  string
	Token     string     // of one who may do everything, called admin
	Tokens    []Token    // and of others
	OIDC      *OIDC      // nil for none
	Session   Session    // how long people stay signed in
	TLS       *ServerTLS // nil for none
	// Trusted are whose word about clients is taken.
	Trusted   []netip.Prefix
	TrustUnix bool
}

// Loopback says whether only this machine reaches the port.
func (a Admin) Loopback() bool {
	host, ok := hostOf(a.Address)
	return ok && isLoopback(host)
}

// Store is where rollouts are kept.
type Store struct{ Path string }

// The defaults of stagger.yaml.
const (
	defaultListener      = "web"
	defaultAddress       = "127.0.0.1:8080"
	defaultAdmin         = "127.0.0.1:7979"
	defaultPath          = "stagger.db"
	defaultVersionHeader = "Stagger-Version"
)

// ParseServer reads stagger.yaml. Its error is Problems.
func ParseServer(file string, data []byte) (Server, error) {
	v, ok := read(file, data, server)
	if !ok {
		return Server{}, v.r.problems.orNil()
	}
	s := v.server()
	return s, v.r.problems.orNil()
}

func (v value) server() Server {
	f := v.fields()
	s := Server{Admin: Admin{Address: defaultAdmin}, Store: Store{Path: defaultPath}}
	if l, ok := f["listeners"]; ok {
		s.Listeners = l.listeners()
	} else {
		s.Listeners = []Listener{{Name: defaultListener, Address: defaultAddress}}
	}
	if a, ok := f["admin"]; ok {
		s.Admin = a.admin()
	}
	if p, ok := f["store"]; ok {
		if path, ok := p.fields()["path"]; ok {
			s.Store.Path = path.text()
		}
	}
	if l, ok := f["services"]; ok {
		s.Services = l.services(s.Listeners)
	}
	return s
}

func (v value) listeners() []Listener {
	var out []Listener
	names := unique{}
	for _, item := range v.items() {
		l := item.listener()
		if names[l.Name] && l.Name != "" {
			v.r.failAt(join(item.path, "name"), "there is a listener %s already; choose another name", l.Name)
		}
		names[l.Name] = true
		out = append(out, l)
	}
	if len(out) == 0 {
		v.fail("there is no listener; write one, or remove the key for %s", defaultAddress)
	}
	return out
}

// unique finds names that are there twice.
type unique map[string]bool

func (u unique) check(v value, what, name string) {
	if name != "" && u[name] {
		v.fail("there is a %s %s already; choose another name", what, name)
	}
	u[name] = true
}

// address reads host:port.
func (v value) address() string {
	s := v.text()
	if s == "" {
		return s
	}
	if _, ok := hostOf(s); !ok {
		v.fail("%q is not an address; write host:port, such as 127.0.0.1:8080", cut(s))
	}
	return s
}

// hostOf returns the host of host:port; an IPv6 host stands in brackets.
func hostOf(s string) (host string, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return "", false
	}
	host, port := s[:i], s[i+1:]
	if inner, bracketed := strings.CutPrefix(host, "["); bracketed {
		host, ok = strings.CutSuffix(inner, "]")
	} else {
		ok = !strings.Contains(host, ":")
	}
	_, err := strconv.ParseUint(port, 10, 16)
	return host, ok && err == nil && !strings.ContainsAny(host, "/ @")
}

func (v value) admin() Admin {
	f := v.fields()
	a := Admin{Address: defaultAdmin}
	if address, ok := f["address"]; ok {
		a.Address = address.address()
	}
	if t, ok := f["tls"]; ok {
		a.TLS = t.serverTLS()
	}
	v.signIn(f, &a)
	return a
}

func (v value) services(listeners []Listener) []stagger.Service {
	var out []stagger.Service
	names, routes := unique{}, unique{}
	for _, item := range v.items() {
		s := item.service(listeners, routes)
		if name, ok := v.r.places[item.path+".name"]; ok {
			if names[s.Name] && s.Name != "" {
				v.r.add(Problem{
					File: v.r.file, Line: name.line, Column: name.column, Path: item.path + ".name",
					Message: fmt.Sprintf("there is a service %s already; choose another name", s.Name),
				})
			}
			names[s.Name] = true
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		v.fail("there is no service; write at least one")
	}
	return out
}

func (v value) service(listeners []Listener, routes unique) stagger.Service {
	f := v.fields()
	s := stagger.Service{VersionHeader: defaultVersionHeader}
	if len(listeners) > 0 {
		s.Listener = listeners[0].Name
	}
	if name, ok := f["name"]; ok {
		s.Name = name.name()
	}
	if l, ok := f["listener"]; ok {
		s.Listener = l.text()
		if !hasListener(listeners, s.Listener) {
			l.fail("there is no listener %q; write one of %s", s.Listener, listenerNames(listeners))
		}
	}
	if versions, ok := f["versions"]; ok {
		s.Versions = versions.versions()
	}
	if b, ok := f["baseline"]; ok {
		s.Baseline = b.text()
		if _, known := s.Version(s.Baseline); !known && len(s.Versions) > 0 {
			b.fail("there is no version %q; write one of %s", s.Baseline, versionNames(s))
		}
	}
	s.Routes = []stagger.Route{{Name: "all", Path: "/"}}
	if r, ok := f["routes"]; ok {
		s.Routes = r.routes()
	}
	v.checkRoutes(s, routes)
	if h, ok := f["health"]; ok {
		s.Health = h.health()
	}
	if t, ok := f["timeouts"]; ok {
		s.Timeouts = t.timeouts()
	}
	if m, ok := f["metrics"]; ok {
		s.Metrics = m.metrics()
	}
	if h, ok := f["version_header"]; ok {
		s.VersionHeader = h.headerOrOff()
	}
	protect(f, &s)
	s.StatusPage = f["status_page"].statusPage(s, routes)
	v.endpoints(f, &s)
	return s
}

func hasListener(ls []Listener, name string) bool {
	for _, l := range ls {
		if l.Name == name {
			return true
		}
	}
	return false
}

func listenerNames(ls []Listener) string {
	names := make([]string, len(ls))
	for i, l := range ls {
		names[i] = l.Name
	}
	return strings.Join(names, ", ")
}

func versionNames(s stagger.Service) string {
	names := make([]string, len(s.Versions))
	for i, v := range s.Versions {
		names[i] = v.Name
	}
	return strings.Join(names, ", ")
}

// checkRoutes finds routes that another one hides.
func (v value) checkRoutes(s stagger.Service, seen unique) {
	for i, r := range s.Routes {
		key := s.Listener + " " + strings.ToLower(r.Host) + r.Path
		if seen[key] {
			v.r.failAt(fmt.Sprintf("%s.routes[%d]", v.path, i), "another route takes %s%s on listener %s already; change host or path", r.Host, r.Path, s.Listener)
		}
		seen[key] = true
	}
}

func (v value) routes() []stagger.Route {
	var out []stagger.Route
	names := unique{}
	for _, item := range v.items() {
		f := item.fields()
		r := stagger.Route{Path: "/"}
		if name, ok := f["name"]; ok {
			r.Name = name.name()
			names.check(name, "route", r.Name)
		}
		if host, ok := f["host"]; ok {
			r.Host = host.host()
		}
		if path, ok := f["path"]; ok {
			r.Path = path.routePath()
		}
		if t, ok := f["title"]; ok {
			r.Title = t.title()
		}
		if p, ok := f["priority"]; ok {
			r.Priority = stagger.Priority(p.choice())
		}
		if d, ok := f["degrade"]; ok {
			r.Degrade = d.degrade()
		}
		out = append(out, r)
	}
	if len(out) == 0 {
		v.fail("there is no route; write one, or remove the key for every path")
	}
	return out
}

func (v value) host() string {
	s := v.text()
	if strings.ContainsAny(strings.TrimPrefix(s, "*."), "*/: ") {
		v.fail("%q is not a host; write a name without port, or *.example.org", cut(s))
	}
	return s
}

func (v value) routePath() string {
	s := v.text()
	if !strings.HasPrefix(s, "/") || strings.ContainsAny(s, "?#* ") {
		v.fail("%q is not a path; write one that begins with /, without query", cut(s))
	}
	return s
}

// versions reads a map from names, or a list of objects with a name.
func (v value) versions() []stagger.Version {
	found, keys := v.pairs()
	var out []stagger.Version
	for _, key := range keys {
		below, ok := v.at(found[key].Value, join(v.path, key), *v.spec.item)
		if !ok {
			continue
		}
		value{r: v.r, node: found[key].Key, path: v.path}.name()
		version := stagger.Version{Name: key}
		f := below.fields()
		if u, ok := f["upstreams"]; ok {
			version.Upstreams = u.upstreams()
		}
		if t, ok := f["tls"]; ok {
			version.TLS = t.tls(version.Upstreams)
		}
		out = append(out, version)
	}
	if len(out) == 0 {
		v.fail("there is no version; write at least the baseline")
	}
	return out
}

func (v value) upstreams() []string {
	var out []string
	seen := unique{}
	for _, item := range v.items() {
		s := item.upstream()
		seen.check(item, "upstream", s)
		out = append(out, s)
	}
	if len(out) == 0 {
		v.fail("there is no upstream; write at least one, such as http://127.0.0.1:9001")
	}
	return out
}

func (v value) health() stagger.Health {
	f := v.fields()
	var h stagger.Health
	if path, ok := f["path"]; ok {
		h.Path = path.text()
		if !strings.HasPrefix(h.Path, "/") {
			path.fail("%q is not a path; write one that begins with /", cut(h.Path))
		}
	}
	h.Interval = f["interval"].positive()
	h.Timeout = f["timeout"].positive()
	if n, ok := f["healthy"]; ok {
		h.Healthy = int(n.count())
	}
	if n, ok := f["unhealthy"]; ok {
		h.Unhealthy = int(n.count())
	}
	return h
}

func (v value) timeouts() stagger.Timeouts {
	f := v.fields()
	return stagger.Timeouts{
		Connect:  f["connect"].positive(),
		Response: f["response"].positive(),
		Idle:     f["idle"].positive(),
	}
}

// The bounds and the defaults of reading a service's own metrics.
const (
	leastEvery    = time.Second
	mostEvery     = time.Minute
	usualEvery    = 5 * time.Second
	usualPatience = 2 * time.Second
)

func (v value) metrics() stagger.Metrics {
	f := v.fields()
	m := stagger.Metrics{Every: usualEvery}
	if path, ok := f["path"]; ok {
		m.Path = path.metricsPath()
	}
	if every, ok := f["every"]; ok {
		m.Every = every.between(leastEvery, mostEvery)
	}
	m.Timeout = min(usualPatience, m.Every)
	if timeout, ok := f["timeout"]; ok {
		m.Timeout = timeout.positive()
		if m.Timeout > m.Every {
			timeout.fail("%s is longer than the %s between two readings; write at most that", short(m.Timeout), short(m.Every))
		}
	}
	return m
}

// metricsPath reads a path with or without a query.
func (v value) metricsPath() string {
	s := v.text()
	_, err := url.ParseRequestURI(s)
	if s != "" && (err != nil || !strings.HasPrefix(s, "/") || strings.ContainsAny(s, "# ")) {
		v.fail("%q is not a path; write one that begins with /, such as /metrics", cut(s))
	}
	return s
}

// headerOrOff reads a header's name; false or an empty text is none.
func (v value) headerOrOff() string {
	s, ok := v.scalar()
	if ok && (s == "false" || s == "") {
		return ""
	}
	return v.header()
}

// header reads the name of a header.
func (v value) header() string {
	s := v.text()
	if s != "" && strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	}) {
		v.fail("%q is not the name of a header; use letters, digits and '-'", cut(s))
	}
	return s
}
