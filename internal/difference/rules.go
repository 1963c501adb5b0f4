package difference

import (
	"strings"

	"github.com/stagger-dev/stagger"
)

// usualHeaders are compared where a plan names none.
var usualHeaders = []string{"Content-Type", "Location"}

// Rules say what is compared, and how. They are not changed once made, so any
// number of comparisons may share them.
type Rules struct {
	headers []string
	ignore  []string
	keys    map[string]string
	numbers float64
	redact  []string
}

// NewRules returns the rules of s.
func NewRules(s stagger.Shadow) *Rules {
	r := &Rules{headers: s.Headers, ignore: s.Ignore, numbers: s.Numbers, keys: make(map[string]string, len(s.Keys))}
	if len(r.headers) == 0 {
		r.headers = usualHeaders
	}
	for _, k := range s.Keys {
		r.keys[k.Array] = k.Key
	}
	r.redact = append(r.redact, confidential...)
	for _, name := range s.Redact {
		r.redact = append(r.redact, squeeze(name))
	}
	return r
}

// ignores says whether a place, or one that it lies in, is not compared.
func (r *Rules) ignores(path string) bool {
	for _, rule := range r.ignore {
		rest, inside := strings.CutPrefix(path, rule)
		if inside && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return true
		}
	}
	return false
}
