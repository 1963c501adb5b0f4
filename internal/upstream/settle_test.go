package upstream

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/stagger-dev/stagger"
)

// talkative is an endpoint that sends an answer and more, in one piece.
func talkative(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				for from := bufio.NewReader(c); ; {
					if _, err := http.ReadRequest(from); err != nil {
						return
					}
					_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n"+"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// TestWhatComesAfterAnAnswerIsNobodys: not of a request that takes the
// connection at once, before net/http has looked at it.
func TestWhatComesAfterAnAnswerIsNobodys(t *testing.T) {
	p := fresh(t, shop(func(*stagger.Service) {}), nil, nil, talkative(t))
	e := p.Endpoints()[0]
	var users sync.WaitGroup
	for range 8 {
		users.Go(func() {
			for range 200 {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://any/", http.NoBody)
				if err != nil {
					t.Error(err)
					return
				}
				answer, err := e.Look(r)
				if err != nil {
					t.Error(err)
					return
				}
				_ = answer.Body.Close()
				if answer.StatusCode != http.StatusNoContent {
					t.Error("somebody got what nobody asked for")
					return
				}
			}
		})
	}
	users.Wait()
}
