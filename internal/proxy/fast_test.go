package proxy

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/proxy/wire"
)

// fastProxy is a proxy with its own transport.
func fastProxy(t testing.TB, answer string) *Proxy {
	t.Helper()
	if !ownPath {
		t.Skip("there is no transport of the proxy's own here")
	}
	return proxyOver(t, answer, true)
}

// proxyOver is a proxy in front of one upstream that is written by hand: it
// answers every request with the same bytes.
func proxyOver(t testing.TB, answer string, fast bool, change ...func(*stagger.Service)) *Proxy {
	t.Helper()
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
			go repeatAnswer(conn, []byte(answer))
		}
	}()
	s := stagger.Service{
		Name: "shop", Baseline: "v1", Listener: "web", VersionHeader: "X-Version",
		Routes:   []stagger.Route{{Name: "all", Path: "/"}},
		Versions: []stagger.Version{{Name: "v1", Upstreams: []string{"http://" + l.Addr().String()}}},
	}
	for _, f := range change {
		f(&s)
	}
	p, err := New(Config{
		NetHTTP:   !fast,
		Listeners: []Listener{{Name: "web", Address: "127.0.0.1:0"}},
		Services:  []stagger.Service{s},
	}, meter.New(meter.Options{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop(context.Background()) })
	return p
}

// repeatAnswer answers each head it reads; it knows no bodies.
func repeatAnswer(conn net.Conn, answer []byte) {
	defer func() { _ = conn.Close() }()
	b := make([]byte, 64<<10)
	for {
		n, err := conn.Read(b)
		if err != nil {
			return
		}
		for range bytes.Count(b[:n], []byte("\r\n\r\n")) {
			if _, err := conn.Write(answer); err != nil {
				return
			}
		}
	}
}

func dialProxy(t testing.TB, p *Proxy) net.Conn {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", p.Addr("web").String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	return conn
}

const (
	plainRequest = "GET /a%20b?c HTTP/1.1\r\nHost: shop.example.org\r\nUser-Agent: x\r\nCookie: a=b\r\n\r\n"
	plainAnswer  = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
)

func (l *lane) knows() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.known)
}

