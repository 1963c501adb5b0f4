package proxy_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/proxy"
)

// scripted is an upstream by hand: it answers every head it reads on one
// connection with the next of the answers, the last one again and again, and
// tells what it read. It knows no bodies. An answer that ends in "<close>" ends
// the connection, as does one that is nothing else.
type scripted struct {
	url   string
	heads chan string
	conns atomic.Int64
}

func script(t *testing.T, answers ...string) *scripted {
	t.Helper()
	var listen net.ListenConfig
	l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s := &scripted{url: "http://" + l.Addr().String(), heads: make(chan string, 1000)}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.play(conn, answers)
		}
	}()
	return s
}

func (s *scripted) play(conn net.Conn, answers []string) {
	defer func() { _ = conn.Close() }()
	reader := bufio.NewReader(conn)
	for i := 0; ; i++ {
		var head strings.Builder
		for !strings.HasSuffix(head.String(), "\r\n\r\n") {
			line, err := reader.ReadString('\n')
			if err != nil {
				return
			}
			head.WriteString(line)
		}
		if i == 0 {
			s.conns.Add(1) // probes say nothing
		}
		s.heads <- head.String()
		text, closing := strings.CutSuffix(answers[min(i, len(answers)-1)], "<close>")
		if _, err := io.WriteString(conn, text); err != nil || closing {
			return
		}
	}
}

const hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

