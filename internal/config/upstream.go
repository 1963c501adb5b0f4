package config

import (
	"net/url"
	"strings"
	"time"

	"github.com/stagger-dev/stagger"
)

// outlierKeys and the rest are what a service says of its endpoints.
var (
	outlierKeys = object("Endpoints that get no requests for a while because those that met them failed. Without the key nobody is left out but by probes.",
		field{"consecutive", count("Failures in a row; 0 does not count them.").or("5")},
		field{"failures", choice("What counts beside no connection and no answer in time: every 5xx, or 502, 503 and 504.",
			string(stagger.ServerErrors), string(stagger.GatewayErrors)).or(string(stagger.ServerErrors))},
		field{"excess", share("How much higher than at the other endpoints together the share of failures within interval must be, and beyond chance; 0 does not compare.").or("10%")},
		field{"interval", duration("Between two comparisons.").or("10s")},
		field{"ejection", duration("How long an endpoint is left out the first time; twice as long the second, and so on.").or("30s")},
		field{"max_ejection", duration("The longest.").or("5m")},
		field{"max_share", share("The share of a version's endpoints that may be left out at once; the last one stays in any case.").or("50%")},
	)
	limitKeys = object("What one endpoint gets at once. Beyond them another one is taken; when all are full, requests are refused with 503 and Retry-After.",
		field{"requests", count("Requests.").or("any number")},
		field{"connections", count("Connections, idle ones included.").or("any number")},
	)
	dnsKeys = object("How names of upstreams are followed. Every address is an endpoint of its own; an answer that fails or is empty changes nothing.",
		field{"every", duration("Between two look-ups, 1s to 1h; an endpoint that fails has its name looked up at once.").or("30s")},
	)
	tlsKeys = object("How https upstreams are spoken to. Files are read again when they change.",
		field{"ca", text("A file of certificates that sign those of the upstreams.").or("the system's")},
		field{"certificate", text("A file with our own certificate, for upstreams that ask.")},
		field{"key", text("The file with its key.")},
		field{"server_name", text("Whom the upstream's certificate must name.").or("the host of its URL")},
		field{"http1_only", flag("Whether HTTP/2 is left out.").or("false")},
		field{"insecure_skip_verify", flag("Whether every certificate is believed, so that anybody on the way can read and change what passes.").or("false")},
	)
	upstreamsDoc = "Base URLs: http://host:port, https://host:port, h2c://host:port for HTTP/2 without TLS (gRPC), unix:///path of a socket, srv+http://_http._tcp.name for what the SRV records of a name say (srv+https and srv+h2c too)."
)

// The bounds of what a service says of its endpoints.
const (
	mostOfLimit = 1_000_000
	leastDNS    = time.Second
	mostDNS     = time.Hour
	mostWait    = 24 * time.Hour
	leastWait   = 100 * time.Millisecond
)

// endpoints reads what a service says of its endpoints.
func (v value) endpoints(f map[string]value, s *stagger.Service) {
	if b, ok := f["balance"]; ok {
		s.Balance = stagger.Balance(b.choice())
	}
	if o, ok := f["outlier"]; ok {
		s.Outlier = o.outlier()
	}
	if d, ok := f["slow_start"]; ok {
		s.SlowStart = d.between(leastWait, mostWait)
	}
	if l, ok := f["limits"]; ok {
		g := l.fields()
		s.Limits = stagger.EndpointLimits{Requests: g["requests"].limit(), Connections: g["connections"].limit()}
	}
	if d, ok := f["dns"]; ok {
		if every, ok := d.fields()["every"]; ok {
			s.DNS.Every = every.between(leastDNS, mostDNS)
		}
	}
}

