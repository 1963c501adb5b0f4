package config

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/stagger-dev/stagger"
)

// The bounds of single values.
const (
	maxText     = 4096
	maxDuration = 90 * 24 * time.Hour
)

// scalar returns the text of a plain value as written.
func (v value) scalar() (string, bool) {
	switch n := v.node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// text returns a text that is not empty.
func (v value) text() string {
	s, ok := v.scalar()
	switch {
	case !ok:
		v.fail("%s; write a text", v.what())
		return ""
	case s == "":
		v.fail("the text is empty; write one or remove the key")
	case len(s) > maxText:
		v.fail("the text has %d bytes; at most %d are kept", len(s), maxText)
		return s[:maxText]
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f }):
		v.fail("the text has control characters; remove them")
	}
	return s
}

// name returns a text that can stand in a path, a label and an identifier.
func (v value) name() string {
	s := v.text()
	if s != "" && (len(s) > 100 || strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r))
	})) {
		v.fail("%q is not a name; use up to 100 letters, digits, '-', '_' and '.'", cut(s))
	}
	return s
}

func (v value) choice() string {
	s, ok := v.scalar()
	if !ok || !slices.Contains(v.spec.choices, s) {
		v.fail("%s; write one of %s", v.what(), strings.Join(v.spec.choices, ", "))
		return ""
	}
	return s
}

func (v value) flag() bool {
	n, ok := v.node.(*ast.BoolNode)
	if !ok {
		v.fail("%s; write true or false", v.what())
		return false
	}
	return n.Value
}

// count returns a whole number from 0 on.
func (v value) count() uint64 {
	s, _ := v.scalar()
	n, err := strconv.ParseUint(s, 10, 40)
	if err != nil {
		v.fail("%s; write a whole number from 0 on", v.what())
	}
	return n
}

// duration reads "90s" or "1h30m".
func (v value) duration() time.Duration {
	s, ok := v.scalar()
	if _, err := strconv.ParseFloat(s, 64); err == nil && s != "0" {
		v.fail("%s has no unit; write %ss", s, s)
		return 0
	}
	d, err := time.ParseDuration(s)
	switch {
	case !ok || err != nil:
		v.fail("%s; write a duration such as 90s, 10m or 1h30m", v.what())
	case d < 0:
		v.fail("%s is less than nothing; write a duration from 0s on", s)
	case d > maxDuration:
		v.fail("%s is too long; write at most %s", s, maxDuration)
	default:
		return d
	}
	return 0
}

// positive is a duration that must be more than nothing; zero when the key is
// absent.
func (v value) positive() time.Duration {
	if v.node == nil {
		return 0
	}
	before := len(v.r.problems)
	d := v.duration()
	if d == 0 && len(v.r.problems) == before {
		v.fail("0s is no time at all; write more, or remove the key for the default")
	}
	return d
}

// between is a duration within bounds, and the longest after a problem.
func (v value) between(least, most time.Duration) time.Duration {
	before := len(v.r.problems)
	d := v.duration()
	if len(v.r.problems) > before {
		return most
	}
	if d < least || d > most {
		v.fail("%s is out of range; write %s to %s", short(d), short(least), short(most))
		return most
	}
	return d
}

// weight reads a share of traffic in percent.
func (v value) weight() stagger.Weight {
	s, ok := v.scalar()
	if !ok {
		v.fail("%s; write a share of traffic in percent, 0 to 100", v.what())
		return 0
	}
	w, err := stagger.ParseWeight(s)
	if err != nil {
		v.fail("%s", err)
	}
	return w
}

// share reads a fraction, 0.05, or with a percent sign, 5%.
func (v value) share() float64 {
	s, ok := v.scalar()
	number, percent := strings.CutSuffix(strings.TrimSpace(s), "%")
	f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok || err != nil || math.IsNaN(f) || f < 0 || math.IsInf(f, 0) {
		v.fail("%s; write a share such as 5%% or 0.05", v.what())
		return 0
	}
	if percent {
		f /= 100
	}
	return f
}

// number reads a number that is not negative, such as 0.8 or 2e9.
func (v value) number() float64 {
	s, ok := v.scalar()
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if !ok || err != nil || !(f >= 0) || math.IsInf(f, 0) {
		v.fail("%s; write a number from 0 on, such as 0.8 or 2e9", v.what())
		return 0
	}
	return f
}

// ratio reads 1.5 or 1.5x.
func (v value) ratio() float64 {
	s, ok := v.scalar()
	f, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(s), "x"), 64)
	if !ok || err != nil || !(f >= 1 && f <= 1000) {
		v.fail("%s; write a ratio from 1x to 1000x, such as 1.5x", v.what())
		return 0
	}
	return f
}
