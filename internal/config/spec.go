package config

import "slices"

// kind is what sort of value a spec asks for.
type kind int

const (
	kindObject kind = iota
	kindList
	kindMap // from names the user chooses
	kindText
	kindCount
	kindFlag
	kindChoice
	kindDuration
	kindWeight    // a share of traffic in percent
	kindShare     // a fraction, as a number or with a percent sign
	kindTolerance // a fraction, or a ratio with an x
	kindNumber    // in the unit of what it belongs to
	kindHeaderOff // a header name, or false
)

// spec says what may be written at one place.
type spec struct {
	kind    kind
	doc     string
	usual   string  // the default, for people; empty when there is none
	fields  []field // of an object
	item    *spec   // of a list or a map
	choices []string
	needed  []string // fields that must be there
}

// field is one key of an object.
type field struct {
	name string
	spec spec
}

// names lists the keys of an object.
func (s spec) names() []string {
	names := make([]string, len(s.fields))
	for i, f := range s.fields {
		names[i] = f.name
	}
	return names
}

// field returns the spec of a key.
func (s spec) field(name string) (spec, bool) {
	i := slices.IndexFunc(s.fields, func(f field) bool { return f.name == name })
	if i < 0 {
		return spec{}, false
	}
	return s.fields[i].spec, true
}

// need marks keys that must be there.
func (s spec) need(names ...string) spec {
	s.needed = names
	return s
}

// or tells the default.
func (s spec) or(usual string) spec {
	s.usual = usual
	return s
}

func object(doc string, fields ...field) spec {
	return spec{kind: kindObject, doc: doc, fields: fields}
}
func list(doc string, item spec) spec  { return spec{kind: kindList, doc: doc, item: &item} }
func named(doc string, item spec) spec { return spec{kind: kindMap, doc: doc, item: &item} }
func text(doc string) spec             { return spec{kind: kindText, doc: doc} }
func count(doc string) spec            { return spec{kind: kindCount, doc: doc} }
func flag(doc string) spec             { return spec{kind: kindFlag, doc: doc} }
func duration(doc string) spec         { return spec{kind: kindDuration, doc: doc} }
func weight(doc string) spec           { return spec{kind: kindWeight, doc: doc} }
func share(doc string) spec            { return spec{kind: kindShare, doc: doc} }
func tolerance(doc string) spec        { return spec{kind: kindTolerance, doc: doc} }
func number(doc string) spec           { return spec{kind: kindNumber, doc: doc} }
func choice(doc string, choices ...string) spec {
	return spec{kind: kindChoice, doc: doc, choices: choices}
}
