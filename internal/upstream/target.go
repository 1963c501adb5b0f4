package upstream

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// scheme is what is spoken over a connection.
type scheme uint8

const (
	plain scheme = iota // HTTP/1.1 in the clear
	h2c                 // HTTP/2 in the clear
	https               // either, over TLS
)

// target is an upstream as the configuration names it.
type target struct {
	text    string // as it is written
	speaks  scheme
	network string // tcp or unix
	host    string // a name or an address; the name of SRV records; a path
	port    string // of a host
	srv     bool
}

// errForm says what can be written.
var errForm = errors.New("write http://host:port, https://host:port, h2c://host:port, unix:///path, or srv+http://name")

// Check says what is wrong with an upstream.
func Check(upstream string) error {
	_, err := parse(upstream)
	return err
}

func parse(upstream string) (target, error) {
	u, err := url.Parse(upstream)
	if err != nil {
		return target{}, fmt.Errorf("upstream %q is not a URL", upstream)
	}
	t := target{text: upstream, network: "tcp", host: u.Hostname(), port: u.Port()}
	name := u.Scheme
	if name == "unix" {
		return unix(upstream, u)
	}
	name, t.srv = cutSRV(name)
	var standard string
	switch name {
	case "http":
		standard = "80"
	case "h2c":
		t.speaks, standard = h2c, "80"
	case "https":
		t.speaks, standard = https, "443"
	default:
		return target{}, fmt.Errorf("upstream %q: %w", upstream, errForm)
	}
	switch {
	case t.host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return target{}, fmt.Errorf("upstream %q: write a host and a port, nothing more", upstream)
	case t.srv && t.port != "":
		return target{}, fmt.Errorf("upstream %q: write no port, the SRV records have it", upstream)
	case t.port == "":
		t.port = standard
	}
	return t, nil
}

func cutSRV(scheme string) (string, bool) {
	rest, srv := strings.CutPrefix(scheme, "srv+")
	return rest, srv
}

func unix(upstream string, u *url.URL) (target, error) {
	// Linux has room for 107 bytes in an address, others for fewer.
	const most = 103
	if u.Host != "" || len(u.Path) < 2 || len(u.Path) > most || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return target{}, fmt.Errorf("upstream %q: write unix:// and the whole path of a socket, at most %d bytes", upstream, most)
	}
	return target{text: upstream, network: "unix", host: u.Path}, nil
}

// named says whether t must be looked up. This machine is one endpoint, reached
// by whichever of its addresses answers: most servers listen at one only.
func (t target) named() bool {
	if t.network == "unix" || t.host == "localhost" && !t.srv {
		return false
	}
	_, err := netip.ParseAddr(t.host)
	return t.srv || err != nil
}

// place is one address that a target leads to.
type place struct {
	speaks  scheme
	network string
	address string // host:port, or a path
	name    string // whom a certificate must name
}

// fixed is the place of a target that is not named.
func (t target) fixed() place {
	if t.network == "unix" {
		return place{speaks: t.speaks, network: "unix", address: t.host}
	}
	return place{speaks: t.speaks, network: "tcp", address: net.JoinHostPort(t.host, t.port), name: t.host}
}

// title is how people and metrics call a place.
func (p place) title() string {
	if p.network == "unix" {
		return "unix:" + p.address
	}
	return p.address
}
