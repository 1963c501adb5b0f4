package scenario

import (
	"strconv"
	"strings"
)

// Values are what the names in a template stand for.
type Values struct {
	User   uint64 // who asks
	Number uint64 // of the request in this run, from 0
	Random uint64
}

// The names a template may hold.
const (
	userName   = "{user}"
	numberName = "{n}"
	randomName = "{random}"
)

// Template is a text with places for the user, {user}, the number of the
// request, {n}, and a random number, {random}. All else stands for itself,
// braces too. The zero Template is empty.
type Template struct {
	text  string
	parts []part
}

// part is a text and the name behind it, "" for none.
type part struct{ text, name string }

// NewTemplate reads a text.
func NewTemplate(text string) Template {
	t := Template{text: text}
	for rest := text; rest != ""; {
		at, name := len(rest), ""
		for _, one := range []string{userName, numberName, randomName} {
			if i := strings.Index(rest, one); i >= 0 && i < at {
				at, name = i, one
			}
		}
		t.parts = append(t.parts, part{rest[:at], name})
		rest = rest[at+len(name):]
	}
	return t
}

// String returns the text as it was written.
func (t Template) String() string { return t.text }

// Fill returns the text with values in their places. It allocates only where
// there is a place.
func (t Template) Fill(v Values) string {
	if len(t.parts) == 0 || len(t.parts) == 1 && t.parts[0].name == "" {
		return t.text
	}
	b := make([]byte, 0, len(t.text)+20)
	for _, p := range t.parts {
		b = append(b, p.text...)
		switch p.name {
		case userName:
			b = strconv.AppendUint(b, v.User, 10)
		case numberName:
			b = strconv.AppendUint(b, v.Number, 10)
		case randomName:
			b = strconv.AppendUint(b, v.Random, 10)
		}
	}
	return string(b)
}

// Verbatim returns a template without places, whatever the text holds.
func Verbatim(text string) Template { return Template{text: text} }
