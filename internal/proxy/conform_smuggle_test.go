package proxy_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/stagger-dev/stagger/internal/proxy"
)

// smuggled is a request inside another one. No upstream may take it for one of
// its own.
const smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

// witness is an upstream that tells which targets it was asked for. It answers
// each request with its path.
type witness struct {
	url  string
	seen func(t *testing.T) []string
	kill func() // as kill -9 does; nil for one within this process
}

// witnesses are upstreams that read requests each in their own way.
var witnesses = map[string]func(*testing.T) witness{"net-http": goWitness, "nginx": nginxWitness}

func goWitness(t *testing.T) witness {
	t.Helper()
	var mu sync.Mutex
	var seen []string
	url := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen = append(seen, r.RequestURI)
		mu.Unlock()
		if !strings.HasPrefix(r.URL.Path, "/unread") {
			_, _ = io.Copy(io.Discard, r.Body)
		}
		_, _ = io.WriteString(w, r.URL.Path)
	})
	return witness{url: url, seen: func(*testing.T) []string {
		mu.Lock()
		defer mu.Unlock()
		return seen
	}}
}

// nginxWitness is a real nginx. Its access log tells what it took for a request,
// whatever it answered.
func nginxWitness(t *testing.T) witness {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx" // where not everybody searches
	}
	if _, err := os.Stat(program); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("nginx is missing; make setup installs it")
		}
		t.Skip("nginx is missing")
	}
	dir := t.TempDir()
	address := strings.TrimPrefix(unused(t), "http://")
	log, conf := filepath.Join(dir, "access.log"), filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(`daemon off; master_process off; worker_processes 1; pid %[1]s/pid; error_log stderr emerg;
events {}
http {
  log_format target '$request_uri'; access_log %[2]s target;
  client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
  server { listen %[3]s; location / { return 200 $uri; } }
}`, dir, log, address)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-c", conf, "-e", "stderr")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	t.Cleanup(kill)
	eventually(t, "nginx to listen", func() bool {
		var d net.Dialer
		c, err := d.DialContext(t.Context(), "tcp", address)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return witness{url: "http://" + address, kill: kill, seen: func(t *testing.T) []string {
		raw, err := os.ReadFile(log)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return strings.Fields(string(raw))
	}}
}

// smuggling are requests that two readers could end in different places, or of
// which one could make two.
func smuggling() map[string]string {
	n := len(smuggled)
	post := func(fields ...string) string {
		return "POST /a HTTP/1.1\r\nHost: a\r\n" + strings.Join(fields, "\r\n") + "\r\n\r\n"
	}
	length := fmt.Sprintf("Content-Length: %d", n)
	const coded = "Transfer-Encoding: chunked"
	all := map[string]string{
		"CL.TE":                          post(fmt.Sprintf("Content-Length: %d", n+5), coded) + "0\r\n\r\n" + smuggled,
		"TE.CL":                          post(coded, "Content-Length: 4") + fmt.Sprintf("%x\r\n", n) + smuggled + "\r\n0\r\n\r\n",
		"CL.CL":                          post("Content-Length: 0", length) + smuggled,
		"a length of nothing and CL":     post("Content-Length:", length) + smuggled,
		"a length named as hop-by-hop":   post("Connection: Content-Length", length) + smuggled,
		"a coding named as hop-by-hop":   post("Connection: Transfer-Encoding", coded) + fmt.Sprintf("%x\r\n", n) + smuggled + "\r\n0\r\n\r\n",
		"a host named as hop-by-hop":     post("Connection: Host", length) + smuggled,
		"a length in hexadecimal":        post(fmt.Sprintf("Content-Length: 0x%x", n)) + smuggled,
		"a length with an exponent":      post("Content-Length: 0e0") + smuggled,
		"a length of two numbers":        post(fmt.Sprintf("Content-Length: 0 %d", n)) + smuggled,
		"a length that overflows":        post("Content-Length: 18446744073709551616") + smuggled,
		"a length in a folded line":      post("X: y\r\n Content-Length: 0", length) + smuggled,
		"a length below a bare LF":       post("X: y\nContent-Length: 0", length) + smuggled,
		"a length behind a bare CR":      post("X: y\rContent-Length: 0", length) + smuggled,
		"GET with a length":              "GET /a HTTP/1.1\r\nHost: a\r\n" + length + "\r\n\r\n" + smuggled,
		"HEAD with a length":             "HEAD /a HTTP/1.1\r\nHost: a\r\n" + length + "\r\n\r\n" + smuggled,
		"HTTP/1.0 with chunks":           "POST /a HTTP/1.0\r\nHost: a\r\n" + coded + "\r\n\r\n0\r\n\r\n" + smuggled,
		"an empty line in a value":       "GET /a HTTP/1.1\r\nHost: a\r\nX: y\n\n" + smuggled,
		"CRs in place of lines":          "GET /a HTTP/1.1\rHost: a\r\r" + smuggled,
		"a target with a request in it":  "GET /a HTTP/1.1\nHost: a\n\n" + smuggled + " HTTP/1.1\r\nHost: a\r\n\r\n",
		"two hosts":                      "GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n" + length + "\r\n\r\n" + smuggled,
		"a chunk that ends too early":    post(coded) + "3\r\nabcd\r\n0\r\n\r\n" + smuggled,
		"a chunk of negative size":       post(coded) + "-1\r\n\r\n0\r\n\r\n" + smuggled,
		"a chunk size with a sign":       post(coded) + "+0\r\n\r\n" + smuggled,
		"a chunk size in C":              post(coded) + "0x0\r\n\r\n" + smuggled,
		"a chunk size with a blank":      post(coded) + "0 \r\n\r\n" + smuggled,
		"a chunk size that overflows":    post(coded) + "10000000000000000\r\n\r\n0\r\n\r\n" + smuggled,
		"a chunk size of many zeros":     post(coded) + strings.Repeat("0", 300) + "\r\n\r\n" + smuggled,
		"a chunk without a size":         post(coded) + "\r\n\r\n" + smuggled,
		"chunks with bare LF":            post(coded) + "0\n\n" + smuggled,
		"a chunk's end with a bare LF":   post(coded) + "1\r\na\n0\r\n\r\n" + smuggled,
		"an extension with a bare LF":    post(coded) + "0;x\n\r\n" + smuggled,
		"an extension with a bare CR":    post(coded) + "0;x\ry\r\n\r\n" + smuggled,
		"an extension that quotes a CR":  post(coded) + "0;x=\"\r\n\r\n\"" + smuggled,
		"an extension without end":       post(coded) + "1;" + strings.Repeat("x", 100_000) + "\r\na\r\n0\r\n\r\n" + smuggled,
		"a trailer that frames":          post(coded) + "0\r\n" + length + "\r\n\r\n",
		"a trailer that is no field":     post(coded) + "0\r\n" + smuggled,
		"a trailer with a bare LF":       post(coded) + "0\r\nX: y\n\n" + smuggled,
		"an answer before the body":      "POST /unread HTTP/1.1\r\nHost: a\r\n" + length + "\r\n\r\n" + smuggled,
		"an expectation that is ignored": "POST /unread HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n" + length + "\r\n\r\n" + smuggled,
		"an upgrade to HTTP/2":           post("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__", length) + smuggled,
		"an upgrade that is refused":     post("Connection: Upgrade", "Upgrade: websocket", length) + smuggled,
	}
	for i, coding := range []string{
		"Transfer-Encoding: xchunked", "Transfer-Encoding: identity", "Transfer-Encoding: chunked, identity", "Transfer-Encoding: \"chunked\"",
		"Transfer-Encoding : chunked", "Transfer-Encoding:\x0bchunked", "Transfer-Encoding:\x00chunked", "Transfer-Encoding: chunked\x00",
		"Transfer-Encoding\n: chunked", "X: y\nTransfer-Encoding: chunked", "X: y\rTransfer-Encoding: chunked", " Transfer-Encoding: chunked",
		"Transfer-Encoding:\r\n chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x", "Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
		"Transfer-Encoding: chunked\r\n , x", "Transfer-Encoding: chunked;q=1", "Transfer-Encoding: ,chunked", "Transfer_Encoding: chunked",
		"Transfer-Encoding: chun\xe2\x84\xaaed", "Transfer-Encoding; chunked", "Foo: bar\r\n\tTransfer-Encoding: chunked",
	} {
		all[fmt.Sprintf("TE.TE %d", i)] = post(length, coding) + smuggled
		all[fmt.Sprintf("TE.TE %d, a chunk of none", i)] = post(fmt.Sprintf("Content-Length: %d", n+5), coding) + "0\r\n\r\n" + smuggled
	}
	return all
}

// TestNoRequestHidesInAnother sends each over a connection of its own, and then
// asks for something else over what is left of the upstream's: it must get its
// own answer.
func TestNoRequestHidesInAnother(t *testing.T) {
	for name, begin := range witnesses {
		t.Run(name, func(t *testing.T) {
			witness := begin(t)
			s := service(version("v1", witness.url))
			s.Timeouts.Idle = time.Second
			w := run(t, proxy.Limits{}, s)
			c := client(t)
			for rule, text := range smuggling() {
				before := len(witness.seen(t))
				answer := say(t, w.url, text)
				for range 2 {
					if status, _, body := get(t, c, w.url+"/next"); status != http.StatusOK || body != "/next" {
						t.Errorf("%s: what comes next gets %d %q", rule, status, body)
					}
				}
				for _, target := range witness.seen(t)[before:] {
					if strings.Contains(target, "smuggled") {
						t.Errorf("%s: a request came out of it; the answer was %q", rule, answer)
					}
				}
			}
		})
	}
}

// say sends text and then the end, and returns all that comes back.
func say(t *testing.T, url, text string) string {
	t.Helper()
	conn := dial(t, url)
	defer func() { _ = conn.Close() }()
	go func() { _, _ = io.WriteString(conn, text) }()
	_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // some wait for more, and rightly
	answer, _ := io.ReadAll(conn)
	return string(answer)
}

// firstLine sends text and returns the first line of the answer, which must
// come.
func firstLine(t *testing.T, url, text string) string {
	t.Helper()
	conn := dial(t, url)
	defer func() { _ = conn.Close() }()
	go func() { _, _ = io.WriteString(conn, text) }()
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Errorf("no answer: %v", err)
	}
	return line
}

