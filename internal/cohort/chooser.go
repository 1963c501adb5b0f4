package cohort

import (
	"fmt"
	"strings"

	"github.com/stagger-dev/stagger"
)

// Attributes is what a request tells about its subject. Every method returns
// "" for what is not there. Header names arrive in canonical form
// ("X-User-Id"), so that a lookup need not fold them.
type Attributes interface {
	Header(name string) string
	Cookie(name string) string
	// Claim reads the payload of the bearer token without verifying it.
	Claim(name string) string
	// Address is the client's IP address without its port.
	Address() string
}

// Chooser applies one split. It is immutable and safe for concurrent use.
type Chooser struct {
	prefix    before
	key       stagger.Key
	rules     []rule
	weight    stagger.Weight
	ruleShare stagger.Weight
	exposes   bool
}

// Compile prepares a split. Its errors are *stagger.Error and name the rule
// that is wrong.
func Compile(s stagger.Split) (*Chooser, error) {
	if strings.ContainsRune(s.Seed, 0) {
		return nil, invalid("the seed holds a zero byte")
	}
	if s.Weight > stagger.WeightFull || s.RuleShare > stagger.WeightFull {
		return nil, invalid("a weight exceeds 100%%")
	}
	if s.Key.Header != "" && s.Key.Cookie != "" {
		return nil, invalid("the key names a header and a cookie; choose one")
	}
	c := &Chooser{
		prefix:    prefix(s.Seed),
		key:       s.Key,
		weight:    s.Weight,
		ruleShare: s.RuleShare,
		exposes:   s.Exposes(),
	}
	c.key.Header = canonical(c.key.Header)
	for i, r := range s.Rules {
		compiled, err := compileRule(r)
		if err != nil {
			return nil, invalid("rule %d: %v", i+1, err)
		}
		c.rules = append(c.rules, compiled)
	}
	return c, nil
}

// Choose returns the point of the subject of a (see Bucket), whether it meets
// the candidate, and whether a rule had a say in that. Where none had, the
// weight alone decided: such subjects meet the candidate in the share that the
// weight is.
func (c *Chooser) Choose(a Attributes) (at uint64, candidate, ruled bool) {
	at = c.prefix.point(c.Subject(a))
	if !c.exposes {
		return at, false, false
	}
	share := c.weight
	if c.ruleShare > share && c.picked(a) {
		share, ruled = c.ruleShare, true
	}
	return at, within(at, share), ruled
}

// picked says whether any rule names the subject.
func (c *Chooser) picked(a Attributes) bool {
	for i := range c.rules {
		if c.rules[i].matches(a) {
			return true
		}
	}
	return false
}

// Subject returns what identifies the subject; without the header or cookie
// that is the client's address.
func (c *Chooser) Subject(a Attributes) string {
	id := ""
	switch {
	case c.key.Header != "":
		id = a.Header(c.key.Header)
	case c.key.Cookie != "":
		id = a.Cookie(c.key.Cookie)
	}
	if id == "" {
		return a.Address()
	}
	return id
}

// canonical writes a header name as HTTP libraries keep it: "X-User-Id".
func canonical(name string) string {
	b := []byte(strings.ToLower(name))
	upper := true
	for i, c := range b {
		if upper && 'a' <= c && c <= 'z' {
			b[i] = c - ('a' - 'A')
		}
		upper = c == '-'
	}
	return string(b)
}

func invalid(format string, args ...any) error {
	return &stagger.Error{Code: stagger.CodeInvalid, Message: fmt.Sprintf(format, args...)}
}
