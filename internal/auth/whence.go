package auth

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/stagger-dev/stagger/internal/whence"
)

// hop is the last step of a request's way.
func (r Rules) hop(request *http.Request) whence.Hop {
	h := whence.Hop{Proto: "http", Host: request.Host}
	if request.TLS != nil {
		h.Proto = "https"
	}
	if peer, err := netip.ParseAddrPort(request.RemoteAddr); err == nil {
		h.Peer = peer.Addr().Unmap()
		h.Address = h.Peer.WithZone("").String()
	}
	h.Trusted = r.Whence.Trusted.Holds(h.Peer)
	return h
}

func told(h http.Header) whence.Told {
	lines := func(name string) string { return strings.Join(h.Values(name), ", ") }
	return whence.Told{
		For: lines("X-Forwarded-For"), Proto: lines("X-Forwarded-Proto"), Host: lines("X-Forwarded-Host"), Forwarded: lines("Forwarded"),
	}
}

// client is the address of who asks.
func (r Rules) client(request *http.Request) netip.Addr {
	return r.Whence.Client(r.hop(request), told(request.Header))
}

// secure says whether the client asked over TLS.
func (r Rules) secure(request *http.Request) bool {
	return r.Whence.Proto(r.hop(request), told(request.Header)) == "https"
}

// loopback says whether a Host header names this machine only.
func loopback(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.ToLower(strings.Trim(name, "[]")), ".")
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(name)
	return err == nil && address.Unmap().IsLoopback()
}
