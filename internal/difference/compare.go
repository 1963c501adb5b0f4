package difference

import (
	"strings"

	"github.com/stagger-dev/stagger"
)

// Place is one way in which two answers differ.
type Place struct {
	Path string
	Kind stagger.DifferenceKind
	A, B string // as they are shown
}

// maxPlaces bounds what one comparison finds: answers that have so little in
// common differ as a whole.
const maxPlaces = 64

// Compare returns where b differs from a, each place once. What follows from
// another status is not told apart: an error has another body, as a rule.
func (r *Rules) Compare(a, b *Answer) []Place {
	c := comparison{rules: r}
	if a.Status != b.Status && !r.ignores("status") {
		c.found("status", kindOf(a.Status != 0, b.Status != 0), a.status(), b.status())
	}
	if a.Status == 0 || b.Status == 0 || a.Status/100 != b.Status/100 {
		return c.places
	}
	for _, name := range r.headers {
		c.field(name, a, b)
	}
	c.body(a, b)
	return c.places
}

// kindOf is the kind of a difference between what is there and what may not be.
func kindOf(inA, inB bool) stagger.DifferenceKind {
	switch {
	case inA && !inB:
		return stagger.DifferenceMissing
	case inB && !inA:
		return stagger.DifferenceAdded
	}
	return stagger.DifferenceChanged
}

// comparison gathers places.
type comparison struct {
	rules  *Rules
	places []Place
}

// found notes a place, once.
func (c *comparison) found(path string, kind stagger.DifferenceKind, a, b string) {
	if len(c.places) == maxPlaces {
		return
	}
	for i := range c.places {
		if c.places[i].Kind == kind && c.places[i].Path == path {
			return
		}
	}
	c.places = append(c.places, Place{Path: path, Kind: kind, A: a, B: b})
}

func (c *comparison) field(name string, a, b *Answer) {
	path := "header." + strings.ToLower(name)
	x, inA := a.field(name)
	y, inB := b.field(name)
	if x == y && inA == inB || c.rules.ignores(path) {
		return
	}
	c.found(path, kindOf(inA, inB), c.shownField(name, x), c.shownField(name, y))
}

// shownField shows a field's value without a query, which may hold anything.
func (c *comparison) shownField(name, value string) string {
	if c.rules.hides(name) || tells(value) {
		return masked
	}
	if before, _, ok := strings.Cut(value, "?"); ok {
		value = before + "?…"
	}
	return short(value)
}

func (c *comparison) body(a, b *Answer) {
	if a.Length == b.Length && a.Sum == b.Sum {
		return
	}
	if a.isJSON() && b.isJSON() && !a.Cut && !b.Cut {
		x, okA := decode(a.Body)
		y, okB := decode(b.Body)
		switch {
		case okA && okB:
			c.value(place{path: "$"}, x, y)
			return
		case okA != okB && !c.rules.ignores("$"):
			c.found("$", stagger.DifferenceType, readable(okA), readable(okB))
			return
		}
	}
	if c.rules.ignores("body") || c.rules.ignores("$") && a.isJSON() && b.isJSON() {
		return
	}
	kind := stagger.DifferenceChanged
	if a.kind() != b.kind() {
		kind = stagger.DifferenceType
	}
	c.found("body", kind, a.body(), b.body())
}

func readable(ok bool) string {
	if ok {
		return "JSON"
	}
	return "no valid JSON"
}
