package whence

import (
	"net/netip"
	"strings"
)

// Form is which fields tell of the way of a request.
type Form uint8

// The forms. Only one is read: who writes one form only lets the other pass as
// the client sent it.
const (
	XForwarded Form = iota // X-Forwarded-For, -Proto and -Host are read and written
	RFC7239                // Forwarded is read and written
	Both                   // X-Forwarded-* are read, and both are written
)

// Rules are how a listener reads and tells the way of requests.
type Rules struct {
	Trusted Trust
	Form    Form
}

// Hop is the last step of a request's way: who handed it over, and what was
// asked for then.
type Hop struct {
	Peer    netip.Addr // the other end of the connection; zero for a unix socket
	Address string     // Peer as text, "" for a unix socket
	Trusted bool       // Peer is trusted
	Proto   string     // http or https
	Host    string     // as the request has it
}

// Told is what a request says of its way before the last hop. Lines of the same
// name are joined by ", ".
type Told struct{ For, Proto, Host, Forwarded string }

// Fields are what the next hop is told; those that are empty are not sent.
type Fields struct{ For, Proto, Host, Forwarded string }

// Client returns who asked: going back from the last hop, the first that is not
// trusted. One that cannot be read is as good as unknown, and the one that
// speaks of it counts instead. The zero address is the other end of a unix
// socket that told nothing.
func (r *Rules) Client(h Hop, t Told) netip.Addr {
	if !h.Trusted {
		return h.Peer
	}
	if r.Form == RFC7239 {
		client, _ := r.sender(h, t)
		return client
	}
	client := h.Peer
	for rest := t.For; rest != ""; {
		var last string
		rest, last = cutLast(rest)
		before, ok := node(last)
		if !ok {
			break
		}
		if client = before; !r.Trusted.Holds(client) {
			break
		}
	}
	return client
}

// Proto returns how the client asked, http or https.
func (r *Rules) Proto(h Hop, t Told) string {
	if !h.Trusted {
		return h.Proto
	}
	told := t.Proto
	if r.Form == RFC7239 {
		_, e := r.sender(h, t)
		told = e.proto
	}
	return protoOr(told, h.Proto)
}

// Pass returns what the next hop is told: what is believed, and the last hop.
func (r *Rules) Pass(h Hop, t Told) Fields {
	var f Fields
	if !h.Trusted {
		t = Told{}
	}
	if r.Form != RFC7239 {
		f = Fields{
			For:   chain(t.For, h.Address),
			Proto: protoOr(t.Proto, h.Proto),
			Host:  hostOr(t.Host, h.Host),
		}
	}
	switch r.Form {
	case XForwarded:
	case RFC7239:
		if _, ok := elements(t.Forwarded); !ok {
			t.Forwarded = ""
		}
		f.Forwarded = chain(t.Forwarded, appendElement(h.Address, h.Proto, h.Host))
	case Both:
		f.Forwarded = translated(f)
	}
	return f
}

// chain adds the last hop to those before.
func chain(before, last string) string {
	switch {
	case before == "":
		return last
	case last == "":
		return before
	}
	return before + ", " + last
}

// cutLast takes the last member off a list.
func cutLast(list string) (rest, last string) {
	i := strings.LastIndexByte(list, ',')
	if i < 0 {
		return "", list
	}
	return list[:i], list[i+1:]
}

// first returns the first member of a list.
func first(list string) string {
	one, _, _ := strings.Cut(list, ",")
	return strings.Trim(one, " \t")
}

func protoOr(told, own string) string {
	switch one := first(told); {
	case strings.EqualFold(one, "https"):
		return "https"
	case strings.EqualFold(one, "http"):
		return "http"
	}
	return own
}

func hostOr(told, own string) string {
	if one := first(told); isHost(one) {
		return one
	}
	return own
}

// maxHost is how long the name of a host with its port can be.
const maxHost = 255 + len(":65535")

// isHost says whether a text can be a host with or without a port. It keeps out
// what would mean something in a URL, a list or a line.
func isHost(s string) bool {
	if s == "" || len(s) > maxHost {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"#%,/;<>?@\\^`{|}", c) >= 0 {
			return false
		}
	}
	return true
}

// node reads an address with or without a port; an IPv6 address with a port
// stands in brackets.
func node(s string) (netip.Addr, bool) {
	s = strings.Trim(s, " \t")
	if inner, ok := strings.CutPrefix(s, "["); ok {
		var port string
		if s, port, ok = strings.Cut(inner, "]"); !ok || port != "" && !isPort(port) || !strings.Contains(s, ":") {
			return netip.Addr{}, false
		}
	} else if i := strings.IndexByte(s, ':'); i >= 0 && strings.IndexByte(s[i+1:], ':') < 0 {
		if !isPort(s[i:]) {
			return netip.Addr{}, false
		}
		s = s[:i]
	}
	if len(s) > len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255") || strings.IndexByte(s, '%') >= 0 {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap(), err == nil
}

// isPort reads a colon and a port, or a made-up one as RFC 7239 allows.
func isPort(s string) bool {
	if len(s) < 2 || len(s) > 32 || s[0] != ':' {
		return false
	}
	for _, c := range []byte(s[1:]) {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '.' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}
