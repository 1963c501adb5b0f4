package proxy

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/stagger-dev/stagger/internal/capture"
)

// tape copies the body of a request that is captured while it passes. A nil tape
// copies nothing.
type tape struct {
	tap  *tap
	from io.ReadCloser

	mu    sync.Mutex // guards the rest: the upstream client reads on its own
	raw   capture.Raw
	seen  int64 // bytes of the body
	ended bool
}

// record takes a request to the capture of its service, if there is one and it
// chooses the request. The tape it returns is for the body, nil if there is
// none.
func (t *traffic) record(r *http.Request, a *attributes, now time.Time) *tape {
	tap := t.tap.Load()
	if tap == nil {
		return nil
	}
	user := t.chooser.Subject(a)
	if !tap.chooses(user) {
		return nil
	}
	if len(r.Header["Upgrade"]) > 0 || isGRPC(r.Header) {
		tap.skipped.Add(1) // a conversation: it cannot be had again
		return nil
	}
	raw := capture.Raw{
		At: now.Sub(tap.began), Method: r.Method, Host: r.Host, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, User: user,
	}
	if raw.Path == "" {
		raw.Path = "/"
	}
	for name, values := range r.Header {
		if tap.masker.Wants(name) {
			for _, value := range values {
				raw.Header = append(raw.Header, capture.Header{Name: name, Value: value})
			}
		}
	}
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		tap.put(raw)
		return nil
	}
	raw.BodyLength = r.ContentLength
	return &tape{tap: tap, raw: raw}
}

// over returns the body as it is read through the tape.
func (t *tape) over(body io.ReadCloser) io.ReadCloser {
	if t == nil {
		return body
	}
	t.from = body
	return t
}

// Read implements io.Reader.
func (t *tape) Read(p []byte) (int, error) {
	n, err := t.from.Read(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return n, err
	}
	t.copy(p[:n])
	t.raw.BodyComplete = t.raw.BodyComplete || errors.Is(err, io.EOF)
	return n, err
}

// copy keeps one byte more than is of use, which tells that the body is larger.
func (t *tape) copy(piece []byte) {
	t.seen += int64(len(piece))
	room := max(t.tap.masker.BodyBound()+1-len(t.raw.Body), 0)
	t.raw.Body = append(t.raw.Body, piece[:min(room, len(piece))]...)
}

// Close implements io.Closer.
func (t *tape) Close() error { return t.from.Close() }

// take copies a piece of a body whose length is known.
func (t *tape) take(piece []byte) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.copy(piece)
	t.raw.BodyComplete = t.seen == t.raw.BodyLength
}

// end lets the request be written with what was read of its body.
func (t *tape) end() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ended {
		t.ended = true
		t.raw.BodyLength = max(t.raw.BodyLength, t.seen) // it may not have been announced
		t.tap.put(t.raw)
	}
}
