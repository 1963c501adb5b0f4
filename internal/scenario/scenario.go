package scenario

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Scenario is all that a run is made of.
type Scenario struct {
	Targets  []string // base URLs; each request goes to one of them at random
	Shape    Shape
	Even     bool   // arrivals as even as the shape allows; else a Poisson process
	Seed     uint64 // of all that is left to chance
	InFlight int    // requests under way at once; what is due beyond is not made, and counted
	Timeout  time.Duration
	HTTP2    bool   // without TLS, prior knowledge
	Users    uint64 // how many people ask; each request is one of them at random
	// Version is the answer's header that names the version.
	Version  string
	Requests []Request
	Limits   []Limit
	Stop     Stop
}

// The bounds of a scenario.
const (
	MaxInFlight = 100_000
	MaxTargets  = 100
	MaxUsers    = 1_000_000_000
	MaxTimeout  = 10 * time.Minute
	MaxBody     = 16 << 20 // bytes of one request
)

// Check says what is wrong with s.
func (s Scenario) Check() error {
	if len(s.Targets) == 0 || len(s.Targets) > MaxTargets {
		return fmt.Errorf("there are %d targets; use 1 to %d", len(s.Targets), MaxTargets)
	}
	for _, t := range s.Targets {
		if err := CheckTarget(t); err != nil {
			return err
		}
	}
	if err := s.Shape.Check(); err != nil {
		return err
	}
	if length := s.Shape.Length(); length <= 0 || length > MaxLength {
		return fmt.Errorf("a run of %s is out of range; use more than 0s and at most %s", length, MaxLength)
	}
	return s.checkBounds()
}

func (s Scenario) checkBounds() error {
	switch {
	case s.InFlight < 1 || s.InFlight > MaxInFlight:
		return fmt.Errorf("%d requests in flight is out of range; use 1 to %d", s.InFlight, MaxInFlight)
	case s.Timeout <= 0 || s.Timeout > MaxTimeout:
		return fmt.Errorf("a timeout of %s is out of range; use more than 0s and at most %s", s.Timeout, MaxTimeout)
	case s.Users > MaxUsers:
		return fmt.Errorf("%d users are out of range; use at most %d", s.Users, MaxUsers)
	case s.Stop.Errors < 0 || s.Stop.Errors > 1:
		return fmt.Errorf("a share of %g is out of range; use 0 to 1", s.Stop.Errors)
	}
	for _, r := range s.Requests {
		if err := r.check(); err != nil {
			return fmt.Errorf("request %s: %w", r.Name, err)
		}
	}
	_, err := NewMix(s.Requests)
	return err
}

// check says what is wrong with r.
func (r Request) check() error {
	if !strings.HasPrefix(r.Path.String(), "/") {
		return fmt.Errorf("the path %q does not begin with a slash", r.Path)
	}
	if strings.ContainsFunc(r.Path.String(), func(c rune) bool { return c <= ' ' || c == 0x7f }) {
		return fmt.Errorf("the path %q has spaces; write %%20", r.Path)
	}
	if r.Method != "" && !IsToken(r.Method) || r.Method == "CONNECT" { //nolint:usestdlibvars // a pure room does without net/http
		return fmt.Errorf("%q is no method of a request; write one such as GET or POST", r.Method)
	}
	if len(r.Body.String()) > MaxBody {
		return fmt.Errorf("the body has %d bytes; at most %d are sent", len(r.Body.String()), MaxBody)
	}
	return nil
}

// IsToken says whether s can name a method or a header (RFC 9110, section 5.6.2).
func IsToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
	})
}

// CheckTarget says what is wrong with a target.
func CheckTarget(target string) error {
	u, err := url.Parse(target)
	if err != nil {
		return fmt.Errorf("the target %q is not a URL", target)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return fmt.Errorf("the target %q is not a URL; write http://host:port", target)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return errors.New("a target is a host and a port, nothing more; write paths in requests")
	}
	return nil
}
