package difference

import (
	"fmt"
	"strconv"
	"strings"
)

// Answer is what a version said to a request, as far as it was kept.
type Answer struct {
	Status int // 0 when there was no answer; then Trouble says why
	// Trouble is why there is no answer: "timeout".
	Trouble string
	Header  map[string][]string // by canonical name
	// Body is what was kept of the body. Cut tells that there was more, Length
	// and Sum are those of all of it.
	Body   []byte
	Cut    bool
	Length int64
	Sum    uint64
}

// status writes the status line as people see it.
func (a *Answer) status() string {
	if a.Status == 0 {
		return "no answer: " + a.Trouble
	}
	return strconv.Itoa(a.Status)
}

// field is the value of a field of the header.
func (a *Answer) field(name string) (value string, ok bool) {
	values := a.Header[name]
	return strings.Join(values, ", "), len(values) > 0
}

// kind is the media type of the body without parameters, in lower case.
func (a *Answer) kind() string {
	value, _ := a.field("Content-Type")
	value, _, _ = strings.Cut(value, ";")
	return strings.ToLower(strings.TrimSpace(value))
}

// isJSON says whether the body says of itself that it is JSON.
func (a *Answer) isJSON() bool {
	kind := a.kind()
	return kind == "application/json" || kind == "text/json" || strings.HasSuffix(kind, "+json")
}

// body describes the body without showing any of it.
func (a *Answer) body() string {
	kind := a.kind()
	if kind == "" {
		kind = "no type"
	}
	return fmt.Sprintf("%s, %d bytes, %016x", short(kind), a.Length, a.Sum)
}
