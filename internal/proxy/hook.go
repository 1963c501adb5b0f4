package proxy

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"
)

// hook is who takes requests that the service could not. Whoever stands there
// keeps them and brings them to the service later; the proxy keeps nothing.
type hook struct {
	service, route, url string
	client              *http.Client
	free                chan struct{} // holds one value per request under way
}

// The bounds of handing over: how many at once, and how long one may take.
const (
	maxHooked   = 64
	hookTimeout = 3 * time.Second
)

func newHook(service, route, url string) *hook {
	return &hook{
		service: service, route: route, url: url, free: make(chan struct{}, maxHooked),
		client: &http.Client{
			Timeout:       hookTimeout,
			Transport:     &http.Transport{DisableKeepAlives: true}, // nothing to close when the table changes
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// take hands a request over and returns the answer that says so; nil when the
// hook does not take it, or the body is too long to be kept.
func (h *hook) take(r request) *reply {
	body, whole := r.body()
	if !whole {
		return nil
	}
	select {
	case h.free <- struct{}{}:
		defer func() { <-h.free }()
	default:
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), hookTimeout)
	defer cancel()
	out, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return nil
	}
	for name, value := range map[string]string{
		"Content-Type": r.Header("Content-Type"), "Authorization": r.Header("Authorization"),
		"Idempotency-Key": r.Header("Idempotency-Key"), "Traceparent": r.Header("Traceparent"),
		"Stagger-Service": h.service, "Stagger-Route": h.route,
		"Stagger-Method": r.method, "Stagger-Host": r.host, "Stagger-Target": r.target,
	} {
		if value != "" {
			out.Header.Set(name, value)
		}
	}
	answer, err := h.client.Do(out)
	if err != nil {
		return nil
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.CopyN(io.Discard, answer.Body, 4<<10)
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return nil
	}
	return &reply{
		status: http.StatusAccepted, body: []byte("accepted; it is done when the service is back\n"),
		header: []headerField{{"Content-Type", "text/plain; charset=utf-8"}},
	}
}
