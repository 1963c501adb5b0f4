package proxy

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/proxy/wire"
)

// now is the clock of what is not measured.
var now = time.Now

// framedBy is how the end of an answer's body is known.
type framedBy uint8

const (
	byNothing framedBy = iota // there is no body
	byLength
	byChunks
	byClosing // which is passed on in chunks, so that half of it does not look whole
)

// content is the body of an answer on its way.
type content struct {
	framed framedBy
	left   int64
	chunks wire.Chunks
	ended  bool
	excess bool // something follows that nobody asked for
}

func (c *courier) contentOf(head []byte) content {
	r := &c.response
	switch {
	case string(c.request.Method.Of(head)) == http.MethodHead || wire.Bodiless(r.Status):
		return content{ended: true}
	case r.Chunked:
		return content{framed: byChunks}
	case r.Length >= 0:
		return content{framed: byLength, left: r.Length, ended: r.Length == 0}
	}
	return content{framed: byClosing}
}

// take returns how much of p belongs to the body; it is not ok when the body is
// malformed.
func (b *content) take(p []byte) (n int, ok bool) {
	n, ok = len(p), true
	switch b.framed {
	case byNothing:
		n = 0
	case byLength:
		n = int(min(b.left, int64(n)))
		b.left -= int64(n)
		b.ended = b.left == 0
	case byChunks:
		n, ok = b.chunks.Feed(p)
		b.ended = b.chunks.Done()
	case byClosing:
	}
	b.excess = n < len(p)
	return n, ok
}

// answer passes an answer on, head and body. It is false when the client's
// connection must end, as what it got must not look complete.
func (c *courier) answer(head []byte, a *arrival) bool {
	r := &c.response
	body := c.contentOf(head)
	c.out = c.answerHead(c.out[:0], a.buffer[:r.Size], body.framed)
	upstream := c.watch.upstream.Load()
	class := c.sendPiece(&body, a.buffer[r.Size:a.n])
	for class == whole && !body.ended {
		class = c.readPiece(upstream, &body, a.buffer)
	}
	if class != whole {
		c.drop()
		c.finish(class)
		return false
	}
	c.giveBack(upstream, &body)
	c.finish(meter.ClassOf(r.Status))
	return true
}

// whole stands for nothing being wrong with an answer so far.
const whole meter.Class = 255

// sendPiece passes on what is in out and a piece of the body.
func (c *courier) sendPiece(body *content, piece []byte) meter.Class {
	n, ok := body.take(piece)
	c.out = body.append(c.out, piece[:n])
	if len(c.out) > 0 && !c.send(c.out) {
		return meter.ClientAbort
	}
	c.out = c.out[:0]
	if !ok {
		return meter.ConnectError
	}
	return whole
}

// readPiece passes on the next piece of the body.
func (c *courier) readPiece(upstream *link, body *content, buffer []byte) meter.Class {
	marks := c.watch.enter(reading)
	n, err := 0, error(nil)
	if marks == 0 {
		n, err = upstream.Read(buffer)
		marks = c.watch.enter(busy)
	}
	switch {
	case marks&gone != 0:
		return meter.ClientAbort
	case marks != 0:
		return meter.Timeout
	case errors.Is(err, io.EOF) && body.framed == byClosing:
		body.ended = true
	case err != nil:
		return meter.ConnectError
	}
	return c.sendPiece(body, buffer[:n])
}

// append adds a piece of the body as the client gets it.
func (b *content) append(out, piece []byte) []byte {
	if b.framed != byClosing {
		return append(out, piece...)
	}
	if len(piece) > 0 {
		out = strconv.AppendInt(out, int64(len(piece)), 16)
		out = append(out, "\r\n"...)
		out = append(out, piece...)
		out = append(out, "\r\n"...)
	}
	if b.ended {
		out = append(out, "0\r\n\r\n"...)
	}
	return out
}

// giveBack keeps a link for the next request, if its answer was read to its end
// and both sides want that.
func (c *courier) giveBack(upstream *link, body *content) {
	if c.response.Close || body.excess || body.framed == byClosing {
		c.drop()
		return
	}
	c.watch.upstream.Store(nil)
	c.pass.endpoint.Put(upstream, time.Now())
}

// startAnswer writes the status line: the version is ours.
func (c *courier) startAnswer(out, head []byte) []byte {
	out = append(out, "HTTP/1.1 "...)
	out = append(out, c.response.Reason.Of(head)...)
	return append(out, "\r\n"...)
}

// answerHead writes the head as the client gets it: what the upstream said
// without what concerned its connection, and which version it was.
func (c *courier) answerHead(out, head []byte, framed framedBy) []byte {
	r := &c.response
	out = c.startAnswer(out, head)
	dated := false
	for i := range r.Fields {
		f := &r.Fields[i]
		name := f.Name.Of(head)
		if c.staysBehind(head, name, framed) {
			continue
		}
		dated = dated || wire.Equal(name, "date")
		out = append(out, f.Line.Of(head)...)
	}
	if !dated {
		out = append(out, "Date: "...)
		out = now().UTC().AppendFormat(out, http.TimeFormat)
		out = append(out, "\r\n"...)
	}
	out = append(out, c.pass.version.line...)
	if framed == byChunks || framed == byClosing {
		out = append(out, "Transfer-Encoding: chunked\r\n"...)
	}
	if c.ends() {
		out = append(out, "Connection: close\r\n"...)
	}
	return append(out, "\r\n"...)
}

// staysBehind says whether a field of an answer is not the client's.
func (c *courier) staysBehind(head, name []byte, framed framedBy) bool {
	r := &c.response
	if len(name) == 7 && wire.Equal(name, "trailer") {
		return framed != byChunks
	}
	if len(name) == 14 && wire.Equal(name, "content-length") {
		return r.Chunked || r.Status == http.StatusNoContent
	}
	return isHopByHop(name) || r.Listing && isListed(head, r.Fields, name) ||
		len(c.pass.version.line) > 0 && wire.Same(name, c.traffic.service.VersionHeader)
}
