package whence

import (
	"net/netip"
	"strings"
)

// element is what one proxy has said in Forwarded.
type element struct{ node, proto, host string }

// maxElements bounds the hops that are looked at; a longer way is not believed.
const maxElements = 64

// elements reads the value of Forwarded (RFC 7239, section 4), strictly: a value
// that can be read in two ways says nothing.
func elements(s string) (all []element, ok bool) {
	if s == "" {
		return nil, true
	}
	for {
		var e element
		if e, s, ok = readElement(strings.TrimLeft(s, " \t")); !ok || len(all) == maxElements {
			return nil, false
		}
		all = append(all, e)
		if s == "" {
			return all, true
		}
		s = s[1:] // the comma
	}
}

// readElement reads pairs up to the comma or the end, which are left.
func readElement(s string) (e element, rest string, ok bool) {
	seen := 0
	for {
		var name, value string
		if name, value, s, ok = readPair(s); !ok {
			return e, s, false
		}
		bit := 0
		switch {
		case strings.EqualFold(name, "for"):
			bit, e.node = 1, value
		case strings.EqualFold(name, "proto"):
			bit, e.proto = 2, value
		case strings.EqualFold(name, "host"):
			bit, e.host = 4, value
		}
		if seen&bit != 0 {
			return e, s, false // a parameter occurs once
		}
		seen |= bit
		s = strings.TrimLeft(s, " \t")
		switch {
		case s == "" || s[0] == ',':
			return e, s, true
		case s[0] != ';':
			return e, s, false
		}
		s = strings.TrimLeft(s[1:], " \t")
	}
}

// readPair reads token=value; the value is a token or stands in quotes.
func readPair(s string) (name, value, rest string, ok bool) {
	if name, s = readToken(s); name == "" || s == "" || s[0] != '=' {
		return "", "", s, false
	}
	if s = s[1:]; s != "" && s[0] == '"' {
		value, s, ok = readQuoted(s[1:])
		return name, value, s, ok
	}
	value, s = readToken(s)
	return name, value, s, value != ""
}

func readToken(s string) (token, rest string) {
	i := 0
	for i < len(s) && isToken(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

// readQuoted reads what follows a quote, up to the one that ends it.
func readQuoted(s string) (value, rest string, ok bool) {
	i := strings.IndexAny(s, `"\`)
	if i >= 0 && s[i] == '"' {
		return s[:i], s[i+1:], true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// isToken says whether a byte may stand in a token (RFC 9110, section 5.6.2).
func isToken(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// sender goes back through Forwarded to the client, and returns what was said
// of it by the trusted one that met it. What stands before that the client may
// have made up.
func (r *Rules) sender(h Hop, t Told) (client netip.Addr, said element) {
	client = h.Peer
	all, _ := elements(t.Forwarded)
	for i := len(all) - 1; i >= 0; i-- {
		before, ok := node(all[i].node)
		if !ok {
			break
		}
		if client, said = before, all[i]; !r.Trusted.Holds(client) {
			break
		}
	}
	return client, said
}

// appendElement writes what is said of one hop.
func appendElement(address, proto, host string) string {
	s := "for=" + asNode(address)
	if isHost(host) {
		s += ";host=" + quoted(host)
	}
	if proto != "" {
		s += ";proto=" + proto
	}
	return s
}

// asNode writes an address as RFC 7239, section 6, wants it.
func asNode(address string) string {
	a, ok := node(address)
	switch {
	case !ok:
		return "unknown"
	case a.Is6():
		return `"[` + a.String() + `]"`
	}
	return a.String()
}

func quoted(s string) string {
	if token, rest := readToken(s); token != "" && rest == "" {
		return s
	}
	return `"` + s + `"` // isHost has kept out what would need an escape
}

// translated tells in Forwarded what is told in X-Forwarded-*. Protocol and host
// are the client's, so they belong to its element, the first.
func translated(f Fields) string {
	var b strings.Builder
	proto, host := f.Proto, f.Host
	for i, one := range strings.SplitN(f.For, ",", maxElements) {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(appendElement(one, proto, host))
		proto, host = "", ""
	}
	return b.String()
}
