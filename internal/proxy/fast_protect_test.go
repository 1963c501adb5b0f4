package proxy

import (
	"bufio"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
)

// protected declares everything that looks at every request.
func protected(s *stagger.Service) {
	s.Retries = stagger.Retries{Attempts: 2, On: []stagger.RetryOn{stagger.RetryOn503}, Budget: 0.2, Least: 100}
	s.Circuit = stagger.Circuit{Consecutive: 1000, Rate: 1, Window: 10 * time.Second, Least: 1_000_000, Open: time.Second, Probes: 1}
	s.Concurrency = stagger.Concurrency{Adaptive: true, Min: 4, Max: 1000}
	s.Deadline.Header = "X-Request-Timeout"
	s.Fallback = true
	s.Routes[0].Degrade.Static = &stagger.StaticAnswer{Status: 200, Body: "less"}
}

// TestAProtectedRequestStaysOnTheOwnTransport also when its service fails: an
// incident is no time to become slow.
func TestAProtectedRequestStaysOnTheOwnTransport(t *testing.T) {
	const busy = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"
	for _, row := range []struct{ rule, answer, body string }{
		{"that is answered", plainAnswer, "hello"},
		{"that is tried again and degraded", busy, "less"},
	} {
		t.Run(row.rule, func(t *testing.T) {
			p := proxyOver(t, row.answer, true, protected)
			conn := dialProxy(t, p)
			reader := bufio.NewReader(conn)
			for range 20 {
				if _, err := io.WriteString(conn, plainRequest); err != nil {
					t.Fatal(err)
				}
				response, err := http.ReadResponse(reader, nil)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(response.Body)
				if err != nil || string(body) != row.body {
					t.Fatalf("%q, %v", body, err)
				}
			}
			if got := p.lanes[0].knows(); got != 1 {
				t.Errorf("%d connections are kept", got)
			}
		})
	}
}
