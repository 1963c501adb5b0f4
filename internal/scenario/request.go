package scenario

import (
	"fmt"
	"strings"
	"time"
)

// Field is one field of a header, or a cookie.
type Field struct {
	Name  string
	Value Template
}

// Request is one kind of request.
type Request struct {
	Name   string
	Weight float64 // how often it is made, compared with the others
	Method string
	Path   Template // with its query, as it goes over the wire
	Header []Field
	Body   Template
	Expect Expect
	Manner Manner
}

// Manner is how oddly a request is made.
type Manner struct {
	HTTP10 bool          // as HTTP/1.0, on a connection of its own
	Slow   time.Duration // the body takes so long to send
	Leave  bool          // the client goes away when the answer begins
	Chunks bool          // the body comes in chunks, its length untold
}

// Expect is what an answer must be. The zero Expect takes every status below
// 500.
type Expect struct {
	Status   []Statuses // any of them
	Contains string     // what the body must hold; of a body its first MaxLook bytes
}

// MaxLook bounds how much of a body is looked into, bytes.
const MaxLook = 64 << 10

// Statuses is a range of them.
type Statuses struct{ From, To int }

// ParseStatuses reads one status, "404", or a class of them, "2xx".
func ParseStatuses(s string) (Statuses, error) {
	if len(s) == 3 && s[0] >= '1' && s[0] <= '5' {
		class := int(s[0]-'0') * 100
		if strings.EqualFold(s[1:], "xx") {
			return Statuses{class, class + 99}, nil
		}
		if isDigit(s[1]) && isDigit(s[2]) {
			status := class + int(s[1]-'0')*10 + int(s[2]-'0')
			return Statuses{status, status}, nil
		}
	}
	return Statuses{}, fmt.Errorf("%q is no status; write one such as 404, or a class such as 2xx", s)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// String writes s as ParseStatuses reads it.
func (s Statuses) String() string {
	if s.From == s.To {
		return fmt.Sprint(s.From)
	}
	return fmt.Sprintf("%dxx", s.From/100)
}

// Takes says whether e takes a status.
func (e Expect) Takes(status int) bool {
	for _, s := range e.Status {
		if s.From <= status && status <= s.To {
			return true
		}
	}
	return len(e.Status) == 0 && status < 500
}

// Mix draws requests by their weights.
type Mix struct {
	requests []Request
	sums     []float64 // of the weights up to each
}

// maxRequests bounds a mix.
const maxRequests = 1000

// NewMix makes a mix. Its error says what is wrong with a weight.
func NewMix(requests []Request) (Mix, error) {
	if len(requests) == 0 || len(requests) > maxRequests {
		return Mix{}, fmt.Errorf("there are %d kinds of requests; use 1 to %d", len(requests), maxRequests)
	}
	m := Mix{requests: requests, sums: make([]float64, len(requests))}
	sum := 0.0
	for i, r := range requests {
		if !(r.Weight >= 0 && r.Weight <= 1e6) {
			return Mix{}, fmt.Errorf("request %s: a weight of %g is out of range; use 0 to 1000000", r.Name, r.Weight)
		}
		sum += r.Weight
		m.sums[i] = sum
	}
	if sum == 0 {
		return Mix{}, fmt.Errorf("no request has a weight of more than 0")
	}
	return m, nil
}

// Draw returns the place of a request; x is chance, 0 to 1 without the 1.
func (m Mix) Draw(x float64) int {
	x *= m.sums[len(m.sums)-1]
	for i, sum := range m.sums {
		if x < sum {
			return i
		}
	}
	return len(m.sums) - 1
}

// Requests returns what is drawn from.
func (m Mix) Requests() []Request { return m.requests }
