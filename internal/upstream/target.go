package upstream

import (
	"fmt"
	"net/url"
	"strings"
)

// Target is an upstream as the configuration names it.
type Target struct {
	Address string // host:port
	H2C     bool   // it speaks HTTP/2 without TLS
}

// Parse reads http://host:port and h2c://host:port.
func Parse(upstream string) (Target, error) {
	u, err := url.Parse(upstream)
	if err != nil {
		return Target{}, fmt.Errorf("upstream %q is not a URL", upstream)
	}
	if u.Scheme != "http" && u.Scheme != "h2c" {
		return Target{}, fmt.Errorf("upstream %q: write http://host:port or h2c://host:port", upstream)
	}
	if u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return Target{}, fmt.Errorf("upstream %q: write a host and a port, nothing more", upstream)
	}
	t := Target{Address: u.Host, H2C: u.Scheme == "h2c"}
	if u.Port() == "" {
		t.Address = strings.TrimSuffix(t.Address, ":") + ":80"
	}
	return t, nil
}