// outlier reads a rule. It is whole: a key that is there turns it on.
func (v value) outlier() stagger.Outlier {
	f := v.fields()
	o := stagger.Outlier{
		Consecutive: 5, Failures: stagger.ServerErrors, Excess: 0.1, Interval: 10 * time.Second,
		Ejection: 30 * time.Second, MaxEjection: 5 * time.Minute, MaxShare: 0.5,
	}
	if n, ok := f["consecutive"]; ok {
		o.Consecutive = n.upTo(mostOfLimit)
	}
	if c, ok := f["failures"]; ok {
		o.Failures = stagger.FailureKind(c.choice())
	}
	if s, ok := f["excess"]; ok {
		o.Excess = s.part()
	}
	if d, ok := f["interval"]; ok {
		o.Interval = d.between(leastWait, mostWait)
	}
	if d, ok := f["ejection"]; ok {
		o.Ejection = d.between(leastWait, mostWait)
		o.MaxEjection = max(o.MaxEjection, o.Ejection)
	}
	if d, ok := f["max_ejection"]; ok {
		if o.MaxEjection = d.between(leastWait, mostWait); o.MaxEjection < o.Ejection {
			d.fail("%s is shorter than the first ejection; write %s at least", short(o.MaxEjection), short(o.Ejection))
		}
	}
	if s, ok := f["max_share"]; ok {
		if o.MaxShare = s.part(); o.MaxShare == 0 {
			s.fail("0%% leaves nobody out; write more, or remove outlier")
		}
	}
	if !o.On() {
		v.fail("neither consecutive nor excess looks at anything; write one of them above 0, or remove outlier")
	}
	return o
}

// part is a share of at most everything.
func (v value) part() float64 {
	f := v.share()
	if f > 1 {
		v.fail("a share of more than 100%% is none; write at most 100%%")
		return 1
	}
	return f
}

// limit is a number of things at once, zero when the key is absent.
func (v value) limit() int {
	if v.node == nil {
		return 0
	}
	before := len(v.r.problems)
	n := v.upTo(mostOfLimit)
	if n == 0 && len(v.r.problems) == before {
		v.fail("0 lets nothing through; write more, or remove the key for any number")
	}
	return n
}

func (v value) upTo(most uint64) int {
	n := v.count()
	if n > most {
		v.fail("%d is out of range; write at most %d", n, most)
		return int(most)
	}
	return int(n)
}

// tls reads how https upstreams are spoken to.
func (v value) tls(upstreams []string) stagger.UpstreamTLS {
	f := v.fields()
	var t stagger.UpstreamTLS
	for key, to := range map[string]*string{"ca": &t.CA, "certificate": &t.Certificate, "key": &t.Key, "server_name": &t.ServerName} {
		if text, ok := f[key]; ok {
			*to = text.text()
		}
	}
	if b, ok := f["http1_only"]; ok {
		t.HTTP1Only = b.flag()
	}
	if b, ok := f["insecure_skip_verify"]; ok {
		t.InsecureSkipVerify = b.flag()
	}
	switch {
	case (t.Certificate == "") != (t.Key == ""):
		v.fail("certificate and key belong together; write both")
	case t.InsecureSkipVerify && t.CA != "":
		f["insecure_skip_verify"].fail("ca has no meaning when every certificate is believed; keep one of the two")
	case !speaksTLS(upstreams):
		v.fail("no upstream of this version is https; write https://host:port, or remove tls")
	}
	return t
}

func speaksTLS(upstreams []string) bool {
	for _, u := range upstreams {
		if strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "srv+https://") {
			return true
		}
	}
	return false
}

// maxSocket is the longest path of a socket.
const maxSocket = 103

func (v value) upstream() string {
	s := v.text()
	u, err := url.Parse(s)
	const forms = "write http://host:port, https://, h2c:// or unix:///path"
	switch {
	case s == "":
	case err == nil && u.Scheme == "unix":
		v.socket(s, u)
		return s
	case err != nil || u.Host == "" || u.Hostname() == "":
		v.fail("%q is not a URL; %s", cut(s), forms)
	case !spoken(u.Scheme):
		v.fail("the scheme %q is not spoken; %s", cut(u.Scheme), forms)
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		v.fail("%q has more than a host and a port; write %s://%s", cut(s), u.Scheme, u.Host)
	case strings.HasPrefix(u.Scheme, "srv+") && u.Port() != "":
		v.fail("the SRV records of %s have the port; write %s://%s", cut(u.Hostname()), u.Scheme, cut(u.Hostname()))
	}
	return strings.TrimSuffix(s, "/")
}

func spoken(scheme string) bool {
	switch strings.TrimPrefix(scheme, "srv+") {
	case "http", "https", "h2c":
		return true
	}
	return false
}

func (v value) socket(s string, u *url.URL) {
	switch {
	case u.Host != "" || len(u.Path) < 2 || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		v.fail("%q is not a socket; write unix:// and its whole path, unix:///run/shop.sock", cut(s))
	case len(u.Path) > maxSocket:
		v.fail("the path of the socket has %d bytes; %d fit", len(u.Path), maxSocket)
	}
}
