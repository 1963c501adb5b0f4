package difference

import (
	"fmt"
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

// NewRules returns the rules of s. Check has found what makes no sense in it.
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

// CheckPlace says what is wrong with a place as people write it, "" if nothing.
func CheckPlace(place string) string {
	if place == "$" || strings.HasPrefix(place, "$.") || strings.HasPrefix(place, "$[]") || place == "status" || place == "body" {
		return ""
	}
	if name, ok := strings.CutPrefix(place, "header."); ok && name != "" && name == strings.ToLower(name) {
		return ""
	}
	return fmt.Sprintf("%q is no place of an answer; write $.items[].price for a member of JSON, header.location for a field in lower case, status or body", place)
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
