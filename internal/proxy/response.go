package proxy

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/stagger-dev/stagger/internal/meter"
)

// pieces are the buffers bodies pass through.
var pieces = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// answer passes an upstream's answer on.
func (x *exchange) answer(response *http.Response) {
	announced := len(response.Trailer)
	x.sendHeader(response)
	x.remember(response)
	if x.copy != nil {
		x.copy.Answered(response.StatusCode, response.Header, response.ContentLength)
	}
	if err := x.sendBody(response); err != nil {
		x.breakOff(err)
	}
	x.remembered(response)
	sendTrailer(x.w.Header(), response.Trailer, announced)
	x.class = classOf(response)
}

func (x *exchange) sendHeader(response *http.Response) {
	h := x.w.Header()
	stripHopByHop(response.Header)
	copyHeader(h, response.Header)
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // keeps net/http from guessing
	}
	x.nameVersion(h)
	if len(response.Trailer) > 0 {
		names := make([]string, 0, len(response.Trailer))
		for name := range response.Trailer {
			names = append(names, name)
		}
		h["Trailer"] = []string{strings.Join(names, ", ")}
		delete(h, "Content-Length") // HTTP/1.1 has trailers after chunks only
	}
	if x.body != nil && x.r.ProtoMajor == 1 && !x.body.complete.Load() {
		// An answer before the request was read: the rest of it would have to
		// be read before the next one.
		h["Connection"] = []string{"close"}
	}
	x.proxy.sayGoodbye(x.w)
	x.w.WriteHeader(response.StatusCode)
}

// errClientGone is a write to the client that failed.
var errClientGone = errors.New("the client is gone")

// sendBody copies the body piece by piece. An answer of unknown length is a
// stream: header and pieces go out as they come. One of known length is
// flushed when it does not come in one piece.
func (x *exchange) sendBody(response *http.Response) error {
	if response.Body == http.NoBody || response.ContentLength == 0 {
		return nil
	}
	left := response.ContentLength
	if left < 0 && x.flush() != nil {
		return errClientGone
	}
	buffer, _ := pieces.Get().(*[32 << 10]byte)
	defer pieces.Put(buffer)
	for {
		x.idle.touch()
		n, err := response.Body.Read(buffer[:])
		if n > 0 {
			left -= int64(n)
			x.copied.add(buffer[:n])
			if x.sendPiece(buffer[:n], left != 0) != nil {
				return errClientGone
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func (x *exchange) sendPiece(piece []byte, flush bool) error {
	x.idle.writing.Store(true)
	defer x.idle.writing.Store(false)
	x.idle.touch()
	if _, err := x.w.Write(piece); err != nil {
		return err
	}
	if x.copy != nil {
		x.copy.Write(piece)
	}
	if !flush {
		return nil
	}
	return x.control.Flush()
}

func (x *exchange) flush() error {
	x.idle.writing.Store(true)
	defer x.idle.writing.Store(false)
	x.idle.touch()
	return x.control.Flush()
}

// breakOff ends an answer that cannot be completed.
func (x *exchange) breakOff(err error) {
	idle := x.idle.cause()
	switch {
	case errors.Is(idle, errUpstreamIdle), idle == nil && !x.clientGone() && !errors.Is(err, errClientGone) && x.late():
		x.abort(meter.Timeout)
	case idle != nil, x.clientGone(), errors.Is(err, errClientGone):
		x.abort(meter.ClientAbort)
	}
	x.abort(meter.ConnectError)
}

// sendTrailer passes the trailer on. Fields that were not announced need a
// prefix that net/http takes off again.
func sendTrailer(h, trailer http.Header, announced int) {
	prefix := ""
	if len(trailer) != announced {
		prefix = http.TrailerPrefix
	}
	for name, values := range trailer {
		h[prefix+name] = values
	}
}
