package proxy_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/proxy"
)

// seen sends one request through a proxy and returns it as the upstream saw it.
func seen(t *testing.T, c *http.Client, set func(*http.Request)) *http.Request {
	t.Helper()
	got := make(chan *http.Request, 1)
	w := run(t, proxy.Limits{}, service(version("v1", upstream(t, func(_ http.ResponseWriter, r *http.Request) { got <- r }))))
	get(t, c, w.url+"/a%2Fb//c?x=1;y=%20", set)
	return <-got
}

func TestTheRequestTheUpstreamSees(t *testing.T) {
	r := seen(t, client(t), func(r *http.Request) {
		r.Host = "shop.example.org"
		r.Header = http.Header{
			"Connection":        {"X-Private, keep-alive"},
			"X-Private":         {"secret"},
			"Keep-Alive":        {"5"},
			"Proxy-Connection":  {"keep-alive"},
			"Te":                {"trailers, deflate"},
			"Traceparent":       {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
			"X-Forwarded-For":   {"203.0.113.7"},
			"X-Forwarded-Proto": {"https"},
			"X-Twice":           {"a", "b"},
			"User-Agent":        {""},
		}
	})
	if r.RequestURI != "/a%2Fb//c?x=1;y=%20" {
		t.Errorf("target %s", r.RequestURI)
	}
	if r.Host != "shop.example.org" {
		t.Errorf("host %s", r.Host)
	}
	want := http.Header{
		"Te":                {"trailers"},
		"Traceparent":       {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
		"X-Forwarded-For":   {"127.0.0.1"}, // nobody is trusted: see way_test.go
		"X-Forwarded-Host":  {"shop.example.org"},
		"X-Forwarded-Proto": {"http"},
		"X-Twice":           {"a", "b"},
	}
	if diff := cmp.Diff(r.Header, want); diff != "" {
		t.Error(diff)
	}
}

func TestTheAnswerTheClientSees(t *testing.T) {
	for _, row := range []struct {
		rule   string
		method string
		answer http.HandlerFunc
		status int
		header http.Header
		body   string
	}{
		{"fields of the connection stay behind", http.MethodGet, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "X-Private")
			w.Header().Set("X-Private", "secret")
			w.Header().Set("Keep-Alive", "timeout=5")
			w.Header().Set("X-Public", "yes")
			_, _ = io.WriteString(w, "hello")
		}, 200, http.Header{"X-Public": {"yes"}, "Content-Length": {"5"}, "Content-Type": {"text/plain; charset=utf-8"}}, "hello"},
		{"HEAD keeps the length", http.MethodHead, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1234")
		}, 200, http.Header{"Content-Length": {"1234"}}, ""},
		{"204 has no body", http.MethodGet, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, 204, http.Header{}, ""},
		{"304 has no body", http.MethodGet, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Etag", `"x"`)
			w.WriteHeader(http.StatusNotModified)
		}, 304, http.Header{"Etag": {`"x"`}}, ""},
		{"redirects are the client's to follow", http.MethodGet, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/there")
			w.WriteHeader(http.StatusFound)
		}, 302, http.Header{"Location": {"/there"}, "Content-Length": {"0"}}, ""},
		{"no type is guessed", http.MethodGet, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			_, _ = io.WriteString(w, "<html>")
		}, 200, http.Header{"Content-Length": {"6"}}, "<html>"},
		{"errors pass as they are", http.MethodGet, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, "theirs")
		}, 503, http.Header{"Content-Length": {"6"}, "Content-Type": {"text/plain; charset=utf-8"}}, "theirs"},
	} {
		for proto, speak := range protocols {
			t.Run(row.rule+" "+proto, func(t *testing.T) {
				w := run(t, proxy.Limits{}, service(version("v1", upstream(t, row.answer))))
				c := speak(t)
				response, err := c.Do(request(t, row.method, w.url, nil))
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = response.Body.Close() }()
				body, err := io.ReadAll(response.Body)
				if err != nil {
					t.Fatal(err)
				}
				if got := response.Header.Get("X-Version"); got != "v1" {
					t.Errorf("version header %q", got)
				}
				response.Header.Del("X-Version")
				response.Header.Del("Date")
				if response.StatusCode != row.status || string(body) != row.body {
					t.Errorf("got %d %q, want %d %q", response.StatusCode, body, row.status, row.body)
				}
				if diff := cmp.Diff(response.Header, row.header); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestStreamsArriveBeforeTheyEnd(t *testing.T) {
	for proto, speak := range protocols {
		t.Run(proto, func(t *testing.T) {
			next := make(chan struct{})
			w := run(t, proxy.Limits{}, service(version("v1", upstream(t, func(w http.ResponseWriter, _ *http.Request) {
				control := http.NewResponseController(w)
				_ = control.Flush()
				for i := range 3 {
					<-next
					_, _ = fmt.Fprintf(w, "piece %d\n", i)
					_ = control.Flush()
				}
			}))))
			c := speak(t)
			response, err := c.Do(request(t, http.MethodGet, w.url, nil)) // the header alone
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = response.Body.Close() }()
			lines := bufio.NewReader(response.Body)
			for i := range 3 {
				next <- struct{}{}
				line, err := lines.ReadString('\n')
				if want := fmt.Sprintf("piece %d\n", i); err != nil || line != want {
					t.Fatalf("got %q and %v, want %q", line, err, want)
				}
			}
			if _, err := lines.ReadByte(); !errors.Is(err, io.EOF) {
				t.Errorf("after the last piece: %v", err)
			}
		})
	}
}

func TestASlowBodyOfKnownLengthArrivesAsItComes(t *testing.T) {
	next := make(chan struct{})
	w := run(t, proxy.Limits{}, service(version("v1", upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "4")
		_, _ = io.WriteString(w, "ab")
		_ = http.NewResponseController(w).Flush()
		<-next
		_, _ = io.WriteString(w, "cd")
	}))))
	response, err := client(t).Do(request(t, http.MethodGet, w.url, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	half := make([]byte, 2)
	if _, err := io.ReadFull(response.Body, half); err != nil || string(half) != "ab" {
		t.Fatalf("got %q, %v", half, err)
	}
	close(next)
	if rest, err := io.ReadAll(response.Body); err != nil || string(rest) != "cd" {
		t.Fatalf("got %q, %v", rest, err)
	}
}

func TestTrailersPass(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Trailer", "X-Announced")
		_, _ = io.WriteString(w, "body")
		w.Header().Set("X-Announced", r.Trailer.Get("X-Sum"))
		w.Header().Set(http.TrailerPrefix+"X-Unannounced", "surprise")
	})
	for _, row := range []struct {
		name     string
		client   *http.Client
		upstream string
	}{
		{"h1 to h1", client(t), strings.Replace(upstreamH2C(t, handler), "h2c:", "http:", 1)},
		{"h2 to h2", client(t, h2c), upstreamH2C(t, handler)},
		{"h1 to h2", client(t), upstreamH2C(t, handler)},
		{"h2 to h1", client(t, h2c), strings.Replace(upstreamH2C(t, handler), "h2c:", "http:", 1)},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := run(t, proxy.Limits{}, service(version("v1", row.upstream)))
			r := request(t, http.MethodPost, w.url, io.MultiReader(strings.NewReader("some"), strings.NewReader("thing")))
			r.Trailer = http.Header{"X-Sum": {"9"}}
			response, err := row.client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = response.Body.Close() }()
			if _, err := io.ReadAll(response.Body); err != nil {
				t.Fatal(err)
			}
			want := http.Header{"X-Announced": {"9"}, "X-Unannounced": {"surprise"}}
			if diff := cmp.Diff(response.Trailer, want); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestInterimAnswersPass(t *testing.T) {
	for proto, speak := range protocols {
		t.Run(proto, func(t *testing.T) {
			w := run(t, proxy.Limits{}, service(version("v1", upstream(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Link", "</style.css>; rel=preload")
				w.WriteHeader(http.StatusEarlyHints)
				w.Header().Del("Link")
				_, _ = io.WriteString(w, "done")
			}))))
			var hints []string
			trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
				hints = append(hints, fmt.Sprint(code, " ", h.Get("Link")))
				return nil
			}}
			c := speak(t)
			_, header, body := get(t, c, w.url, func(r *http.Request) {
				*r = *r.WithContext(httptrace.WithClientTrace(r.Context(), trace))
			})
			if body != "done" || header.Get("Link") != "" {
				t.Errorf("got %q, Link %q", body, header.Get("Link"))
			}
			if diff := cmp.Diff(hints, []string{"103 </style.css>; rel=preload"}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestExpectContinue(t *testing.T) {
	for _, row := range []struct {
		rule   string
		accept bool
		lines  []string
	}{
		{"the upstream wants the body", true, []string{"HTTP/1.1 100 Continue", "HTTP/1.1 200 OK"}},
		{"the upstream refuses it unseen", false, []string{"HTTP/1.1 403 Forbidden"}},
	} {
		t.Run(row.rule, func(t *testing.T) {
			w := run(t, proxy.Limits{}, service(version("v1", upstream(t, func(w http.ResponseWriter, r *http.Request) {
				if !row.accept {
					w.WriteHeader(http.StatusForbidden)
					return
				}
				_, _ = io.Copy(w, r.Body)
			}))))
			conn := dial(t, w.url)
			_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
			text := textproto.NewReader(bufio.NewReader(conn))
			for i, want := range row.lines {
				line, err := text.ReadLine()
				if err != nil || line != want {
					t.Fatalf("line %d: %q, %v; want %q", i, line, err, want)
				}
				if _, err := text.ReadMIMEHeader(); err != nil {
					t.Fatal(err)
				}
				if strings.Contains(want, "100") {
					_, _ = io.WriteString(conn, "hello")
				}
			}
			if n := w.observed(t, "v1").Started; n != 1 {
				t.Errorf("%d requests were counted, want 1", n)
			}
		})
	}
}

func TestAnAnswerDoesNotWaitForTheRequest(t *testing.T) {
	for proto, speak := range protocols {
		t.Run(proto, func(t *testing.T) {
			w := run(t, proxy.Limits{}, service(version("v1", upstream(t, func(w http.ResponseWriter, r *http.Request) {
				control := http.NewResponseController(w)
				_ = control.EnableFullDuplex()
				_ = control.Flush()
				piece := make([]byte, 4)
				for {
					if _, err := io.ReadFull(r.Body, piece); err != nil {
						return
					}
					_, _ = w.Write(piece)
					_ = control.Flush()
				}
			}))))
			reader, writer := io.Pipe()
			r := request(t, http.MethodPost, w.url, reader)
			c := speak(t)
			response, err := c.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = response.Body.Close() }()
			echo := make([]byte, 4)
			for range 3 {
				if _, err := io.WriteString(writer, "ping"); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(response.Body, echo); err != nil || string(echo) != "ping" {
					t.Fatalf("got %q, %v", echo, err)
				}
			}
			_ = writer.Close()
			if _, err := io.ReadAll(response.Body); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestAnEarlyAnswerToALongUploadArrives(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "no")
	}))))
	response, _, conn := raw(t, w.url, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\nbegin")
	if body, err := io.ReadAll(response.Body); response.StatusCode != http.StatusForbidden || string(body) != "no" || err != nil {
		t.Errorf("got %d %q, %v", response.StatusCode, body, err)
	}
	if !response.Close {
		t.Error("the connection stays open with half a request on it")
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("something follows the answer")
	}
}

