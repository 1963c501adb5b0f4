// Package retry decides which requests may be sent again, and how many of all.
// It is pure: time arrives as data.
package retry

import (
	"slices"

	"github.com/stagger-dev/stagger"
)

// Cause is why an attempt failed.
type Cause uint8

// The causes, by how much of the request went out.
const (
	Refused     Cause = iota // the proxy itself did not let it through
	Unreachable              // nothing was sent
	Broken                   // it was sent, and no answer came whole
	Late                     // it was sent, and no answer came in time
	Answered                 // the answer itself is a failure
)

// Unsent says whether nobody can have acted on the request.
func (c Cause) Unsent() bool { return c <= Unreachable }

// Rule says what is worth another attempt.
type Rule struct {
	attempts int
	methods  []string
	connect  bool
	broken   bool
	late     bool
	statuses []int
}

// statuses are the answers that may be worth it.
var statuses = map[stagger.RetryOn]int{
	stagger.RetryOn429: 429, stagger.RetryOn500: 500, stagger.RetryOn502: 502,
	stagger.RetryOn503: 503, stagger.RetryOn504: 504,
}

// NewRule makes a rule of what a service asks for.
func NewRule(r stagger.Retries) Rule {
	rule := Rule{
		attempts: r.Attempts, methods: r.Methods,
		connect: slices.Contains(r.On, stagger.RetryOnConnect),
		broken:  slices.Contains(r.On, stagger.RetryOnBroken),
		late:    slices.Contains(r.On, stagger.RetryOnTimeout),
	}
	for _, on := range r.On {
		if status, ok := statuses[on]; ok {
			rule.statuses = append(rule.statuses, status)
		}
	}
	return rule
}

// Allows says whether a request that was sent so often may be sent once more,
// the budget aside.
func (r *Rule) Allows(sent int, method string, c Cause, status int) bool {
	if sent >= r.attempts {
		return false
	}
	if c == Unreachable {
		return r.connect
	}
	if !Idempotent(method) && !slices.Contains(r.methods, method) {
		return false
	}
	switch c {
	case Broken:
		return r.broken
	case Late:
		return r.late
	case Answered:
		return slices.Contains(r.statuses, status)
	case Refused, Unreachable:
	}
	return false
}

// Safe says whether a request of the method asks for nothing but an answer (RFC
// 9110, section 9.2.1).
func Safe(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE":
		return true
	}
	return false
}

// Idempotent says whether twice means the same as once (RFC 9110, section
// 9.2.2).
func Idempotent(method string) bool { return Safe(method) || method == "PUT" || method == "DELETE" }
