package proxy

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger/internal/mirror"
)

// errEnded is what an upstream client gets that still reads the body of a
// request whose exchange has ended.
var errEnded = errors.New("the exchange has ended")

// requestBody passes a client's body to the upstream client, which may go on
// reading it after the answer came and even after the exchange ended. It keeps
// such reads away from a connection that serves the next request already.
type requestBody struct {
	from io.ReadCloser
	idle *idle
	copy *mirror.Copy // nil for a request that is not mirrored

	// invited tells that the client sends the body without being asked to:
	// nobody may read it only to throw it away when it waits for 100 Continue.
	invited  bool
	begun    atomic.Bool
	complete atomic.Bool // read to its end

	mu    sync.Mutex // held while reading; guards the rest
	ended bool
	err   error // what reading the client's body failed with
}

// Read implements io.Reader.
func (b *requestBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return 0, errEnded
	}
	b.begun.Store(true)
	b.idle.reading.Store(true)
	n, err := b.from.Read(p)
	b.idle.reading.Store(false)
	if b.copy != nil {
		b.copy.Sent(p[:n])
	}
	switch {
	case err == nil:
		b.idle.touch()
	case errors.Is(err, io.EOF):
		b.complete.Store(true)
		// From here on the upstream's own time limit counts.
		if !b.idle.answered.Load() {
			b.idle.pause()
		}
	default:
		b.err = err
	}
	return n, err
}

// Close implements io.Closer. The server closes the client's body.
func (b *requestBody) Close() error { return nil }

// failure returns what reading the client's body failed with, nil if it did
// not.
func (b *requestBody) failure() error {
	if !b.mu.TryLock() {
		return nil // somebody reads, so nothing has failed
	}
	defer b.mu.Unlock()
	return b.err
}

// linger is how long a client may go on sending what nobody wants to read, so
// that it gets to see the answer before the connection is reset.
const (
	linger      = 250 * time.Millisecond
	lingerBytes = 256 << 10
)

// end takes the body away from whoever reads it. A polite end hears the client
// out for a moment; the connection closes after that.
func (b *requestBody) end(control *http.ResponseController, polite bool) {
	if b.complete.Load() {
		return
	}
	polite = polite && (b.invited || b.begun.Load())
	deadline := past
	if polite {
		deadline = time.Now().Add(linger)
		_ = control.Flush()
	}
	_ = control.SetReadDeadline(deadline)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	if polite && b.err == nil && !b.complete.Load() {
		_, _ = io.CopyN(io.Discard, b.from, lingerBytes)
	}
}
