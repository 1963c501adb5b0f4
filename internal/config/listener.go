package config

import (
	"net/netip"
	"net/url"
	"strings"
)

// Listener is where requests come in.
type Listener struct {
	Name          string
	Address       string     // host:port, or unix:/a/path
	Also          []string   // more of the same
	TLS           *ServerTLS // nil for none
	RedirectHTTPS int        // the port of https; 0 sends nobody away
	ProxyProtocol string     // off, optional or required; "" is off
	Trusted       []netip.Prefix
	TrustUnix     bool   // who comes over a unix socket is trusted
	Forwarded     string // x-forwarded, rfc7239 or both; "" is x-forwarded
}

// ServerTLS is how a port proves itself.
type ServerTLS struct {
	Certificates []Certificate
	ClientCA     string // a file
	MinVersion   string // tls1.2 or tls1.3; "" is tls1.2
	ACME         *ACME  // nil for none
}

// Certificate names the two files of one.
type Certificate struct{ Certificate, Key string }

// ACME says for which names an authority is asked.
type ACME struct {
	Hosts       []string
	Email       string
	Cache       string // a directory
	Directory   string // a URL; "" is Let's Encrypt
	DirectoryCA string // a file
}

// The words of a listener that are asked for elsewhere.
const (
	wordOff  = "off"
	wordUnix = "unix"
)

func (v value) listener() Listener {
	f := v.fields()
	var l Listener
	if name, ok := f["name"]; ok {
		l.Name = name.name()
	}
	if address, ok := f["address"]; ok {
		l.Address = address.place()
	}
	if also, ok := f["also"]; ok {
		for _, item := range also.items() {
			l.Also = append(l.Also, item.place())
		}
	}
	if t, ok := f["tls"]; ok {
		l.TLS = t.serverTLS()
	}
	if port, ok := f["redirect_https"]; ok {
		l.RedirectHTTPS = port.httpsPort(l.TLS != nil)
	}
	if t, ok := f["trusted_proxies"]; ok {
		l.Trusted, l.TrustUnix = t.trusted()
	}
	if p, ok := f["proxy_protocol"]; ok {
		l.ProxyProtocol = p.choice()
		if l.ProxyProtocol != wordOff && len(l.Trusted) == 0 && !l.TrustUnix {
			p.fail("nobody may speak it; add trusted_proxies, such as [10.0.0.0/8], or write off")
		}
	}
	if form, ok := f["forwarded"]; ok {
		l.Forwarded = form.choice()
	}
	return l
}

// httpsPort reads the port that clients are sent to.
func (v value) httpsPort(secure bool) int {
	port := v.count()
	switch {
	case secure:
		v.fail("this listener speaks TLS itself; write redirect_https on the one that does not")
	case port < 1 || port > 65535:
		v.fail("%d is not a port; write the one of https, such as 443", port)
	}
	return int(port)
}

// place reads host:port or unix:/a/path.
func (v value) place() string {
	s, _ := v.scalar()
	path, isUnix := strings.CutPrefix(s, "unix:")
	if !isUnix {
		return v.address()
	}
	// What the kernel takes, less the zero at the end.
	if !strings.HasPrefix(path, "/") || len(path) > 107 || strings.ContainsAny(path, "\x00\n") {
		v.fail("%q is not the path of a socket; write unix:/a/path of at most 107 bytes", cut(s))
	}
	return s
}

// trusted reads addresses and networks.
func (v value) trusted() (networks []netip.Prefix, local bool) {
	for _, item := range v.items() {
		s := item.text()
		if s == wordUnix {
			local = true
			continue
		}
		if n, ok := item.network(s); ok {
			networks = append(networks, n)
		}
	}
	return networks, local
}

func (v value) network(s string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	n, err := netip.ParsePrefix(s)
	switch {
	case s == "":
		return n, false
	case err != nil || n.Addr().Is4In6():
		v.fail("%q is no address and no network; write one such as 10.0.0.1, 10.0.0.0/8 or fd00::/8, or unix", cut(s))
		return n, false
	case n != n.Masked():
		v.fail("%s has bits beyond its prefix; write %s for the network, or the address alone", cut(s), n.Masked())
	}
	return n, true
}

func (v value) serverTLS() *ServerTLS {
	f := v.fields()
	t := &ServerTLS{}
	if c, ok := f["certificates"]; ok {
		t.Certificates = c.certificates()
	}
	if ca, ok := f["client_ca"]; ok {
		t.ClientCA = ca.text()
	}
	if least, ok := f["min_version"]; ok {
		t.MinVersion = least.choice()
	}
	if a, ok := f["acme"]; ok {
		t.ACME = a.acme()
	}
	if len(t.Certificates) == 0 && t.ACME == nil {
		v.fail("there is no certificate; add certificates or acme")
	}
	return t
}

// maxCertificates bounds those of one listener: each handshake looks through
// them.
const maxCertificates = 100

func (v value) certificates() []Certificate {
	var out []Certificate
	for _, item := range v.items() {
		f := item.fields()
		var c Certificate
		if file, ok := f["certificate"]; ok {
			c.Certificate = file.text()
		}
		if file, ok := f["key"]; ok {
			c.Key = file.text()
		}
		out = append(out, c)
	}
	if len(out) > maxCertificates {
		v.fail("there are %d certificates; write at most %d, or use another listener", len(out), maxCertificates)
	}
	return out
}

func (v value) acme() *ACME {
	f := v.fields()
	a := &ACME{}
	if hosts, ok := f["hosts"]; ok {
		for _, item := range hosts.items() {
			a.Hosts = append(a.Hosts, item.acmeHost())
		}
		if len(a.Hosts) == 0 {
			hosts.fail("there is no name; write those that certificates are for")
		}
	}
	if email, ok := f["email"]; ok {
		a.Email = email.text()
	}
	if cache, ok := f["cache"]; ok {
		a.Cache = cache.text()
	}
	if d, ok := f["directory"]; ok {
		a.Directory = d.text()
		if u, err := url.Parse(a.Directory); err != nil || u.Scheme != "https" || u.Host == "" {
			d.fail("%q is not the URL of an ACME directory; write https://...", cut(a.Directory))
		}
	}
	if ca, ok := f["directory_ca"]; ok {
		a.DirectoryCA = ca.text()
	}
	return a
}

// acmeHost reads a name that an authority can certify this way.
func (v value) acmeHost() string {
	s := v.host()
	if s != "" && (strings.HasPrefix(s, "*.") || !strings.Contains(strings.Trim(s, "."), ".")) {
		v.fail("%q cannot be certified by ACME here; write a full name such as shop.example.org", cut(s))
	}
	return strings.ToLower(s)
}
