package auth

import (
	"net/url"
	"path"
	"strings"
)

// maxReturn bounds the path to go back to, in bytes.
const maxReturn = 2048

// ReturnPath is where to go after signing in, given where somebody says they came
// from: a path of this server, with its query, or "/". So no link can send people
// from here to another server.
func ReturnPath(from string) string {
	const home = "/"
	if from == "" || len(from) > maxReturn || from[0] != '/' {
		return home
	}
	// Browsers read \ as /, and leave out tabs and line ends.
	if strings.ContainsFunc(from, func(r rune) bool { return r == '\\' || r <= ' ' || r == 0x7f }) {
		return home
	}
	u, err := url.Parse(from)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return home
	}
	// Of what is left of the path, no dots and no second slash may begin a host.
	clean := path.Clean(u.Path)
	if clean != u.Path && clean+"/" != u.Path || strings.HasPrefix(u.Path, "//") || strings.ContainsAny(u.Path, "\\\x00\t\r\n") {
		return home
	}
	if clean == "/logout" || clean == "/login" || strings.HasPrefix(clean, "/login/") || clean == "/api" || strings.HasPrefix(clean, "/api/") {
		return home
	}
	to := (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}).String()
	if len(to) > maxReturn { // what is written out in full may be three times as long
		return home
	}
	return to
}
