package proxy

import (
	"context"
	"net/http"
	"net/netip"
	"strings"

	"github.com/stagger-dev/stagger/internal/whence"
)

// What requests are told to have been asked over.
const (
	plainProto  = "http"
	secureProto = "https"
)

// arrivedOver is the key under which a request's context holds its connection.
type arrivedOver struct{}

func withConn(ctx context.Context, c *conn) context.Context {
	return context.WithValue(ctx, arrivedOver{}, c)
}

// hopOf returns the last hop of a request.
func hopOf(r *http.Request) whence.Hop {
	h := whence.Hop{Address: clientAddress(r.RemoteAddr), Proto: plainProto}
	if c, ok := r.Context().Value(arrivedOver{}).(*conn); ok {
		h = c.hop
	}
	h.Host = r.Host
	return h
}

// toldBy returns what a request says of its way. What Connection names was
// meant for us alone, and says nothing.
func toldBy(h http.Header) whence.Told {
	lines := func(name, small string) string {
		if len(h[name]) == 0 || listed(h["Connection"], small) {
			return ""
		}
		return strings.Join(h[name], ", ")
	}
	return whence.Told{
		For:       lines("X-Forwarded-For", "x-forwarded-for"),
		Proto:     lines("X-Forwarded-Proto", "x-forwarded-proto"),
		Host:      lines("X-Forwarded-Host", "x-forwarded-host"),
		Forwarded: lines("Forwarded", "forwarded"),
	}
}

// textOf writes an address as cohorts and headers have it, "" for none.
func textOf(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.WithZone("").String()
}

// introduce tells the upstream who asked, and for what. What the client says of
// it itself goes no further, but for a client that is trusted.
func introduce(h http.Header, rules *whence.Rules, hop whence.Hop) {
	var told whence.Told
	if hop.Trusted {
		told = toldBy(h)
	}
	for name := range h {
		if !hop.Trusted && (strings.HasPrefix(name, "X-Forwarded-") || name == "X-Real-Ip") {
			delete(h, name)
		}
	}
	for _, f := range fieldsOf(rules.Pass(hop, told)) {
		if f.value == "" {
			delete(h, f.name)
		} else {
			h[f.name] = []string{f.value}
		}
	}
}

// fieldsOf returns the fields with their names.
func fieldsOf(f whence.Fields) [4]struct{ name, value string } {
	return [...]struct{ name, value string }{
		{"X-Forwarded-For", f.For}, {"X-Forwarded-Host", f.Host}, {"X-Forwarded-Proto", f.Proto}, {"Forwarded", f.Forwarded},
	}
}
