package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Edge is a request that is allowed and that services are seldom tried with.
type Edge struct {
	Name string
	What string // in a phrase, for people

	make func(base string) Request // the path of the request it is made from
}

// Request returns the edge case as a request to a path, which may have a query.
// The service may refuse it; it must not fail over it.
func (e Edge) Request(path string) Request {
	r := e.make(path)
	r.Name = "edge:" + e.Name
	r.Method = cmp.Or(r.Method, "GET")
	if r.Path.String() == "" {
		r.Path = NewTemplate(path)
	}
	return r
}

// The sizes of what is large.
const (
	largeBody   = 1 << 20
	longCookie  = 7 << 10
	manyHeaders = 90
)

// Edges are all there are.
func Edges() []Edge {
	return slices.Concat(oddBodies, oddTargets, oddHeads, oddClients)
}

// EdgeNames lists their names.
func EdgeNames() []string {
	var names []string
	for _, e := range Edges() {
		names = append(names, e.Name)
	}
	return names
}

var oddBodies = []Edge{
	{"empty-body", "a POST with a body of no bytes", func(string) Request { return Request{Method: "POST"} }},
	{"large-body", "a POST of 1 MiB", func(string) Request {
		return Request{Method: "POST", Body: NewTemplate(strings.Repeat("0123456789abcdef", largeBody/16))}
	}},
	{"chunked-body", "a POST in chunks, its length untold", func(string) Request {
		return Request{Method: "POST", Body: NewTemplate(strings.Repeat("chunk ", 2000)), Manner: Manner{Chunks: true}}
	}},
	{"slow-body", "a POST that takes two seconds to arrive", func(string) Request {
		return Request{Method: "POST", Body: NewTemplate(strings.Repeat("slow ", 200)), Manner: Manner{Slow: 2 * time.Second}}
	}},
	{"odd-json", "JSON that is valid and unusual", func(string) Request {
		return Request{
			Method: "POST", Header: []Field{field("Content-Type", "application/json")},
			Body: NewTemplate(`{"":null,"a":1e400,"a":-0.0,"\u0000":"\ud83d\ude00","deep":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`),
		}
	}},
}

var oddTargets = []Edge{
	{"odd-path", "a path with dots, slashes, spaces and letters of other scripts", func(base string) Request {
		path, _, _ := strings.Cut(base, "?")
		return to(path + "/./a/../%2e%2e/b//c%20d/%F0%9F%98%80/%C3%A4%25;v=1")
	}},
	{"odd-query", "a query with every unusual character", func(base string) Request {
		return to(withQuery(base, `q=%00%0A%22%27%3C%3E&x=[]{}|^&=&&a+b=%C3%A4&plus=+`))
	}},
	{"duplicate-query", "a query that gives one key several values", func(base string) Request {
		return to(withQuery(base, "a=1&a=2&A=3&a=&a[]=4&a"))
	}},
	{"long-query", "a query of 4 KiB", func(base string) Request {
		return to(withQuery(base, "q="+strings.Repeat("long", 1000)))
	}},
	{"unknown-path", "a path that nobody serves", func(string) Request { return to("/no-such-path-{random}") }},
}

var oddHeads = []Edge{
	{"many-headers", fmt.Sprintf("%d headers", manyHeaders), func(string) Request {
		var r Request
		for i := range manyHeaders {
			r.Header = append(r.Header, field(fmt.Sprintf("X-Filler-%d", i), "filler"))
		}
		return r
	}},
	{"long-cookie", "a cookie of 7 KiB", func(string) Request {
		return Request{Header: []Field{field("Cookie", "filler="+strings.Repeat("c", longCookie))}}
	}},
	{"odd-header", "values that are empty, in other letters, and lists with holes", func(string) Request {
		return Request{Header: []Field{
			field("Accept", ", ,*/*;q=0.1,,"), field("X-Empty", ""), field("Accept-Language", "x-\u00e4, *;q=0"),
			field("If-None-Match", `W/"", *`), field("X-Forwarded-For", "unknown, _hidden, [2001:db8::1]:1"),
		}}
	}},
	{"range", "the first byte of the answer, and its last", func(string) Request {
		return Request{Header: []Field{field("Range", "bytes=0-0,-1")}}
	}},
	{"odd-range", "a range that makes no sense", func(string) Request {
		return Request{Header: []Field{field("Range", "bytes=9-1,x-")}}
	}},
	{"head", "HEAD: an answer without its body", func(string) Request { return Request{Method: "HEAD"} }},
	{"options", "OPTIONS", func(string) Request { return Request{Method: "OPTIONS"} }},
	{"odd-method", "a method that nobody knows", func(string) Request { return Request{Method: "BREW"} }},
}

var oddClients = []Edge{
	{"leaves-early", "a client that goes away when the answer begins", func(string) Request {
		return Request{Manner: Manner{Leave: true}}
	}},
	{"http-1.0", "a client that speaks HTTP/1.0", func(string) Request { return Request{Manner: Manner{HTTP10: true}} }},
}

func field(name, value string) Field { return Field{name, NewTemplate(value)} }

func to(path string) Request { return Request{Path: NewTemplate(path)} }

func withQuery(path, query string) string {
	if strings.Contains(path, "?") {
		return path + "&" + query
	}
	return path + "?" + query
}

// Mixed returns requests with edge cases among them that together make up a
// share, 0 to 1, of all. They go to the path of the first request. Names chooses
// some of them; nil takes all.
func Mixed(requests []Request, share float64, names []string) ([]Request, error) {
	if !(share >= 0 && share <= 1) {
		return nil, fmt.Errorf("a share of %g is out of range; use 0 to 1", share)
	}
	if share == 0 || len(requests) == 0 {
		return requests, nil
	}
	if len(names) == 0 {
		names = EdgeNames()
	}
	all, sum := Edges(), 0.0
	for _, r := range requests {
		sum += r.Weight
	}
	mixed := slices.Clone(requests)
	weight := share / float64(len(names))
	for i := range mixed {
		mixed[i].Weight *= (1 - share) / max(sum, 1e-300)
	}
	for _, name := range names {
		i := slices.IndexFunc(all, func(e Edge) bool { return e.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no edge case %q; there are %s", name, strings.Join(EdgeNames(), ", "))
		}
		r := all[i].Request(requests[0].Path.String())
		r.Weight = weight
		mixed = append(mixed, r)
	}
	return mixed, nil
}
