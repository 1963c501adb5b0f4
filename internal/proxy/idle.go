package proxy

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// The reasons an idle exchange is ended for.
var (
	errClientIdle   = errors.New("the client neither sends nor reads")
	errUpstreamIdle = errors.New("the upstream sends nothing")
)

// idle ends an exchange in which nothing moves, in either direction, for too
// long, and knows whose turn it was.
type idle struct {
	after   time.Duration
	cancel  context.CancelCauseFunc
	control *http.ResponseController

	// Whom a copy waits for at the moment.
	reading atomic.Bool // the client's next piece
	writing atomic.Bool // the client to take a piece
	// answered tells that the upstream's header is here.
	answered atomic.Bool

	mu      sync.Mutex // guards the rest, and control against use after stop
	timer   *time.Timer
	stopped bool
	reason  error
}

// touch begins, or begins anew, to wait for the next piece.
func (i *idle) touch() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.stopped || i.reason != nil {
		return
	}
	if i.timer == nil {
		i.timer = time.AfterFunc(i.after, i.expire)
		return
	}
	i.timer.Reset(i.after)
}

// begin says what ends the attempt that begins.
func (i *idle) begin(cancel context.CancelCauseFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.cancel, i.reason = cancel, nil
}

// pause stops waiting until the next touch.
func (i *idle) pause() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.timer != nil {
		i.timer.Stop()
	}
}

// stop ends waiting for good. After it nothing touches the response writer.
func (i *idle) stop() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.stopped = true
	if i.timer != nil {
		i.timer.Stop()
	}
}

// cause returns why the exchange was ended, nil if it was not.
func (i *idle) cause() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.reason
}

// expire blames whoever is waited for. A stream that is open in both
// directions waits for both; then the upstream owes the answer.
func (i *idle) expire() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.stopped || i.reason != nil {
		return
	}
	i.reason = errUpstreamIdle
	if i.writing.Load() || i.reading.Load() && !i.answered.Load() {
		i.reason = errClientIdle
	}
	i.cancel(i.reason)
	// A deadline that has passed wakes what is blocked on the client. It spoils
	// the connection, so it is set only where something is blocked.
	if i.reading.Load() {
		_ = i.control.SetReadDeadline(past)
	}
	if i.writing.Load() {
		_ = i.control.SetWriteDeadline(past)
	}
}

// past is a deadline that is over.
var past = time.Unix(1, 0)
