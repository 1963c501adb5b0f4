package proxy

import (
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"sync"
	"time"

	"github.com/stagger-dev/stagger/internal/meter"
)

// handler carries the requests of one listener over net/http.
type handler struct {
	proxy    *Proxy
	listener int
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
	if h.proxy.listeners[h.listener].sendsAway(w, r) {
		return
	}
	traffic, route, ok := h.proxy.find(h.listener, r.Host, r.URL.Path, r.Context().Done())
	switch {
	case route == nil:
		h.proxy.sayGoodbye(w, r)
		answer(w, http.StatusNotFound, "no route leads from here")
		return
	case route.page:
		h.proxy.sayGoodbye(w, r)
		traffic.showPage(w, r, time.Now())
		return
	case !ok:
		answer(w, http.StatusServiceUnavailable, "the service is paused and too many requests wait")
		return
	}
	x := exchange{
		w: w, r: r, control: http.NewResponseController(w), proxy: h.proxy,
		traffic: traffic, attributes: attributes{request: r, rules: &h.proxy.listeners[h.listener].Whence},
		class: meter.ConnectError,
	}
	now := time.Now()
	x.pass = traffic.admit(route, &x.attributes, now)
	x.shaded = traffic.shade != nil && traffic.shades(&x.pass, r.Method)
	defer x.finish()
	x.tape = traffic.record(r, &x.attributes, now)
	x.serve()
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
func (x *exchange) fail(f failure) {
	x.class = f.class
	x.closeAfter()
	x.nameVersion(x.w.Header())
	x.proxy.sayGoodbye(x.w, x.r)
	if x.pass.mayPass() {
		x.w.Header().Set("Retry-After", retryAfter)
	}
	answer(x.w, f.status, f.text)
}

// closeAfter ends the connection after an answer to a request that was not read
// to its end.
func (x *exchange) closeAfter() {
	if x.body != nil && x.r.ProtoMajor == 1 && !x.body.complete.Load() {
		x.w.Header().Set("Connection", "close")
	}
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
