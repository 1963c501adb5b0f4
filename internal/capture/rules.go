package capture

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// The bounds of a body that is kept, bytes.
const (
	UsualBody = 64 << 10
	MostBody  = 1 << 20
)

// Rules say what is kept beyond what always may be.
type Rules struct {
	Headers []string // headers that are kept beside the usual ones
	// Allow names headers, query keys and JSON keys whose values are not masked by
	// their name; how they look counts all the same.
	Allow []string
	Body  int // bytes of a body that is kept; UsualBody when zero
}

// usual are the headers that shape an answer and tell nothing about anybody.
var usual = []string{
	"accept", "accept-encoding", "accept-language", "cache-control", "content-encoding", "content-language", "content-type",
	"if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "prefer", "range", "x-requested-with",
}

// never are those that are not kept even if asked for.
var never = []string{"authorization", "proxy-authorization", "cookie", "set-cookie"}

// links are headers whose values are URLs.
var links = []string{"referer", "origin"}

// Raw is a request as it came. It lives in memory only.
type Raw struct {
	At           time.Duration // since the capture began
	Method       string
	Host         string
	Path, Query  string // as they came over the wire
	Header       []Header
	User         string // who asked; any text
	Body         []byte
	BodyLength   int64 // what was sent, or announced
	BodyComplete bool  // Body is all of it
}

// Masker makes of requests what may be kept. It may be used by several at a
// time.
type Masker struct {
	rules  Rules
	mask   *masker
	header map[string]bool // that are kept, in lower case
}

// NewMasker returns a masker. The key is drawn for one capture and must not be
// kept anywhere.
func NewMasker(r Rules, key []byte) *Masker {
	if r.Body <= 0 {
		r.Body = UsualBody
	}
	r.Body = min(r.Body, MostBody)
	m := &Masker{rules: r, mask: &masker{key: key, allow: make(map[string]bool)}, header: make(map[string]bool)}
	for _, name := range r.Allow {
		m.mask.allow[strings.ToLower(name)] = true
	}
	for _, name := range usual {
		m.header[name] = true
	}
	for _, name := range r.Headers {
		if name = strings.ToLower(name); !slices.Contains(never, name) && !m.mask.personalName(name) {
			m.header[name] = true
		}
	}
	return m
}

// Refused lists the headers that were asked for and are not kept all the same.
func (m *Masker) Refused() []string {
	var names []string
	for _, name := range m.rules.Headers {
		if !m.header[strings.ToLower(name)] {
			names = append(names, name)
		}
	}
	return names
}

// Wants says whether a header's value is needed at all, so that nobody carries
// about what is not kept.
func (m *Masker) Wants(name string) bool { return m.header[strings.ToLower(name)] }

// BodyBound is how much of a body is of use, bytes.
func (m *Masker) BodyBound() int { return m.rules.Body }

// Request returns what may be kept of a request.
func (m *Masker) Request(r Raw) Request {
	out := Request{
		At: r.At.Round(time.Microsecond).Seconds(), Method: r.Method, Host: m.mask.text(r.Host),
		Path: m.mask.path(r.Path), Query: m.mask.query(r.Query), User: m.mask.user(r.User),
	}
	kind, encoded := "", false
	for _, h := range r.Header {
		name := strings.ToLower(h.Name)
		if !m.header[name] {
			continue
		}
		switch name {
		case "content-type":
			kind = h.Value
		case "content-encoding":
			encoded = h.Value != "" && !strings.EqualFold(h.Value, "identity")
		}
		value := m.mask.plain(h.Value)
		if slices.Contains(links, name) {
			value = m.mask.link(h.Value)
		}
		out.Header = append(out.Header, Header{h.Name, strings.ToValidUTF8(value, "")})
	}
	body, kept := m.body(r, kind, encoded)
	if out.Body = body; !kept {
		out.Omitted = max(r.BodyLength, int64(len(r.Body)))
	}
	return out
}

// body returns what may be kept of a body. It is not kept if nothing may be.
func (m *Masker) body(r Raw, kind string, encoded bool) (body string, kept bool) {
	if len(r.Body) == 0 && r.BodyLength <= 0 {
		return "", true
	}
	if !r.BodyComplete || encoded || len(r.Body) > m.rules.Body || !utf8.Valid(r.Body) {
		return "", false
	}
	kind, _, _ = strings.Cut(strings.ToLower(kind), ";")
	switch kind = strings.TrimSpace(kind); {
	case kind == "application/x-www-form-urlencoded":
		return m.mask.query(string(r.Body)), true
	case kind == "application/json", strings.HasSuffix(kind, "+json"):
		masked, ok := m.mask.object(r.Body)
		return string(masked), ok
	}
	return "", false
}
