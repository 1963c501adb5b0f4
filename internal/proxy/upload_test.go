package proxy_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/proxy"
)

// digests answers with what it was sent, in short.
func digests(t testing.TB) string {
	return upstream(t, func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.New()
		n, err := io.Copy(sum, r.Body)
		if err != nil {
			return
		}
		_, _ = fmt.Fprintf(w, "%d %x", n, sum.Sum(nil))
	})
}

func TestBodiesOfAnySizeArriveWhole(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", digests(t))))
	c := client(t)
	for _, size := range []int{1, 100, 16 << 10, 16<<10 + 1, 100_000, 5_000_000} {
		body := make([]byte, size)
		_, _ = rand.NewChaCha8([32]byte{byte(size)}).Read(body)
		for _, chunked := range []bool{false, true} {
			var from io.Reader = bytes.NewReader(body)
			if chunked {
				from = io.MultiReader(from) // hides the length
			}
			response, err := c.Do(request(t, http.MethodPost, w.url, from))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if want := fmt.Sprintf("%d %x", size, sha256.Sum256(body)); err != nil || string(got) != want {
				t.Errorf("%d bytes, chunked %v: got %q, %v", size, chunked, got, err)
			}
		}
	}
}

// TestABodyInPiecesDoesNotDisturbTheNextRequest sends two requests back to back,
// cut into pieces in every place.
func TestABodyInPiecesDoesNotDisturbTheNextRequest(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", digests(t))))
	text := "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789" +
		"POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"
	for at := 40; at < len(text); at += 3 {
		conn := dial(t, w.url)
		if _, err := io.WriteString(conn, text[:at]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond)
		if _, err := io.WriteString(conn, text[at:]); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(conn)
		first, second := fmt.Sprintf("10 %x", sha256.Sum256([]byte("0123456789"))), fmt.Sprintf("3 %x", sha256.Sum256([]byte("abc")))
		if err != nil || strings.Count(string(got), first) != 1 || strings.Count(string(got), second) != 1 {
			t.Errorf("cut at %d: got %q, %v", at, got, err)
		}
	}
}

// TestAnAnswerMayGoOnBesideTheRequest: the upstream sends back each piece before
// it gets the next one.
func TestAnAnswerMayGoOnBesideTheRequest(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", upstream(t, func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex()
		_ = control.Flush()
		b := make([]byte, 5)
		for {
			n, err := io.ReadFull(r.Body, b)
			_, _ = w.Write(bytes.ToUpper(b[:n]))
			_ = control.Flush()
			if err != nil {
				return
			}
		}
	}))))
	response, _, conn := raw(t, w.url, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 15\r\n\r\n")
	defer func() { _ = response.Body.Close() }()
	got := make([]byte, 5)
	for _, piece := range []string{"first", "secnd", "third"} {
		if _, err := io.WriteString(conn, piece); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(response.Body, got); err != nil || string(got) != strings.ToUpper(piece) {
			t.Fatalf("%s came back as %q, %v", piece, got, err)
		}
	}
	if rest, err := io.ReadAll(response.Body); err != nil || len(rest) > 0 {
		t.Errorf("then came %q, %v", rest, err)
	}
}

func TestAClientThatGoesAwayInItsBodyIsAnAbort(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", digests(t))))
	conn := dial(t, w.url)
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nonly this"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the request to be under way", func() bool { return w.meter.InFlight("shop", "v1") == 1 })
	_ = conn.Close()
	if got := w.observed(t, "v1"); got.Outcomes.ClientAbort != 1 || got.Outcomes.ConnectError != 0 {
		t.Errorf("counted as %+v", got.Outcomes)
	}
}

func TestAClientThatStopsInItsBodyIsToldSo(t *testing.T) {
	s := service(version("v1", digests(t)))
	s.Timeouts.Idle = 200 * time.Millisecond
	w := run(t, proxy.Limits{}, s)
	response, _, _ := raw(t, w.url, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nonly this")
	_ = response.Body.Close()
	if response.StatusCode != http.StatusRequestTimeout || !response.Close {
		t.Errorf("answered %d, closing %v", response.StatusCode, response.Close)
	}
	if got := w.observed(t, "v1"); got.Outcomes.ClientAbort != 1 {
		t.Errorf("counted as %+v", got.Outcomes)
	}
}

// TestAnUpstreamThatTakesNothingIsATimeout: the body is larger than what all
// buffers on the way hold.
func TestAnUpstreamThatTakesNothingIsATimeout(t *testing.T) {
	var listen net.ListenConfig
	l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer func() { _ = conn.Close() }()
		}
	}()
	s := service(version("v1", "http://"+l.Addr().String()))
	s.Timeouts.Idle, s.Timeouts.Response = 300*time.Millisecond, 300*time.Millisecond
	w := run(t, proxy.Limits{}, s)
	conn := dial(t, w.url)
	go func() {
		_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
		_, _ = io.Copy(conn, io.LimitReader(zeros{}, 100_000_000))
	}()
	var got stagger.Outcomes
	eventually(t, "the request to end", func() bool {
		got = w.observed(t, "v1").Outcomes
		return got != stagger.Outcomes{}
	})
	if got.Timeout != 1 {
		t.Errorf("counted as %+v", got)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestAnEndThatComesWithTheLastBytesIsNoticed: nobody is told of such an end
// once more.
func TestAnEndThatComesWithTheLastBytesIsNoticed(t *testing.T) {
	s := service(version("v1", named(t, "v1")))
	s.Timeouts.Idle, s.Timeouts.Response = time.Minute, time.Minute
	w := run(t, proxy.Limits{KeepAlive: time.Minute, HeaderTimeout: time.Minute}, s)
	for rule, text := range map[string]string{
		"nothing":        "",
		"half a head":    "GET / HTTP/1.1\r\nHo",
		"a whole one":    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"half a body":    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
		"two and a half": "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET",
	} {
		conn := dial(t, w.url)
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		tcp, _ := conn.(*net.TCPConn)
		if err := tcp.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		_, err := io.Copy(io.Discard, conn)
		if wait, ok := errors.AsType[net.Error](err); ok && wait.Timeout() {
			t.Errorf("%s: the connection stays open", rule)
		}
	}
}

// TestAnUpstreamThatEndsWithItsLastBytesIsNoticed sends less than it promised
// and closes at once.
func TestAnUpstreamThatEndsWithItsLastBytesIsNoticed(t *testing.T) {
	for rule, text := range map[string]string{
		"half a head":  "HTTP/1.1 200 OK\r\nContent-",
		"half a body":  "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
		"half a chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
	} {
		t.Run(rule, func(t *testing.T) {
			s := service(version("v1", script(t, text+"<close>").url))
			s.Timeouts.Idle, s.Timeouts.Response = time.Minute, time.Minute
			w := run(t, proxy.Limits{}, s)
			conn := dial(t, w.url)
			if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			response := make([]byte, 4<<10)
			if _, err := conn.Read(response); err != nil {
				t.Fatal(err)
			}
			if got := w.observed(t, "v1"); got.Outcomes.ConnectError != 1 {
				t.Errorf("counted as %+v", got.Outcomes)
			}
		})
	}
}