// ask sends a request over a connection and reads its answer whole.
func ask(t *testing.T, conn net.Conn, reader *bufio.Reader, method, text string) (*http.Response, string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(reader, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("no answer to %q: %v", text, err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("half an answer to %q: %v", text, err)
	}
	return response, string(body)
}

// TestTargetsArriveByteByByte: nobody tidies up what the route was chosen by, so
// that the upstream cannot see another one.
func TestTargetsArriveByteByByte(t *testing.T) {
	s := script(t, hello)
	w := run(t, proxy.Limits{}, service(version("v1", s.url)))
	for _, target := range []string{
		"/", "//", "//a", "/a//b/", "/./a", "/../a", "/a/../../b", "/%2e%2e/a", "/%2E", "/a%2Fb", "/a%2fb", "/%41", "/a%5cb", "/%00", "/%0d%0aX:%20y",
		"/%20", "/a;b=c/d", "/a?", "/a?b", "/a??b", "/a?b=c&d;e=%zz", "/a?%2e/../b", "/a:80/b", "/@a", "/a=b,c!$&'()*+", "/~a-b_c.d", "/*",
		"/" + strings.Repeat("a", 5000), "/?" + strings.Repeat("a/..", 1000),
	} {
		conn := dial(t, w.url)
		ask(t, conn, bufio.NewReader(conn), http.MethodGet, "GET "+target+" HTTP/1.1\r\nHost: a\r\n\r\n")
		line, _, _ := strings.Cut(<-s.heads, "\r\n")
		if want := "GET " + target + " HTTP/1.1"; line != want {
			t.Errorf("%.80q arrived as %.80q", want, line)
		}
		_ = conn.Close()
	}
}

// TestATargetWithAHostBelongsToThatHost (RFC 9112, section 3.2.2).
func TestATargetWithAHostBelongsToThatHost(t *testing.T) {
	s := script(t, hello)
	w := run(t, proxy.Limits{}, service(version("v1", s.url)))
	conn := dial(t, w.url)
	ask(t, conn, bufio.NewReader(conn), http.MethodGet, "GET http://shop.example.org/a%2Fb?c HTTP/1.1\r\nHost: other\r\n\r\n")
	head := <-s.heads
	if !strings.HasPrefix(head, "GET /a%2Fb?c HTTP/1.1\r\n") || !strings.Contains(head, "\r\nHost: shop.example.org\r\n") {
		t.Errorf("it arrived as %q", head)
	}
}

// TestTargetsThatAreNoneGoNowhere: what cannot be sent on as it is.
func TestTargetsThatAreNoneGoNowhere(t *testing.T) {
	s := script(t, hello)
	w := run(t, proxy.Limits{}, service(version("v1", s.url)))
	for _, target := range []string{"a", "/%", "/%2", "/%zz", "", "http:///a", "://a", "/a b", "/a\x7f", "/a\x01"} {
		conn := dial(t, w.url)
		response, _ := ask(t, conn, bufio.NewReader(conn), http.MethodGet, "GET "+target+" HTTP/1.1\r\nHost: a\r\n\r\n")
		if response.StatusCode < 400 || response.StatusCode > 499 {
			t.Errorf("%q is answered with %d", target, response.StatusCode)
		}
		_ = conn.Close()
	}
	if n := len(s.heads); n > 0 {
		t.Errorf("%d reached the upstream, such as %q", n, <-s.heads)
	}
}

// TestAnAnswerWithoutABodyEndsWithItsHead: whatever its fields promise. The next
// answer on the same connection proves it.
func TestAnAnswerWithoutABodyEndsWithItsHead(t *testing.T) {
	for _, row := range []struct{ rule, method, answer string }{
		{"HEAD with a length", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"},
		{"HEAD with chunks", "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{"HEAD with neither", "HEAD", "HTTP/1.1 200 OK\r\n\r\n"},
		{"HEAD of an error", "HEAD", "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n"},
		{"204", "GET", "HTTP/1.1 204 No Content\r\n\r\n"},
		{"304 with a length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nEtag: \"x\"\r\n\r\n"},
		{"304 with chunks", "GET", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{"a length of zero", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
	} {
		t.Run(row.rule, func(t *testing.T) {
			s := script(t, row.answer, hello)
			w := run(t, proxy.Limits{}, service(version("v1", s.url)))
			conn := dial(t, w.url)
			reader := bufio.NewReader(conn)
			first, body := ask(t, conn, reader, row.method, row.method+" /a HTTP/1.1\r\nHost: a\r\n\r\n")
			want, err := http.ReadResponse(bufio.NewReader(strings.NewReader(row.answer)), &http.Request{Method: row.method})
			if err != nil {
				t.Fatal(err)
			}
			if first.StatusCode != want.StatusCode || body != "" || row.method == "HEAD" && first.ContentLength != want.ContentLength {
				t.Errorf("got %d of length %d with %q, want %d of length %d", first.StatusCode, first.ContentLength, body, want.StatusCode, want.ContentLength)
			}
			if second, body := ask(t, conn, reader, "GET", "GET /b HTTP/1.1\r\nHost: a\r\n\r\n"); second.StatusCode != http.StatusOK || body != "hello" {
				t.Errorf("the next one got %d %q", second.StatusCode, body)
			}
		})
	}
}

// TestMoreThanAnAnswerIsNobodysAnswer: what an upstream sends beyond its answer
// is not taken for the answer to the next request.
func TestMoreThanAnAnswerIsNobodysAnswer(t *testing.T) {
	const poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
	for rule, answer := range map[string]string{
		"an answer more":              hello + poison,
		"a body of 204":               "HTTP/1.1 204 No Content\r\n\r\n" + poison,
		"a body of 304":               "HTTP/1.1 304 Not Modified\r\n\r\n" + poison,
		"more than its length":        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + poison,
		"something behind the chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + poison,
	} {
		t.Run(rule, func(t *testing.T) {
			s := script(t, answer)
			w := run(t, proxy.Limits{}, service(version("v1", s.url)))
			c := client(t)
			var users sync.WaitGroup
			for range 4 {
				users.Go(func() {
					for range 100 {
						if _, _, body := get(t, c, w.url); strings.Contains(body, "poison") {
							t.Error("somebody got it")
							return
						}
					}
				})
			}
			users.Wait()
		})
	}
}

func TestTheEndOfOneConnectionIsNotTheOthers(t *testing.T) {
	t.Run("the upstream's", func(t *testing.T) {
		s := script(t, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello<close>")
		w := run(t, proxy.Limits{}, service(version("v1", s.url)))
		conn := dial(t, w.url)
		reader := bufio.NewReader(conn)
		for range 3 {
			if response, body := ask(t, conn, reader, "GET", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); body != "hello" || response.Close {
				t.Errorf("got %q, closing %v", body, response.Close)
			}
		}
		if got := s.conns.Load(); got != 3 {
			t.Errorf("%d connections to the upstream, want 3", got)
		}
	})
	t.Run("the client's", func(t *testing.T) {
		s := script(t, hello)
		w := run(t, proxy.Limits{}, service(version("v1", s.url)))
		for range 3 {
			conn := dial(t, w.url)
			reader := bufio.NewReader(conn)
			response, _ := ask(t, conn, reader, "GET", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
			if !response.Close {
				t.Error("it is not told that the connection ends")
			}
			if _, err := reader.ReadByte(); !errors.Is(err, io.EOF) {
				t.Errorf("the connection does not end: %v", err)
			}
			if head := <-s.heads; strings.Contains(head, "close") {
				t.Errorf("the upstream is told: %q", head)
			}
		}
		if got := s.conns.Load(); got != 1 {
			t.Errorf("%d connections to the upstream, want 1", got)
		}
	})
}

// TestAClientOfHTTP10IsAnsweredInItsOwnWay: it knows no chunks, and keeps a
// connection only when it says so.
func TestAClientOfHTTP10IsAnsweredInItsOwnWay(t *testing.T) {
	s := script(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
	w := run(t, proxy.Limits{}, service(version("v1", s.url)))
	conn := dial(t, w.url)
	_, _ = io.WriteString(conn, "GET / HTTP/1.0\r\nHost: a\r\n\r\n")
	text, err := io.ReadAll(conn)
	head, body, _ := strings.Cut(string(text), "\r\n\r\n")
	if err != nil || body != "hello" || strings.Contains(strings.ToLower(head), "chunked") {
		t.Errorf("got %q, %v", text, err)
	}
}

// TestAClientThatClosesItsHalfIsGone: nobody can tell it from one that has hung
// up, and an upstream is not to work for nobody. An upgraded connection is
// another matter.
func TestAClientThatClosesItsHalfIsGone(t *testing.T) {
	for rule, text := range map[string]string{
		"after a request":       "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"after one with a body": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
		"after chunks":          "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	} {
		arrived, cancelled := make(chan struct{}), make(chan struct{})
		w := run(t, proxy.Limits{}, service(version("v1", upstream(t, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			close(arrived)
			<-r.Context().Done()
			close(cancelled)
		}))))
		conn := dial(t, w.url)
		_, _ = io.WriteString(conn, text)
		<-arrived
		if half, ok := conn.(*net.TCPConn); !ok || half.CloseWrite() != nil {
			t.Fatal("its half does not close")
		}
		select {
		case <-cancelled:
		case <-time.After(30 * time.Second):
			t.Errorf("%s: the upstream still works", rule)
		}
		if o := w.observed(t, "v1").Outcomes; o != (stagger.Outcomes{ClientAbort: 1}) {
			t.Errorf("%s: counted %+v", rule, o)
		}
	}
}

// TestManyPipelinedRequestsAreAnsweredInOrder sends more at once than any buffer
// holds.
func TestManyPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", upstream(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.RequestURI)
	}))))
	const many = 1000
	conn := dial(t, w.url)
	go func() {
		var all strings.Builder
		for i := range many {
			fmt.Fprintf(&all, "GET /%d HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n", i, strings.Repeat("x", 100))
		}
		_, _ = io.WriteString(conn, all.String())
	}()
	reader := bufio.NewReader(conn)
	for i := range many {
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatalf("no answer to %d: %v", i, err)
		}
		if body, err := io.ReadAll(response.Body); err != nil || string(body) != fmt.Sprint("/", i) {
			t.Fatalf("%d got %q, %v", i, body, err)
		}
	}
}

