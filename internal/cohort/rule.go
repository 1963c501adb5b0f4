package cohort

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/stagger-dev/stagger"
)

// rule is a stagger.Rule ready to use. An attribute that is absent or empty
// matches nothing.
type rule struct {
	source source
	name   string
	equals string
	in     map[string]struct{}
	expr   *regexp.Regexp
}

// source is where a rule finds its attribute.
type source int

const (
	fromHeader source = iota
	fromCookie
	fromClaim
)

func compileRule(r stagger.Rule) (rule, error) {
	var c rule
	if count(r.Header != "", r.Cookie != "", r.Claim != "") != 1 {
		return c, errors.New("name exactly one of header, cookie and claim")
	}
	if count(r.Equals != "", len(r.In) > 0, r.Matches != "") != 1 {
		return c, errors.New("use exactly one of equals, in and matches")
	}
	switch {
	case r.Header != "":
		c.source, c.name = fromHeader, canonical(r.Header)
	case r.Cookie != "":
		c.source, c.name = fromCookie, r.Cookie
	default:
		c.source, c.name = fromClaim, r.Claim
	}
	c.equals = r.Equals
	if len(r.In) > 0 {
		c.in = make(map[string]struct{}, len(r.In))
		for _, v := range r.In {
			c.in[v] = struct{}{}
		}
	}
	if r.Matches != "" {
		// Alone first: "a)(b" must not become valid by being wrapped.
		if _, err := regexp.Compile(r.Matches); err != nil {
			return c, fmt.Errorf("matches: %w", err)
		}
		expr, err := regexp.Compile(`\A(?:` + r.Matches + `)\z`)
		if err != nil {
			return c, fmt.Errorf("matches: %w", err)
		}
		c.expr = expr
	}
	return c, nil
}

func (r *rule) matches(a Attributes) bool {
	value := r.value(a)
	if value == "" {
		return false
	}
	switch {
	case r.in != nil:
		_, ok := r.in[value]
		return ok
	case r.expr != nil:
		return r.expr.MatchString(value)
	}
	return value == r.equals
}

func (r *rule) value(a Attributes) string {
	switch r.source {
	case fromCookie:
		return a.Cookie(r.name)
	case fromClaim:
		return a.Claim(r.name)
	case fromHeader:
	}
	return a.Header(r.name)
}

// count returns how many are true.
func count(bs ...bool) int {
	n := 0
	for _, b := range bs {
		if b {
			n++
		}
	}
	return n
}