// TestNoRequestOfHTTP2BecomesTwo: what HTTP/1.1 would cut into lines is refused
// in HTTP/2, where nothing is cut.
func TestNoRequestOfHTTP2BecomesTwo(t *testing.T) {
	witness := goWitness(t)
	w := run(t, proxy.Limits{}, service(version("v1", witness.url)))
	plain := []string{":method", "POST", ":scheme", "http", ":authority", "a", ":path", "/a"}
	with := func(pairs ...string) []string { return append(append([]string(nil), plain...), pairs...) }
	for rule, fields := range map[string][]string{
		"a value with lines":    with("x", "y\r\n\r\n"+smuggled),
		"a value with a LF":     with("x", "y\nTransfer-Encoding: chunked"),
		"a value with a zero":   with("x", "y\x00"),
		"a name with a colon":   with("transfer-encoding: chunked\r\nx", "y"),
		"a name with a blank":   with("content-length ", "0"),
		"a coding":              with("transfer-encoding", "chunked"),
		"a length that is less": with("content-length", "0"),
		"a length that is more": with("content-length", "1000"),
		"two lengths":           with("content-length", "0", "content-length", fmt.Sprint(len(smuggled))),
		"a target with lines":   {":method", "POST", ":scheme", "http", ":authority", "a", ":path", "/a HTTP/1.1\r\nHost: a\r\n\r\n" + smuggled},
		"a target with a blank": {":method", "POST", ":scheme", "http", ":authority", "a", ":path", "/a /smuggled"},
		"a method with lines":   {":method", smuggled + "POST", ":scheme", "http", ":authority", "a", ":path", "/a"},
		"a host with lines":     {":method", "POST", ":scheme", "http", ":authority", "a\r\n\r\n" + smuggled, ":path", "/a"},
		"two targets":           with(":path", "/smuggled"),
		"a host beside another": with("host", "b\r\n\r\n"+smuggled),
	} {
		before := len(witness.seen(t))
		sayH2(t, w.url, fields)
		if status, _, body := get(t, client(t), w.url+"/next"); status != http.StatusOK || body != "/next" {
			t.Errorf("%s: what comes next gets %d %q", rule, status, body)
		}
		for _, target := range witness.seen(t)[before:] {
			if target != "/a" && target != "/next" {
				t.Errorf("%s: the upstream was asked for %q", rule, target)
			}
		}
	}
}

// sayH2 sends one request with these fields and a body that is a request, and
// waits for an end of any kind.
func sayH2(t *testing.T, url string, fields []string) {
	t.Helper()
	conn := dial(t, url)
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	_, _ = io.WriteString(conn, http2.ClientPreface)
	framer := http2.NewFramer(conn, conn)
	var head bytes.Buffer
	encoder := hpack.NewEncoder(&head)
	for i := 0; i < len(fields); i += 2 {
		if err := encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}); err != nil {
			t.Fatal(err)
		}
	}
	_ = framer.WriteSettings()
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head.Bytes(), EndHeaders: true})
	_ = framer.WriteData(1, true, []byte(smuggled))
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		switch f := frame.(type) {
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return
		case *http2.DataFrame:
			if f.StreamEnded() {
				return
			}
		case *http2.HeadersFrame:
			if f.StreamEnded() {
				return
			}
		}
	}
}