// TestOnlyTheUnusualIsHandedOver holds the other tests to what they mean: a
// transport that handed everything over would pass them too.
func TestOnlyTheUnusualIsHandedOver(t *testing.T) {
	for _, row := range []struct {
		rule, text string
		kept       int
	}{
		{"a plain request", plainRequest, 1},
		{"one with a body that is here", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 1},
		{"one that comes in pieces", "GET / HTTP/1.1\r\nHo", 1},
		{"an upgrade", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", 0},
		{"half a body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na", 1},
		{"chunks", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0},
		{"a bare line feed", "GET / HTTP/1.1\n", 0},
		{"a head without end", "GET / HTTP/1.1\r\nX: " + strings.Repeat("x", maxPlain), 0},
	} {
		t.Run(row.rule, func(t *testing.T) {
			p := fastProxy(t, plainAnswer)
			conn := dialProxy(t, p)
			// One that is plain is served before, whatever the next one is.
			if _, err := io.WriteString(conn, plainRequest+row.text); err != nil {
				t.Fatal(err)
			}
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || response.Header.Get("X-Version") != "v1" {
				t.Fatalf("got %v, %v", response, err)
			}
			deadline := time.Now().Add(30 * time.Second)
			for p.lanes[0].knows() != row.kept && time.Now().Before(deadline) {
				time.Sleep(time.Millisecond)
			}
			if row.kept == 1 {
				time.Sleep(20 * time.Millisecond) // it might still go
			}
			if got := p.lanes[0].knows(); got != row.kept {
				t.Errorf("%d connections are kept, want %d", got, row.kept)
			}
		})
	}
}

// TestAnswersOfEveryShapePass: what comes over the wire by hand.
func TestAnswersOfEveryShapePass(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for _, row := range []struct {
		rule, method, answer string
		status               int
		body                 string
	}{
		{"a length", "GET", plainAnswer, 200, "hello"},
		{"a long body", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + long, 200, long},
		{"chunks", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX-T: 1\r\n\r\n", 200, "hello"},
		{"chunks and a length that lies", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, "hello"},
		{"the same length twice", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"},
		{"HEAD with the length of what GET gets", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, ""},
		{"a head that is long", "GET", "HTTP/1.1 200 OK\r\nX-Long: " + long + "\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"},
		{"204 with a length", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 204, ""},
		{"more than was asked for", "GET", plainAnswer + plainAnswer, 200, "hello"},
		{"two lengths", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 502, ""},
		{"another coding", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello", 502, ""},
		{"an answer that is split", "GET", "HTTP/1.1 200 OK\r\nX: a\nX: b\r\n\r\nhello", 502, ""},
		{"a protocol nobody asked for", "GET", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", 502, ""},
		{"interim answers without end", "GET", strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 40), 502, ""},
	} {
		t.Run(row.rule, func(t *testing.T) {
			conn := dialProxy(t, fastProxy(t, row.answer))
			reader := bufio.NewReader(conn)
			for range 2 { // the second goes over what the first left behind
				if _, err := io.WriteString(conn, row.method+" / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
				asked := &http.Request{Method: row.method}
				response, err := http.ReadResponse(reader, asked)
				for err == nil && response.StatusCode < 200 {
					response, err = http.ReadResponse(reader, asked)
				}
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(response.Body)
				if err != nil || response.StatusCode != row.status || row.status != 502 && string(body) != row.body {
					t.Fatalf("got %d, %d bytes, %v", response.StatusCode, len(body), err)
				}
			}
		})
	}
}

func TestAnAnswerUntilTheEndArrivesInChunks(t *testing.T) {
	var listen net.ListenConfig
	l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4<<10))
			_, _ = io.WriteString(conn, "HTTP/1.0 200 OK\r\n\r\nhello")
			_ = conn.Close()
		}
	}()
	p := fastProxy(t, plainAnswer)
	s := *p.table.Load().services[0].service
	s.Versions = []stagger.Version{{Name: "v1", Upstreams: []string{"http://" + l.Addr().String()}}}
	if err := p.Reload([]stagger.Service{s}); err != nil {
		t.Fatal(err)
	}
	conn := dialProxy(t, p)
	reader := bufio.NewReader(conn)
	for range 2 {
		if _, err := io.WriteString(conn, plainRequest); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || string(body) != "hello" || !slices.Equal(response.TransferEncoding, []string{"chunked"}) {
			t.Errorf("got %q, %v, %v", body, response.TransferEncoding, err)
		}
	}
}

func TestBothTransportsStripTheSameFields(t *testing.T) {
	for _, name := range hopByHop {
		if !isHopByHop([]byte(strings.ToUpper(name))) {
			t.Errorf("%s stays", name)
		}
	}
	for _, name := range []string{"host", "cookie", "x-forwarded-for", "content-length", "tx", "upgrades"} {
		if isHopByHop([]byte(name)) {
			t.Errorf("%s goes", name)
		}
	}
}

// TestAPanicEndsOneConnectionOnly takes the routes away, as only a mistake in
// this package could.
func TestAPanicEndsOneConnectionOnly(t *testing.T) {
	p := fastProxy(t, plainAnswer)
	kept := p.table.Load()
	p.table.Store(&table{services: kept.services})
	broken := dialProxy(t, p)
	_, _ = io.WriteString(broken, plainRequest)
	if _, err := broken.Read(make([]byte, 1)); err == nil {
		t.Error("an answer without routes")
	}
	p.table.Store(kept)
	conn := dialProxy(t, p)
	_, _ = io.WriteString(conn, plainRequest)
	if response, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("the next connection failed as well: %v", err)
	}
}

func TestAHeaderBeyondTheLimitIsNotPlain(t *testing.T) {
	p := &Proxy{}
	c := &courier{lane: &lane{proxy: p}, desk: &desk{}}
	c.to = copy(c.in[:], "GET / HTTP/1.1\r\nHost: a\r\nX: "+strings.Repeat("x", 9000)+"\r\n\r\n")
	for limit, want := range map[int]wire.Progress{8 << 10: wire.Unusual, 10 << 10: wire.Complete} {
		p.limits.HeaderBytes = limit
		if got := c.look(); got != want {
			t.Errorf("with a limit of %d it is %d", limit, got)
		}
	}
}

// BenchmarkPlainRequest is one request over one connection, client and upstream
// included.
func BenchmarkPlainRequest(b *testing.B) {
	for _, row := range []struct {
		name string
		fast bool
	}{{"own", true}, {"net-http", false}} {
		b.Run(row.name, func(b *testing.B) {
			p := proxyOver(b, plainAnswer, row.fast)
			conn := dialProxy(b, p)
			_ = conn.SetDeadline(time.Time{})
			request, answer := []byte(plainRequest), make([]byte, 4<<10)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := conn.Write(request); err != nil {
					b.Fatal(err)
				}
				for n := 0; !bytes.HasSuffix(answer[:n], []byte("hello")); {
					k, err := conn.Read(answer[n:])
					if err != nil {
						b.Fatal(err)
					}
					n += k
				}
			}
		})
	}
}
