package capture

import (
	"fmt"
	"time"
)

// Order is what is to be captured. A zero bound takes the default.
type Order struct {
	Service string
	Share   float64 // of requests, more than 0 and at most 1
	// Users chooses users rather than requests: of a user that is chosen every
	// request is kept.
	Users    bool
	For      time.Duration // at most; a minute
	Requests int           // at most; 1 000 000
	Bytes    int64         // of what is written, at most; 64 MiB
	Rules    Rules
}

// The bounds of a capture.
const (
	usualFor   = time.Minute
	mostFor    = time.Hour
	mostCount  = 1_000_000
	usualBytes = 64 << 20
	mostBytes  = 256 << 20
	mostNames  = 100
)

// Complete returns o with its defaults, or says what is wrong with it.
func (o Order) Complete() (Order, error) {
	if o.For == 0 {
		o.For = usualFor
	}
	if o.Requests == 0 {
		o.Requests = mostCount
	}
	if o.Bytes == 0 {
		o.Bytes = usualBytes
	}
	switch {
	case !(o.Share > 0 && o.Share <= 1):
		return o, fmt.Errorf("a share of %g is out of range; use more than 0 and at most 1", o.Share)
	case o.For < 0 || o.For > mostFor:
		return o, fmt.Errorf("%s is out of range; capture for more than 0s and at most %s", o.For, mostFor)
	case o.Requests < 0 || o.Requests > mostCount:
		return o, fmt.Errorf("%d requests are out of range; keep 1 to %d", o.Requests, mostCount)
	case o.Bytes < 0 || o.Bytes > mostBytes:
		return o, fmt.Errorf("%d bytes are out of range; keep 1 to %d", o.Bytes, mostBytes)
	case o.Rules.Body < 0 || o.Rules.Body > MostBody:
		return o, fmt.Errorf("a body of %d bytes is out of range; keep 1 to %d", o.Rules.Body, MostBody)
	case len(o.Rules.Headers) > mostNames || len(o.Rules.Allow) > mostNames:
		return o, fmt.Errorf("there are too many names; write at most %d", mostNames)
	}
	return o, nil
}
