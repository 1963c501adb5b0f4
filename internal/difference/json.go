package difference

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/stagger-dev/stagger"
)

// maxPath bounds a place, in bytes. What lies deeper is found at the last place
// that has room.
const maxPath = 200

// decode reads one JSON value that is all there is.
func decode(body []byte) (v any, ok bool) {
	if !json.Valid(body) {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	err := d.Decode(&v)
	return v, err == nil
}

// place is where a comparison has come to.
type place struct {
	path   string
	hidden bool // no value in it is shown
}

func (p place) member(name string, rules *Rules) place {
	hidden := p.hidden || rules.hides(name)
	if isIdentifier(name) {
		name = "*"
	}
	return place{p.grown("." + short(name)), hidden}
}

func (p place) item() place { return place{p.grown("[]"), p.hidden} }

func (p place) grown(by string) string {
	if len(p.path)+len(by) > maxPath {
		return p.path
	}
	return p.path + by
}

// isIdentifier says whether the name of a member is data rather than a name: a
// number, a UUID, a hash, an address of mail. All such members are one place.
func isIdentifier(name string) bool {
	if strings.IndexByte(name, '@') >= 0 {
		return true
	}
	digits, others := 0, 0
	for i := range len(name) {
		switch ch := name[i]; {
		case ch >= '0' && ch <= '9':
			digits++
		case ch >= 'a' && ch <= 'f' || ch >= 'A' && ch <= 'F' || ch == '-':
			others++
		default:
			return false
		}
	}
	return digits > 0 && (others == 0 || digits+others >= 16)
}

// value compares two JSON values.
func (c *comparison) value(at place, a, b any) {
	if c.rules.ignores(at.path) {
		return
	}
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			c.object(at, x, y)
			return
		}
	case []any:
		if y, ok := b.([]any); ok {
			c.array(at, x, y)
			return
		}
	default:
		if c.same(a, b) {
			return
		}
	}
	kind := stagger.DifferenceChanged
	if typeOf(a) != typeOf(b) {
		kind = stagger.DifferenceType
	}
	c.found(at.path, kind, at.shown(a), at.shown(b))
}

func (c *comparison) object(at place, a, b map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(a)) {
		inside := at.member(name, c.rules)
		if y, ok := b[name]; ok {
			c.value(inside, a[name], y)
		} else {
			c.missing(inside, a[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b)) {
		if _, ok := a[name]; !ok {
			c.added(at.member(name, c.rules), b[name])
		}
	}
}

func (c *comparison) missing(at place, v any) {
	if !c.rules.ignores(at.path) {
		c.found(at.path, stagger.DifferenceMissing, at.shown(v), "")
	}
}

func (c *comparison) added(at place, v any) {
	if !c.rules.ignores(at.path) {
		c.found(at.path, stagger.DifferenceAdded, "", at.shown(v))
	}
}

// array compares item by item: by their keys where a rule names one and all
// items have it, else by index.
func (c *comparison) array(at place, a, b []any) {
	if key, ok := c.rules.keys[at.path]; ok {
		x, keyedA := keyed(a, key)
		y, keyedB := keyed(b, key)
		if keyedA && keyedB {
			c.items(at.item(), x, y)
			return
		}
	}
	inside := at.item()
	for i := range min(len(a), len(b)) {
		c.value(inside, a[i], b[i])
	}
	if len(a) > len(b) {
		c.missing(inside, a[len(b)])
	}
	if len(b) > len(a) {
		c.added(inside, b[len(a)])
	}
}

// items compares what has the same key.
func (c *comparison) items(at place, a, b map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(a)) {
		if y, ok := b[key]; ok {
			c.value(at, a[key], y)
		} else {
			c.missing(at, a[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(b)) {
		if _, ok := a[key]; !ok {
			c.added(at, b[key])
		}
	}
}

// keyed lays out items by a member; it is not ok unless each has its own.
func keyed(items []any, key string) (map[string]any, bool) {
	out := make(map[string]any, len(items))
	for _, item := range items {
		object, _ := item.(map[string]any)
		value, ok := object[key]
		if !ok {
			return nil, false
		}
		name := fmt.Sprintf("%T %v", value, value)
		if _, twice := out[name]; twice {
			return nil, false
		}
		out[name] = item
	}
	return out, true
}

// same compares values that hold no others.
func (c *comparison) same(a, b any) bool {
	x, isA := a.(json.Number)
	y, isB := b.(json.Number)
	if !isA || !isB {
		return !isComposite(b) && a == b
	}
	return x == y || c.close(string(x), string(y))
}

// close says whether two numbers are written differently and mean the same, or
// are as near to each other as the rules allow.
func (c *comparison) close(x, y string) bool {
	if c.rules.numbers == 0 && isWhole(x) && isWhole(y) {
		return false // compared as text, so that none is too large
	}
	v, errA := strconv.ParseFloat(x, 64)
	w, errB := strconv.ParseFloat(y, 64)
	return errA == nil && errB == nil && math.Abs(v-w) <= c.rules.numbers*max(math.Abs(v), math.Abs(w))
}

func isWhole(number string) bool { return !strings.ContainsAny(number, ".eE") }

func isComposite(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return true
	}
	return false
}

func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case json.Number:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}

// shown is a value as people see it: never what lies in an object or an array,
// and nothing confidential.
func (p place) shown(v any) string {
	switch x := v.(type) {
	case map[string]any:
		return fmt.Sprintf("object of %d", len(x))
	case []any:
		return fmt.Sprintf("array of %d", len(x))
	case nil:
		return "null"
	case string:
		if p.hidden || tells(x) {
			return masked
		}
		return short(strconv.Quote(short(x)))
	}
	if p.hidden {
		return masked
	}
	return short(fmt.Sprint(v))
}
