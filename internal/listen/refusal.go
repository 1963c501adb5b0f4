package listen

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
)

// reason is why a connection was not let in.
type reason string

const (
	tooSlow      reason = "timeout"
	stranger     reason = "untrusted"    // the PROXY protocol is required, and nobody trusts it
	noPreface    reason = "no_preface"   // the PROXY protocol is required, and was not spoken
	badPreface   reason = "bad_preface"  // it was spoken wrongly
	badHandshake reason = "handshake"    // of TLS
	brokenOff    reason = "disconnected" // before it had said anything
)

// reasons are all of them.
var reasons = []reason{tooSlow, stranger, noPreface, badPreface, badHandshake, brokenOff}

// refusals counts by reason, in the order of reasons.
type refusals [6]atomic.Uint64

func (r *refusals) count(why reason) {
	for i, one := range reasons {
		if one == why {
			r[i].Add(1)
		}
	}
}

// refusal is an error with its reason.
type refusal struct {
	reason reason
	err    error
}

// Error implements error.
func (r *refusal) Error() string {
	if r.err == nil {
		return string(r.reason)
	}
	return string(r.reason) + ": " + r.err.Error()
}

// Unwrap returns what is beneath.
func (r *refusal) Unwrap() error { return r.err }

func reasonOf(err error) reason {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return tooSlow
	}
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.reason
	}
	return brokenOff
}
