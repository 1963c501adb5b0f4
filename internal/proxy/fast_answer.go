package proxy

import (
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/proxy/wire"
)

// now is the clock of what is not measured.
var now = time.Now

// whole stands for nothing being wrong with an answer so far.
const whole meter.Class = 255

// arrival is an answer on its way. What was read of it and not passed on is
// buffer[:n].
type arrival struct {
	buffer []byte
	pooled *[32 << 10]byte // where buffer comes from
	n      int

	sent     bool // the request was
	begun    bool // something came
	reused   bool // over a link that has answered before
	complete bool // the final answer's head is
	interim  int  // answers of status 1xx

	body  content
	class meter.Class // whole, or what went wrong after the head
	marks uint64      // of the watch, when it ended the wait for the head
	err   error       // why there is no head
	large bool        // the rest of the body goes another way, see splice

	putAway
}

// begin makes ready for an answer.
func (a *arrival) begin(reused bool) {
	a.leave()
	*a = arrival{reused: reused, class: whole}
}

// space returns where to read to. A buffer is taken only when there is
// something to be read: most of the time of a request is waiting.
func (a *arrival) space() []byte {
	if a.buffer == nil {
		a.pooled, _ = pieces.Get().(*[32 << 10]byte)
		a.buffer = a.pooled[:]
	}
	return a.buffer[a.n:]
}

// grow makes room for a longer head; it is false when that is too long.
func (a *arrival) grow() bool {
	if a.n >= maxAnswerHead {
		return false
	}
	a.buffer = append(make([]byte, 0, 2*a.n), a.buffer...)[:2*a.n]
	return true
}

// leave gives the buffer back.
func (a *arrival) leave() {
	if a.pooled != nil {
		pieces.Put(a.pooled)
	}
	a.pooled, a.buffer = nil, nil
}

// framedBy is how the end of an answer's body is known.
type framedBy uint8

const (
	byNothing framedBy = iota // there is no body
	byLength
	byChunks
	byClosing // which is passed on in chunks, so that half of it does not look whole
)

// content is the body of an answer.
type content struct {
	framed framedBy
	left   int64
	chunks wire.Chunks
	ended  bool
	excess bool // something follows that nobody asked for
}

func (c *courier) contentOf() content {
	r := &c.response
	switch {
	case c.headless || wire.Bodiless(r.Status):
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

// beginAnswer passes on the head of an answer with what came of its body. It is
// true when nothing more is to be read here.
func (c *courier) beginAnswer() (end bool) {
	a, r := &c.arrival, &c.response
	if a.marks = c.watch.enter(busy) &^ hungUp; a.marks != 0 {
		return true
	}
	if a.complete = true; r.Status == http.StatusSwitchingProtocols {
		return true
	}
	if c.pass.care != nil && c.weigh() {
		return true
	}
	a.body = c.contentOf()
	if c.copying != nil {
		c.copyHead(a.buffer[:r.Size])
	}
	c.out = c.answerHead(c.out[:0], a.buffer[:r.Size], a.body.framed)
	return c.passOn(a.buffer[r.Size:a.n])
}

// arrivedMore takes in the next piece of the body.
func (c *courier) arrivedMore(n int, errno syscall.Errno) (end bool) {
	a := &c.arrival
	switch marks := c.watch.enter(busy); {
	case marks&^hungUp != 0:
		a.class = blameMarks(marks)
		return true
	case errno == 0 && n == 0 && a.body.framed == byClosing:
		a.body.ended = true
	case n == 0:
		a.class = meter.ConnectError
		return true
	}
	c.out = c.out[:0]
	return c.passOn(a.buffer[:n])
}

// passOn sends what is in out and a piece of the body. It is true when there is
// nothing more to pass on, or to be passed on here.
func (c *courier) passOn(piece []byte) (end bool) {
	a := &c.arrival
	a.n = 0
	if a.class = c.sendPiece(&a.body, piece); a.class != whole || a.body.ended {
		return true
	}
	if a.body.framed == byLength && a.body.left >= spliceFrom && c.copying == nil && c.canSplice() {
		a.large = true
		return true
	}
	if marks := c.watch.enter(reading); marks != 0 {
		a.class = blameMarks(marks)
		return true
	}
	return false
}

// copyUpTo is how much is rather copied behind a head than sent beside it.
const copyUpTo = 4 << 10

func (c *courier) sendPiece(body *content, piece []byte) meter.Class {
	n, ok := body.take(piece)
	piece = piece[:n]
	var sent bool
	switch {
	case body.framed == byClosing:
		c.out = body.appendChunk(c.out, piece)
		sent = len(c.out) == 0 || c.send(c.out)
	case len(c.out) == 0:
		sent = len(piece) == 0 || c.send(piece)
	case len(piece) > copyUpTo:
		sent = c.sendBoth(c.out, piece)
	default:
		c.out = append(c.out, piece...)
		sent = c.send(c.out)
	}
	switch {
	case !sent:
		return meter.ClientAbort
	case !ok:
		return meter.ConnectError
	}
	if c.copying != nil {
		c.copying.piece(piece)
	}
	return whole
}

// appendChunk adds a piece of a body whose length nobody knows.
func (b *content) appendChunk(out, piece []byte) []byte {
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

// blameMarks says who is to blame when the watch ended an answer.
func blameMarks(marks uint64) meter.Class {
	switch {
	case marks&gone != 0:
		return meter.ClientAbort
	case marks&expired != 0:
		return meter.Timeout
	}
	return meter.ConnectError
}

// blameWatch says why a wait for the upstream was ended from outside.
func (c *courier) blameWatch() meter.Class { return blameMarks(c.watch.enter(busy)) }

// conclude ends a request whose answer's head has come. It is false when the
// client's connection must end, as what it got must not look complete.
func (c *courier) conclude() bool {
	c.pass.status = c.response.Status
	a := &c.arrival
	if c.response.Status == http.StatusSwitchingProtocols {
		c.drop()
		return c.fail(http.StatusBadGateway, meter.ConnectError, "the service switched to a protocol nobody asked for")
	}
	if a.large {
		a.class = c.splice(a.body.left)
	}
	if a.class != whole {
		c.drop()
		c.finish(a.class)
		return false
	}
	c.giveBack()
	c.finish(meter.ClassOf(c.response.Status))
	return true
}

// giveBack keeps a link for the next request, if its answer was read to its end
// and both sides want that.
func (c *courier) giveBack() {
	body := &c.arrival.body
	if c.response.Close || c.early || body.excess || body.framed == byClosing {
		c.drop()
		return
	}
	if upstream := c.watch.upstream.Swap(nil); upstream != nil {
		c.pass.endpoint.Put(upstream, *c.lane.clock.Load())
	}
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
