package config

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/stagger-dev/stagger"
)

// statusPage is where users are told what works.
var statusPage = object("A page on which the proxy tells users which routes work, which are degraded and since when; JSON for who asks for it. It is served where the routes are and tells nothing of versions, weights or addresses.",
	field{"path", text("Its path; what lies below it is the service's.")},
	field{"host", text("The only host that has it.").or("every host that the routes name")},
	field{"title", text("What users call the service, at most 100 characters.").or("its name")},
).need("path")

// maxTitle bounds what users are to read as a name.
const maxTitle = 100

// statusPage reads the page of s, whose routes are read already. It takes its
// places among those that are seen.
func (v value) statusPage(s stagger.Service, seen unique) stagger.StatusPage {
	var p stagger.StatusPage
	if v.node == nil {
		return p
	}
	f := v.fields()
	if path, ok := f["path"]; ok {
		p.Path = path.pagePath()
	}
	if host, ok := f["host"]; ok {
		if p.Host = host.host(); strings.HasPrefix(p.Host, "*") {
			host.fail("%q is many hosts; write the one that has the page", cut(p.Host))
		}
	}
	if title, ok := f["title"]; ok {
		p.Title = title.title()
	}
	if p.Path == "" {
		return p
	}
	for _, host := range p.Hosts(s.Routes) {
		key := s.Listener + " " + strings.ToLower(host) + p.Path
		if seen[key] {
			f["path"].fail("a route or another page takes %s%s on listener %s already; write another path, or a host for the page", host, p.Path, s.Listener)
			break
		}
		seen[key] = true
	}
	return p
}

// pagePath reads the path of one page.
func (v value) pagePath() string {
	before := len(v.r.problems)
	s := v.routePath()
	if len(v.r.problems) > before {
		return ""
	}
	if strings.HasSuffix(s, "/") {
		v.fail("%q ends with a slash; write a path such as /status", cut(s))
		return ""
	}
	return s
}

// title reads a name for users: one line of text.
func (v value) title() string {
	s := v.text()
	switch {
	case utf8.RuneCountInString(s) > maxTitle:
		v.fail("a title of %d characters is too long; write at most %d", utf8.RuneCountInString(s), maxTitle)
	case slices.ContainsFunc([]rune(s), unicode.IsControl):
		v.fail("a title is one line of text; remove what is no character")
	}
	return s
}