func TestMalformedRequestsGoNowhere(t *testing.T) {
	var reached atomic.Int64
	w := run(t, proxy.Limits{}, service(version("v1", upstream(t, func(http.ResponseWriter, *http.Request) { reached.Add(1) }))))
	for _, row := range []struct {
		rule, text string
		status     int
	}{
		{"a length and chunks", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"chunks and a length", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400},
		{"two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd", 400},
		{"the same length twice", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd", 400},
		{"a list of lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4, 4\r\n\r\nabcd", 400},
		{"a length with a sign", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd", 400},
		{"a negative length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -4\r\n\r\nabcd", 400},
		{"an empty length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\nabcd", 400},
		{"a folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400},
		{"a folded framing", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400},
		{"a space before the colon", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400},
		{"an unknown coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400},
		{"a look-alike coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400},
		{"two codings", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"chunks in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"bare line feeds", "GET / HTTP/1.1\nHost: a\n\n", 400},
		{"a bare carriage return", "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400},
		{"a zero byte", "GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", 400},
		{"no host", "GET / HTTP/1.1\r\n\r\n", 400},
		{"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
		{"no version", "GET /\r\n\r\n", 400},
		{"another protocol", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
		{"a tunnel", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 405},
	} {
		t.Run(row.rule, func(t *testing.T) {
			before := reached.Load()
			response, reader, _ := raw(t, w.url, row.text)
			if response.StatusCode != row.status {
				t.Errorf("status %d, want %d", response.StatusCode, row.status)
			}
			_, _ = io.ReadAll(response.Body)
			if row.status == 400 {
				if _, err := reader.ReadByte(); err == nil {
					t.Error("the connection stays open")
				}
			}
			if reached.Load() != before {
				t.Error("it reached the upstream")
			}
		})
	}
}

func TestAHugeHeaderIsRefused(t *testing.T) {
	w := run(t, proxy.Limits{HeaderBytes: 8 << 10}, service(version("v1", named(t, "v1"))))
	status, _, _ := get(t, client(t), w.url, func(r *http.Request) { r.Header.Set("X-Bomb", strings.Repeat("a", 32<<10)) })
	if status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d", status)
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", upstream(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, r.URL.Path)
	}))))
	first, reader, _ := raw(t, w.url, "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"+
		"POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /c HTTP/1.1\r\nHost: a\r\n\r\n")
	for i, want := range []string{"/a", "/b", "/c"} {
		response := first
		if i > 0 {
			var err error
			if response, err = http.ReadResponse(reader, nil); err != nil {
				t.Fatal(err)
			}
		}
		if body, err := io.ReadAll(response.Body); err != nil || string(body) != want {
			t.Errorf("got %q, %v, want %q", body, err, want)
		}
	}
}

func TestTheClientGone(t *testing.T) {
	for proto, speak := range protocols {
		t.Run(proto, func(t *testing.T) {
			arrived, cancelled := make(chan struct{}), make(chan struct{})
			w := run(t, proxy.Limits{}, service(version("v1", upstream(t, func(_ http.ResponseWriter, r *http.Request) {
				close(arrived)
				<-r.Context().Done()
				close(cancelled)
			}))))
			c := speak(t)
			c.Timeout = 0
			r := request(t, http.MethodGet, w.url, nil)
			ctx, cancel := contextWithCancel(t)
			go func() {
				<-arrived
				cancel()
			}()
			if _, err := c.Do(r.WithContext(ctx)); err == nil {
				t.Fatal("an answer")
			}
			select {
			case <-cancelled:
			case <-time.After(30 * time.Second):
				t.Fatal("the upstream still works for nobody")
			}
			if o := w.observed(t, "v1").Outcomes; o != (stagger.Outcomes{ClientAbort: 1}) {
				t.Errorf("counted %+v", o)
			}
		})
	}
}

func TestWhoIsToBlame(t *testing.T) {
	silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for _, row := range []struct {
		rule    string
		answer  http.HandlerFunc
		request string
		status  int // 0: the connection breaks
		want    stagger.Outcomes
	}{
		{
			"an upstream that does not answer", silent,
			"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 504,
			stagger.Outcomes{Timeout: 1},
		},
		{
			"an upstream that hangs up before the header", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", 502,
			stagger.Outcomes{ConnectError: 1},
		},
		{"an upstream that hangs up in the middle", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, stagger.Outcomes{ConnectError: 1}},
		{"an upstream that hangs up in a stream", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, stagger.Outcomes{ConnectError: 1}},
		{"an upstream that falls silent in the middle", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			silent(w, r)
		}, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, stagger.Outcomes{Timeout: 1}},
		{
			"a client that stops sending", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) },
			"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf", 408,
			stagger.Outcomes{ClientAbort: 1},
		},
		{
			"a client that sends a broken chunk", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) },
			"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabXX", 400,
			stagger.Outcomes{ClientError: 1},
		},
	} {
		t.Run(row.rule, func(t *testing.T) {
			s := service(version("v1", upstream(t, row.answer)))
			if row.want.Timeout > 0 || row.status == http.StatusRequestTimeout { // else it is none of the matter
				s.Timeouts.Response, s.Timeouts.Idle = 500*time.Millisecond, 500*time.Millisecond
			}
			w := run(t, proxy.Limits{}, s)
			response, _, _ := raw(t, w.url, row.request)
			body, err := io.ReadAll(response.Body)
			switch {
			case row.status == 0 && err == nil:
				t.Errorf("half an answer looks whole: %q", body)
			case row.status != 0 && response.StatusCode != row.status:
				t.Errorf("status %d, want %d", response.StatusCode, row.status)
			case row.status != 0 && (len(body) > 100 || strings.Contains(string(body), "127.0.0.1")):
				t.Errorf("the answer tells too much: %q", body)
			}
			if o := w.observed(t, "v1").Outcomes; o != row.want {
				t.Errorf("counted %+v, want %+v", o, row.want)
			}
		})
	}
}

func TestADeadPooledConnectionIsReplacedAndCountedOnce(t *testing.T) {
	var served atomic.Int64
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
			go func() { // one answer per connection, then it dies on the next request
				defer func() { _ = conn.Close() }()
				reader := bufio.NewReader(conn)
				for i := range 2 {
					if _, err := http.ReadRequest(reader); err != nil || i == 1 {
						return
					}
					served.Add(1)
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				}
			}()
		}
	}()
	w := run(t, proxy.Limits{}, service(version("v1", "http://"+l.Addr().String())))
	c := client(t)
	for range 5 {
		if status, _, body := get(t, c, w.url); status != 200 || body != "ok" {
			t.Fatalf("got %d %q", status, body)
		}
	}
	o := w.observed(t, "v1")
	if o.Started != 5 || o.Outcomes != (stagger.Outcomes{OK: 5}) || served.Load() != 5 {
		t.Errorf("counted %+v, served %d", o, served.Load())
	}
}
