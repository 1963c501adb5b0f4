package proxy

import (
	"maps"
	"net/http"
	"strings"

	"github.com/stagger-dev/stagger/internal/mirror"
	"github.com/stagger-dev/stagger/internal/proxy/wire"
	"github.com/stagger-dev/stagger/internal/whence"
)

// hopByHop are the fields that concern one connection only (RFC 9110, section
// 7.6.1, and what older agents send).
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection",
	"Te", "Trailer", "Transfer-Encoding", "Upgrade", "Http2-Settings",
	mirror.Mark, // the proxy's to say
}

// stripHopByHop removes them, and whatever Connection names.
func stripHopByHop(h http.Header) {
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range hopByHop {
		delete(h, name)
	}
}

// listed says whether a field with a comma-separated list names a token, in
// lower case.
func listed(lines []string, token string) bool {
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			part, _, _ = strings.Cut(part, ";")
			if wire.Equal(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// upgradeOf returns the protocol a message asks to switch to, "" for none.
func upgradeOf(h http.Header) string {
	if len(h["Upgrade"]) == 0 || !listed(h["Connection"], "upgrade") {
		return ""
	}
	return h["Upgrade"][0]
}

// forward makes a client's header fit for the upstream, in place: the server
// made it for this request alone.
func forward(r *http.Request, upgrade string, rules *whence.Rules, hop whence.Hop) {
	h := r.Header
	trailers := listed(h["Te"], "trailers")
	stripHopByHop(h)
	if trailers {
		h["Te"] = []string{"trailers"}
	}
	if upgrade != "" {
		h["Connection"] = []string{"Upgrade"}
		h["Upgrade"] = []string{upgrade}
	}
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = nil // keeps net/http from naming itself
	}
	introduce(h, rules, hop)
}

// copyHeader passes an upstream's header on; the slices are shared, nobody
// changes them.
func copyHeader(to, from http.Header) {
	maps.Copy(to, from)
}
