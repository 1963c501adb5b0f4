package proxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/proxy/wire"
)

// handler carries the requests of one listener over net/http.
type handler struct {
	proxy    *Proxy
	listener int
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	if r.ProtoMajor == 1 && len(r.Header["Upgrade"]) > 0 {
		// What follows on the connection is not framed strictly any more
		// (see framing); it must not be read as another request.
		w.Header().Set("Connection", "close")
	}
	if r.Method == http.MethodConnect {
		answer(w, http.StatusMethodNotAllowed, "CONNECT is not offered here")
		return
	}
	if !isTarget(r) {
		answer(w, http.StatusBadRequest, "the target is malformed")
		return
	}
	traffic, route := h.proxy.table.Load().find(h.listener, r.Host, r.URL.Path)
	if route == nil {
		answer(w, http.StatusNotFound, "no route leads from here")
		return
	}
	x := exchange{
		w: w, r: r, control: http.NewResponseController(w), proxy: h.proxy,
		traffic: traffic, attributes: attributes{request: r},
		class: meter.ConnectError,
	}
	x.pass = traffic.admit(route, &x.attributes, now)
	defer x.finish()
	x.serve()
}

// exchange is one request and its answer.
type exchange struct {
	w       http.ResponseWriter
	r       *http.Request
	control *http.ResponseController
	proxy   *Proxy

	traffic    *traffic
	attributes attributes
	pass       pass
	metered    bool        // the sample was ended
	class      meter.Class // how it ends

	upgrade string       // the protocol the client asks to switch to
	body    *requestBody // nil when there is none
	idle    idle
	interim interim
}

// finish ends the sample, whatever happened. A panic ends this exchange only.
func (x *exchange) finish() {
	failure := recover()
	x.idle.stop()
	x.interim.stop()
	x.meter(x.class)
	x.pass.release()
	if x.body != nil {
		x.body.end(x.control, failure == nil && x.r.ProtoMajor == 1)
	}
	if failure == nil {
		return
	}
	if failure != http.ErrAbortHandler { //nolint:errorlint // a panic's value, compared as net/http does
		x.proxy.log.Error("a request panicked", "panic", fmt.Sprint(failure), "stack", string(debug.Stack()))
	}
	panic(http.ErrAbortHandler) // net/http drops the connection or the stream
}

// meter ends the sample, once.
func (x *exchange) meter(class meter.Class) {
	if !x.metered {
		x.metered = true
		x.pass.sample.End(time.Now(), class)
	}
}

func (x *exchange) serve() {
	if x.pass.endpoint == nil {
		x.fail(http.StatusServiceUnavailable, meter.ConnectError, "the service has no endpoint")
		return
	}
	ctx, cancel := context.WithCancelCause(x.r.Context())
	defer cancel(nil)
	x.idle.after, x.idle.cancel, x.idle.control = x.traffic.timeouts.Idle, cancel, x.control
	request := x.outbound(ctx)
	if x.body != nil {
		if x.r.ProtoMajor == 1 {
			// The answer may begin before the request ends.
			_ = x.control.EnableFullDuplex()
		}
		x.idle.touch()
	}
	response, err := x.pass.endpoint.RoundTrip(request)
	x.interim.stop()
	if err != nil {
		x.blame(err)
		return
	}
	x.idle.answered.Store(true)
	defer func() {
		// Cancelled first, as closing waits for the request to be sent, and the
		// client may never finish it.
		cancel(nil)
		_ = response.Body.Close()
	}()
	switch {
	case response.StatusCode == http.StatusSwitchingProtocols:
		x.switchProtocols(response)
	case response.StatusCode < 200:
		x.fail(http.StatusBadGateway, meter.ConnectError, "the service sent a malformed answer")
	default:
		x.answer(response)
	}
}

// outbound makes the request to the upstream.
func (x *exchange) outbound(ctx context.Context) *http.Request {
	r, e := x.r, x.pass.endpoint
	if r.ProtoMajor == 1 && !e.Multiplexed() {
		x.upgrade = upgradeOf(r.Header)
		if wire.Equal(x.upgrade, "h2c") {
			x.upgrade = "" // the proxy's business, and it need not
		}
	}
	forward(r, x.upgrade)
	out := &http.Request{
		Method: r.Method,
		URL: &url.URL{
			Scheme: "http", Host: e.Address(),
			Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery, ForceQuery: r.URL.ForceQuery,
		},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.Header,
		Host:   r.Host,
	}
	if r.ContentLength != 0 && r.Body != nil && r.Body != http.NoBody {
		x.body = &requestBody{from: r.Body, idle: &x.idle, invited: len(r.Header["Expect"]) == 0}
		out.Body, out.ContentLength = x.body, r.ContentLength
		if r.ContentLength < 0 && r.Trailer == nil {
			r.Trailer = make(http.Header) // filled in by the server, even unannounced
		}
		out.Trailer = r.Trailer
	}
	if r.ProtoAtLeast(1, 1) {
		x.interim.w = x.w
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: x.interim.pass})
	}
	return out.WithContext(ctx)
}

// interim passes answers of status 1xx on while the final one is awaited.
type interim struct {
	w http.ResponseWriter

	mu      sync.Mutex
	count   int
	stopped bool
}

// maxInterim bounds the answers before the answer.
const maxInterim = 32

func (i *interim) pass(code int, header textproto.MIMEHeader) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.stopped {
		return nil
	}
	if i.count++; i.count > maxInterim {
		return fmt.Errorf("more than %d interim answers", maxInterim)
	}
	h := i.w.Header()
	stripHopByHop(http.Header(header))
	copyHeader(h, http.Header(header))
	i.w.WriteHeader(code)
	for name := range header {
		delete(h, name)
	}
	return nil
}

// stop waits for an answer that is being passed on and passes no more.
func (i *interim) stop() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.stopped = true
}

// fail answers in the proxy's own name.
func (x *exchange) fail(status int, class meter.Class, text string) {
	x.class = class
	if x.body != nil && x.r.ProtoMajor == 1 && !x.body.complete.Load() {
		x.w.Header().Set("Connection", "close")
	}
	x.nameVersion(x.w.Header())
	answer(x.w, status, text)
}

// nameVersion tells which version answered, where the service wants that.
func (x *exchange) nameVersion(h http.Header) {
	if name := x.traffic.service.VersionHeader; name != "" {
		h[http.CanonicalHeaderKey(name)] = x.pass.version.header
	}
}

// answer sends a short text.
func answer(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	text = fmt.Sprintf("%d %s: %s\n", status, http.StatusText(status), text)
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}
