package proxy

import (
	"sync"
	"sync/atomic"
)

// maxReplay bounds what is kept of a request's body so that it can be sent
// again.
const maxReplay = 64 << 10

// replay keeps what was read of a body while that is not much, so that another
// attempt begins with it and goes on reading where the one before had stopped.
type replay struct {
	body *requestBody
	turn atomic.Int32 // whose reads count
	lost atomic.Bool  // there was too much to keep

	mu    sync.Mutex // held while reading; guards the rest
	kept  []byte
	ended error // what the body ended with
}

// reader returns the body for the next attempt; the reader before gets nothing
// more.
func (r *replay) reader() *replayReader { return &replayReader{replay: r, turn: r.turn.Add(1)} }

// whole says whether another reader would get the whole body.
func (r *replay) whole() bool { return !r.lost.Load() }

// replayReader reads the body for one attempt.
type replayReader struct {
	*replay
	turn int32
	at   int // what of kept was read
}

// Read implements io.Reader.
func (r *replayReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.replay.turn.Load() != r.turn:
		return 0, errEnded
	case r.at < len(r.kept):
		n := copy(p, r.kept[r.at:])
		r.at += n
		return n, nil
	case r.ended != nil:
		return 0, r.ended
	}
	n, err := r.body.Read(p)
	r.ended = err
	switch {
	case r.lost.Load():
	case len(r.kept)+n > maxReplay:
		r.lost.Store(true)
		r.kept, r.at = nil, 0
	default:
		r.kept = append(r.kept, p[:n]...)
		r.at += n
	}
	return n, err
}

// Close implements io.Closer.
func (r *replayReader) Close() error { return nil }
