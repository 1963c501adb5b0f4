package mirror

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/stagger-dev/stagger/internal/difference"
)

// Mark is the field by which a service knows a copy: it may then leave out what
// should happen once only.
const Mark = "Stagger-Shadow"

// Request is what a copy is made of. What it holds is the copy's from then on.
type Request struct {
	Method string
	URL    url.URL // only path and query are used
	Host   string
	Header http.Header // as the baseline got it
	Length int64       // of the body; less than 0 when it is not known
	// To is the candidate, Again the baseline.
	To, Again Version
}

// Copy is one request that is mirrored, and the answer that its user gets. The
// request's bytes may come from another goroutine than the answer's; everything
// else is called by one.
type Copy struct {
	trial   *Trial
	request Request
	begun   time.Time
	held    int64 // bytes
	over    bool  // nothing comes of it; the reason was counted
	body    body
	answer  kept
}

// body is what the baseline was sent.
type body struct {
	mu    sync.Mutex
	bytes []byte
	ended bool
	lost  atomic.Bool
}

// Begin makes a copy of a request that was chosen, nil where it is dropped.
func (t *Trial) Begin(r Request) *Copy {
	if r.Length < 0 || r.Length > int64(t.mirror.options.Body) {
		t.Drop(Large)
		return nil
	}
	if isStream(r.Header.Get("Content-Type")) {
		t.Drop(Stream)
		return nil
	}
	c := &Copy{trial: t, request: r, begun: time.Now(), held: 1<<10 + sizeOf(&r) + r.Length}
	if !t.mirror.take(c.held) {
		t.Drop(Memory)
		return nil
	}
	c.answer.bound = t.mirror.options.Body
	return c
}

// sizeOf is about how many bytes a head takes.
func sizeOf(r *Request) int64 {
	n := len(r.URL.Path) + len(r.URL.RawPath) + len(r.URL.RawQuery) + len(r.Host)
	for name, values := range r.Header {
		n += len(name) + 32
		for _, v := range values {
			n += len(v) + 16
		}
	}
	return int64(n)
}

// Sent takes a piece of the request's body.
func (c *Copy) Sent(piece []byte) {
	b := &c.body
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return
	}
	if int64(len(b.bytes)+len(piece)) > c.request.Length {
		b.lost.Store(true) // more than was announced and held
		return
	}
	b.bytes = append(b.bytes, piece...)
}

// Answered takes the head of the answer that the user gets. A stream is not
// mirrored.
func (c *Copy) Answered(status int, header http.Header, length int64) {
	if isStream(header.Get("Content-Type")) {
		c.Drop(Stream)
		return
	}
	if length > c.trial.mirror.options.Whole {
		c.Drop(Long)
		return
	}
	room := int64(c.trial.mirror.options.Body)
	if length >= 0 {
		room = min(room, length)
	}
	if !c.hold(room) {
		return
	}
	c.answer.Status = status
	c.answer.Header = header.Clone()
}

func isStream(kind string) bool {
	return strings.HasPrefix(kind, "text/event-stream") || strings.HasPrefix(kind, "application/grpc") ||
		strings.HasPrefix(kind, "multipart/x-mixed-replace")
}

// hold counts bytes that are about to be kept; without room for them the copy is
// dropped.
func (c *Copy) hold(n int64) bool {
	if c.over {
		return false
	}
	if !c.trial.mirror.take(n) {
		c.Drop(Memory)
		return false
	}
	c.held += n
	return true
}

// Write takes a piece of the answer's body.
func (c *Copy) Write(piece []byte) {
	if c.over {
		return
	}
	if c.answer.write(piece); c.answer.Length > c.trial.mirror.options.Whole {
		c.Drop(Long)
	}
}

// Send has the copy sent, as the user has the whole answer.
func (c *Copy) Send() {
	switch {
	case c.over:
		return
	case c.answer.Status == 0:
		c.Drop(Unanswered)
		return
	case time.Since(c.begun) > c.trial.mirror.options.Late:
		c.Drop(Stream)
		return
	}
	c.body.mu.Lock()
	c.body.ended = true
	whole := int64(len(c.body.bytes)) == c.request.Length && !c.body.lost.Load()
	c.body.mu.Unlock()
	if !whole {
		c.Drop(Large) // it was answered before it was sent whole
		return
	}
	select {
	case c.trial.mirror.queue <- c:
	default:
		c.Drop(Queue)
	}
}

// Drop gives the copy up. What comes of it later is passed over.
func (c *Copy) Drop(r Reason) {
	if !c.over {
		c.trial.Drop(r)
		c.release()
	}
}

// release lets go of what is held.
func (c *Copy) release() {
	c.over = true
	c.body.mu.Lock()
	c.body.ended, c.body.bytes = true, nil
	c.body.mu.Unlock()
	c.answer = kept{}
	c.trial.mirror.held.Add(-c.held)
	c.held = 0
}

// kept is an answer of which the beginning is kept.
type kept struct {
	difference.Answer
	bound int
	sum   *xxhash.Digest
}

func (k *kept) write(piece []byte) {
	if k.sum == nil {
		k.sum = xxhash.New()
	}
	_, _ = k.sum.Write(piece) // never fails
	k.Length += int64(len(piece))
	room := k.bound - len(k.Body)
	if room < len(piece) {
		k.Cut = true
		piece = piece[:room]
	}
	k.Body = append(k.Body, piece...)
}

// whole is the answer, complete.
func (k *kept) whole() *difference.Answer {
	if k.sum != nil {
		k.Sum = k.sum.Sum64()
	}
	return &k.Answer
}
