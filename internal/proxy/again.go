package proxy

import (
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/mirror"
	"github.com/stagger-dev/stagger/internal/retry"
)

// failed deals with an attempt that got no answer: another one, something in
// place of an answer, or the failure.
func (x *exchange) failed(f failure) (again bool) {
	if x.pass.next(time.Now(), f, x.r.Method, x.whole()) {
		return true
	}
	if !x.degrade(f) {
		x.fail(f)
	}
	return false
}

// weigh looks at the head of an answer to a protected request. It is done when
// the answer is not passed on, as there is another attempt or something better.
func (x *exchange) weigh(response *http.Response) (again, done bool) {
	f := failureOf(response)
	x.pass.heard(time.Now(), f.class)
	if f.cause != retry.Answered {
		return false, false
	}
	switch {
	case x.pass.next(time.Now(), f, x.r.Method, x.whole()):
		again = true
	case !x.degrade(f):
		return false, false
	}
	discard(response)
	return again, true
}

// failureOf returns the failure that an answer is; its cause is Answered only if
// it may be one. A gRPC call that fails tells so in its trailers, which are in
// the place of the header when there is no message.
func failureOf(response *http.Response) failure {
	f := failure{class: meter.ClassOf(response.StatusCode), status: response.StatusCode}
	if response.StatusCode == http.StatusOK && isGRPC(response.Header) && response.Header.Get("Grpc-Status") != "" {
		if f.class = classOf(response); f.class.Failed() {
			f.status = http.StatusInternalServerError
		}
		if response.Header.Get("Grpc-Status") == "14" { // UNAVAILABLE
			f.status = http.StatusServiceUnavailable
		}
	}
	if f.class.Failed() || f.status == http.StatusTooManyRequests {
		f.cause = retry.Answered
	}
	return f
}

// maxDiscard is how much of an answer that nobody gets is read to keep its
// connection.
const maxDiscard = 4 << 10

func discard(response *http.Response) {
	if response.ContentLength >= 0 && response.ContentLength <= maxDiscard {
		_, _ = io.CopyN(io.Discard, response.Body, response.ContentLength+1)
	}
}

// whole says whether the request can be sent again from its beginning.
func (x *exchange) whole() bool {
	if x.pass.care == nil {
		return false
	}
	if !x.prepared {
		return upgradeOf(x.r.Header) == ""
	}
	return x.upgrade == "" && (x.replay == nil || x.replay.whole())
}

// degrade answers with what the route declares for when its service fails; it
// says whether there was something.
func (x *exchange) degrade(f failure) bool {
	r := x.pass.instead(time.Now(), f, x.asked())
	if r == nil {
		return false
	}
	x.pass.settle(time.Now(), f.class)
	if x.copy != nil { // there is no answer to compare with
		x.copy.Drop(mirror.Unanswered)
		x.copy = nil
	}
	x.send(r)
	return true
}

// asked is the request as degrading looks at it.
func (x *exchange) asked() request {
	return request{
		Attributes: &x.attributes,
		method:     x.r.Method, host: x.r.Host, target: x.r.URL.RequestURI(), body: x.short,
	}
}

// short returns the whole body of the request, if it is short.
func (x *exchange) short() (body []byte, whole bool) {
	if !x.prepared {
		x.prepare()
		x.idle.begin(func(error) {})
	}
	if x.body == nil {
		return nil, true
	}
	if !x.replay.whole() {
		return nil, false
	}
	x.idle.touch()
	body, err := io.ReadAll(io.LimitReader(x.replay.reader(), maxReplay+1))
	return body, err == nil && len(body) <= maxReplay
}

// send answers in the place of an upstream.
func (x *exchange) send(r *reply) {
	h := x.w.Header()
	for _, f := range r.header {
		h[f.name] = append(h[f.name], f.value)
	}
	if len(h["Content-Type"]) == 0 {
		h["Content-Type"] = nil // keeps net/http from guessing
	}
	x.closeAfter()
	if r.status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(len(r.body)))
	}
	x.class = meter.ClassOf(r.status)
	x.proxy.sayGoodbye(x.w)
	x.w.WriteHeader(r.status)
	if r.status != http.StatusNoContent {
		_, _ = x.w.Write(r.body)
	}
}

// copied is the body of an answer on its way into a memory.
type copied struct {
	memory *memory
	body   []byte
	over   bool // there is too much of it
}

// add keeps a piece of the body.
func (c *copied) add(piece []byte) {
	if c == nil || c.over {
		return
	}
	if len(c.body)+len(piece) > c.memory.most/4 {
		c.over, c.body = true, nil
		return
	}
	c.body = append(c.body, piece...)
}

// remember looks whether an answer is to be remembered.
func (x *exchange) remember(response *http.Response) {
	if x.pass.care == nil {
		return
	}
	c := x.pass.care
	m := c.traffic.shield.routes[c.route.index].memory
	if m != nil && m.wants(time.Now(), x.pass.version.name, x.asked(), response.StatusCode, response.Header) {
		x.copied = &copied{memory: m}
	}
}

// remembered keeps an answer that came through whole.
func (x *exchange) remembered(response *http.Response) {
	if c := x.copied; c != nil && !c.over {
		c.memory.keep(time.Now(), x.pass.version.name, x.asked(), response.StatusCode, response.Header, c.body)
	}
}