// TestFloodsAreRefusedAndTheNextRequestIsNot: each more than a request may hold.
func TestFloodsAreRefusedAndTheNextRequestIsNot(t *testing.T) {
	s := script(t, hello)
	w := run(t, proxy.Limits{HeaderBytes: 16 << 10}, service(version("v1", s.url)))
	many := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for rule, fields := range map[string]string{
		"fields":           many("X-%d: y\r\n", 5000),
		"one field":        "X: " + strings.Repeat("y", 100_000) + "\r\n",
		"a name":           strings.Repeat("x", 100_000) + ": y\r\n",
		"cookies":          many("Cookie: a%d=b\r\n", 5000),
		"one cookie":       "Cookie: " + many("a%d=b; ", 10_000) + "\r\n",
		"empty fields":     many("X%d:\r\n", 10_000),
		"one without CRLF": strings.Repeat("z", 200_000),
	} {
		answer := firstLine(t, w.url, "GET / HTTP/1.1\r\nHost: a\r\n"+fields+"\r\n")
		if !strings.HasPrefix(answer, "HTTP/1.1 431 ") && !strings.HasPrefix(answer, "HTTP/1.1 400 ") {
			t.Errorf("a flood of %s is answered with %.60q", rule, answer)
		}
	}
	if answer := firstLine(t, w.url, "GET /"+strings.Repeat("a", 200_000)+" HTTP/1.1\r\nHost: a\r\n\r\n"); !strings.HasPrefix(answer, "HTTP/1.1 4") {
		t.Errorf("a target without end is answered with %.60q", answer)
	}
	if n := len(s.heads); n > 0 {
		t.Errorf("%d floods reached the upstream", n)
	}
	if status, _, body := get(t, client(t), w.url); status != 200 || body != "hello" {
		t.Errorf("the next request gets %d %q", status, body)
	}
}

