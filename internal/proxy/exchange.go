package proxy

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"runtime/debug"
	"time"

	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/mirror"
	"github.com/stagger-dev/stagger/internal/proxy/wire"
	"github.com/stagger-dev/stagger/internal/upstream"
)

// exchange is one request and its answer.
type exchange struct {
	w       http.ResponseWriter
	r       *http.Request
	control *http.ResponseController
	proxy   *Proxy

	traffic    *traffic
	attributes attributes
	pass       pass
	shaded     bool // the request was chosen to be mirrored
	copy       *mirror.Copy
	metered    bool        // the sample was ended
	class      meter.Class // how it ends

	prepared bool
	upgrade  string       // the protocol the client asks to switch to
	body     *requestBody // nil when there is none
	replay   *replay      // of body, where it may be sent again
	tape     *tape        // nil unless the body is captured
	idle     idle
	interim  interim
	copied   *copied // of the answer, where it is remembered
}

// finish ends the sample, whatever happened. A panic ends this exchange only.
func (x *exchange) finish() {
	failure := recover()
	x.idle.stop()
	x.interim.stop()
	x.meter(x.class)
	x.pass.release(x.class)
	endCopy(x.copy, x.class)
	if x.body != nil {
		x.body.end(x.control, failure == nil && x.r.ProtoMajor == 1)
	}
	x.tape.end()
	if failure == nil {
		return
	}
	if failure != http.ErrAbortHandler { //nolint:errorlint // a panic's value, compared as net/http does
		x.proxy.troubles[panicked].Add(1)
		x.proxy.log.Error("a request panicked", "panic", fmt.Sprint(failure), "stack", string(debug.Stack()))
	}
	panic(http.ErrAbortHandler) // net/http drops the connection or the stream
}

// meter ends the sample, once.
func (x *exchange) meter(class meter.Class) {
	if !x.metered {
		x.metered = true
		x.pass.finish(time.Now(), class)
	}
}

// serve makes attempts until one is answered or none is left.
func (x *exchange) serve() {
	for x.attempt() {
	}
}

// attempt passes the request on and its answer back. Another one is to be made
// when nothing of an answer was passed on and there may be a better one.
func (x *exchange) attempt() (again bool) {
	if x.pass.endpoint == nil {
		return x.failed(x.pass.refused())
	}
	ctx, cancel := x.bounded()
	defer cancel(nil)
	x.prepare()
	x.idle.begin(cancel)
	request := x.outbound(ctx)
	if x.shaded {
		x.shaded = false // one copy, however often it is sent
		x.beginCopy(request)
	}
	if x.body != nil {
		x.idle.touch()
	}
	response, err := x.pass.endpoint.RoundTrip(request)
	x.interim.stop()
	if err != nil {
		return x.failed(x.blame(err))
	}
	defer func() {
		// Cancelled first, as closing waits for the request to be sent, and the
		// client may never finish it.
		cancel(nil)
		_ = response.Body.Close()
	}()
	x.pass.status = response.StatusCode
	if x.pass.care != nil {
		if again, done := x.weigh(response); done {
			return again
		}
	}
	x.idle.answered.Store(true)
	x.respond(response)
	return false
}

// respond passes an answer on.
func (x *exchange) respond(response *http.Response) {
	switch {
	case response.StatusCode == http.StatusSwitchingProtocols:
		x.switchProtocols(response)
	case response.StatusCode < 200:
		x.fail(failAnswer)
	default:
		x.answer(response)
	}
}

// bounded returns the context of an attempt.
func (x *exchange) bounded() (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(x.r.Context())
	if x.pass.care == nil || x.pass.care.deadline.at.IsZero() {
		return ctx, cancel
	}
	ctx, stop := context.WithDeadline(ctx, x.pass.care.deadline.at)
	return ctx, func(cause error) {
		cancel(cause)
		stop()
	}
}

// prepare makes the request fit for an upstream, once.
func (x *exchange) prepare() {
	if x.prepared {
		return
	}
	x.prepared = true
	r := x.r
	x.idle.after, x.idle.control = x.traffic.timeouts.Idle, x.control
	if e := x.pass.endpoint; r.ProtoMajor == 1 && (e == nil || e.Upgrades()) {
		x.upgrade = upgradeOf(r.Header)
		if wire.Equal(x.upgrade, "h2c") {
			x.upgrade = "" // the proxy's business, and it need not
		}
	}
	forward(r, x.upgrade, x.attributes.rules, hopOf(r))
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		return
	}
	x.body = &requestBody{from: x.tape.over(r.Body), idle: &x.idle, invited: len(r.Header["Expect"]) == 0}
	if x.pass.care != nil {
		x.replay = &replay{body: x.body}
	}
	if r.ContentLength < 0 && r.Trailer == nil {
		r.Trailer = make(http.Header) // filled in by the server, even unannounced
	}
	if r.ProtoMajor == 1 {
		// The answer may begin before the request ends.
		_ = x.control.EnableFullDuplex()
	}
}

// outbound makes the request to the upstream.
func (x *exchange) outbound(ctx context.Context) *http.Request {
	r, e := x.r, x.pass.endpoint
	out := &http.Request{
		Method: r.Method,
		URL: &url.URL{
			Scheme: e.Scheme(), Host: e.Authority(),
			Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery, ForceQuery: r.URL.ForceQuery,
		},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.Header,
		Host:   r.Host,
	}
	if c := x.pass.care; c != nil && !c.deadline.at.IsZero() {
		out.Header = out.Header.Clone() // the attempt before may still be read from
		out.Header.Set(c.deadlineField(), c.deadline.left(time.Now()))
	}
	if x.body != nil {
		out.Body, out.ContentLength, out.Trailer = x.body, r.ContentLength, r.Trailer
	}
	if x.replay != nil {
		out.Body = x.replay.reader()
	}
	trace := httptrace.ClientTrace{GotConn: upstream.Settle}
	if r.ProtoAtLeast(1, 1) {
		x.interim.w = x.w
		trace.Got1xxResponse = x.interim.pass
	}
	return out.WithContext(httptrace.WithClientTrace(ctx, &trace))
}