// TestAnUpstreamsFloodIsABadGateway: an answer whose head has no end.
func TestAnUpstreamsFloodIsABadGateway(t *testing.T) {
	for rule, answer := range map[string]string{
		"one field": "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", 1<<20) + "\r\nContent-Length: 5\r\n\r\nhello<close>",
		"fields":    "HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", 200_000) + "Content-Length: 5\r\n\r\nhello<close>",
		"no line":   "HTTP/1.1 " + strings.Repeat("2", 1<<20) + "<close>",
	} {
		w := run(t, proxy.Limits{}, service(version("v1", script(t, answer).url)))
		if status, _, _ := get(t, client(t), w.url); status != http.StatusBadGateway {
			t.Errorf("a flood of %s: status %d", rule, status)
		}
		if o := w.observed(t, "v1").Outcomes; o != (stagger.Outcomes{ConnectError: 1}) {
			t.Errorf("a flood of %s: counted %+v", rule, o)
		}
	}
}

// TestATrailerWithoutEndIsCutOff, the client's and the upstream's.
func TestATrailerWithoutEndIsCutOff(t *testing.T) {
	flood := strings.Repeat("X: y\r\n", 300_000)
	t.Run("the upstream's", func(t *testing.T) {
		s := script(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"+flood+"\r\n<close>")
		w := run(t, proxy.Limits{}, service(version("v1", s.url)))
		conn := dial(t, w.url)
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(response.Body); err == nil {
			t.Error("the answer looks whole")
		}
	})
	t.Run("the client's", func(t *testing.T) {
		w := run(t, proxy.Limits{}, service(version("v1", upstream(t, func(_ http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				panic(http.ErrAbortHandler)
			}
		}))))
		answer := say(t, w.url, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"+flood+"\r\n")
		if strings.HasPrefix(answer, "HTTP/1.1 2") {
			t.Errorf("it is answered with %.60q", answer)
		}
	})
}

// TestEveryInterimAnswerPassesInOrder, and none of them is taken for the answer.
func TestEveryInterimAnswerPassesInOrder(t *testing.T) {
	s := script(t, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b>\r\n\r\n"+hello)
	w := run(t, proxy.Limits{}, service(version("v1", s.url)))
	conn := dial(t, w.url)
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	reader := textproto.NewReader(bufio.NewReader(conn))
	var got []string
	for len(got) < 4 {
		line, err := reader.ReadLine()
		if err != nil {
			t.Fatal(err)
		}
		header, err := reader.ReadMIMEHeader()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, line[9:12]+header.Get("Link"))
	}
	if want := "[103</a> 102 103</b> 200]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// TestAnExpectationIsTheUpstreamsToMeet (RFC 9110, section 10.1.1).
func TestAnExpectationIsTheUpstreamsToMeet(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-No") != "" {
			w.WriteHeader(http.StatusExpectationFailed)
			return
		}
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	}))))
	conn := dial(t, w.url)
	reader := bufio.NewReader(conn)
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
	if interim, err := http.ReadResponse(reader, nil); err != nil || interim.StatusCode != http.StatusContinue {
		t.Fatalf("got %v, %v", interim, err)
	}
	if response, body := ask(t, conn, reader, "POST", "abc"); response.StatusCode != http.StatusOK || body != "abc" {
		t.Errorf("got %d %q", response.StatusCode, body)
	}
	// Whoever waited for the body before would do so each time.
	soonest := time.Hour
	for range 5 {
		conn = dial(t, w.url)
		reader = bufio.NewReader(conn)
		begin := time.Now()
		response, _ := ask(t, conn, reader, "POST", "POST / HTTP/1.1\r\nHost: a\r\nX-No: 1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
		soonest = min(soonest, time.Since(begin))
		if response.StatusCode != http.StatusExpectationFailed {
			t.Errorf("got %d", response.StatusCode)
		}
		if !response.Close {
			t.Error("the connection stays open with a body that may come or not")
		}
	}
	if soonest > 900*time.Millisecond {
		t.Errorf("no answer came sooner than after %v", soonest)
	}
}
