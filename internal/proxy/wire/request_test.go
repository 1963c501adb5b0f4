package wire_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stagger-dev/stagger/internal/proxy/wire"
)

// unusual are requests that are malformed or ambiguous, and those that want
// something of the connection.
var unusual = map[string]string{
	"a length and chunks":         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
	"chunks and a length":         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n",
	"two lengths":                 "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n",
	"the same length twice":       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\n",
	"a list of lengths":           "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4, 4\r\n\r\n",
	"a length with a sign":        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\n",
	"a negative length":           "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -4\r\n\r\n",
	"a length without digits":     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n",
	"a length that overflows":     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
	"a folded line":               "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
	"a folded first line":         "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
	"a space before the colon":    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n",
	"a line without a colon":      "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
	"a field without a name":      "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n",
	"an unknown coding":           "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
	"a look-alike coding":         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
	"a coding with a Kelvin":      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chun\u212aed\r\n\r\n",
	"two codings":                 "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
	"a bare carriage return":      "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
	"a bare line feed":            "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
	"a zero byte":                 "GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
	"no host":                     "GET / HTTP/1.1\r\n\r\n",
	"an empty host":               "GET / HTTP/1.1\r\nHost:\r\n\r\n",
	"two hosts":                   "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
	"two empty hosts":             "GET / HTTP/1.1\r\nHost:\r\nHost: b\r\n\r\n",
	"a host with a path":          "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
	"no version":                  "GET /\r\n\r\n",
	"HTTP/1.0":                    "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
	"HTTP/2":                      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	"two spaces":                  "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
	"a blank at the end":          "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
	"a line before the request":   "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
	"another protocol":            "\x16\x03\x01\x02\x00\x01\r\n\r\n",
	"a tunnel":                    "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n",
	"a target with its host":      "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
	"a target that is a star":     "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
	"a target with a fragment":    "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n",
	"a broken escape":             "GET /%2 HTTP/1.1\r\nHost: a\r\n\r\n",
	"a path that is to be mended": "GET /\"a\" HTTP/1.1\r\nHost: a\r\n\r\n",
	"an upgrade":                  "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
	"an expectation":              "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
	"trailers":                    "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n",
	"a trailer":                   "POST / HTTP/1.1\r\nHost: a\r\nTrailer: X\r\nTransfer-Encoding: chunked\r\n\r\n",
	"a call of gRPC":              "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc+proto\r\n\r\n",
}

func TestNothingAmbiguousIsPlain(t *testing.T) {
	for rule, text := range unusual {
		t.Run(rule, func(t *testing.T) {
			var r wire.Request
			if got := r.Parse([]byte(text)); got != wire.Unusual {
				t.Errorf("%q is %d", text, got)
			}
		})
	}
}

func TestAPlainRequestIsReadToItsEnd(t *testing.T) {
	const head = "POST /a%2Fb//c?x=1;y=%20 HTTP/1.1\r\nHost:  shop.example.org:80\t\r\nX-Empty:\r\nconnection: X-A, close\r\nContent-Length: 3\r\n\r\n"
	b := []byte(head + "abcGET ")
	var r wire.Request
	if got := r.Parse(b); got != wire.Complete {
		t.Fatalf("it is %d", got)
	}
	for name, is := range map[string]bool{
		"size":   r.Size == len(head),
		"method": string(r.Method.Of(b)) == "POST",
		"target": string(r.Target.Of(b)) == "/a%2Fb//c?x=1;y=%20",
		"path":   string(wire.AppendPath(nil, r.Path.Of(b))) == "/a/b//c" && r.Escaped,
		"host":   string(r.Host.Of(b)) == "shop.example.org:80",
		"length": r.Length == 3 && !r.Chunked,
		"close":  r.Close && r.Listing,
		"fields": len(r.Fields) == 4 && string(r.Fields[1].Line.Of(b)) == "X-Empty:\r\n",
	} {
		if !is {
			t.Errorf("the %s is wrong: %+v", name, r)
		}
	}
}

func TestHalfAHeadIsIncomplete(t *testing.T) {
	const head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	for n := range head {
		var r wire.Request
		if got := r.Parse([]byte(head[:n])); got != wire.Incomplete {
			t.Errorf("%q is %d", head[:n], got)
		}
	}
}

func TestReadingAHeadAllocatesNothing(t *testing.T) {
	head := []byte("GET /api/users?page=2 HTTP/1.1\r\nHost: shop.example.org\r\nUser-Agent: test/1.0\r\nAccept: */*\r\n\r\n")
	var r wire.Request
	r.Parse(head) // makes room for the fields
	if n := testing.AllocsPerRun(100, func() { r.Parse(head) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzRequest holds what is plain against net/http: it takes the same for a
// request, and finds the same in it.
func FuzzRequest(f *testing.F) {
	for _, text := range unusual {
		f.Add([]byte(text))
	}
	f.Add([]byte("POST /a%2Fb?x HTTP/1.1\r\nHost: a:80\r\nX: 1\r\nX: 2 \r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"))
	f.Add([]byte("POST /a HTTP/1.1\r\nhost:a\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nX: y\r\n\r\nGET"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r wire.Request
		if r.Parse(b) != wire.Complete {
			return
		}
		source := bytes.NewReader(b)
		buffered := bufio.NewReaderSize(source, 16)
		theirs, err := http.ReadRequest(buffered)
		if err != nil {
			t.Fatalf("net/http refuses %q: %v", b, err)
		}
		sameHead(t, b, &r, theirs)
		sameBody(t, b, &r, theirs, func() int { return len(b) - source.Len() - buffered.Buffered() })
	})
}

func sameHead(t *testing.T, b []byte, r *wire.Request, theirs *http.Request) {
	t.Helper()
	if got := string(r.Method.Of(b)); got != theirs.Method {
		t.Errorf("method %q, net/http says %q", got, theirs.Method)
	}
	if got := string(r.Target.Of(b)); got != theirs.RequestURI || got != theirs.URL.RequestURI() {
		t.Errorf("target %q, net/http says %q and would send %q", got, theirs.RequestURI, theirs.URL.RequestURI())
	}
	if got := string(wire.AppendPath(nil, r.Path.Of(b))); got != theirs.URL.Path {
		t.Errorf("path %q, net/http says %q", got, theirs.URL.Path)
	}
	if got := string(r.Host.Of(b)); got != theirs.Host {
		t.Errorf("host %q, net/http says %q", got, theirs.Host)
	}
	if r.Close != theirs.Close {
		t.Errorf("close %v, net/http says %v", r.Close, theirs.Close)
	}
	header := make(http.Header)
	for _, f := range r.Fields {
		switch name := http.CanonicalHeaderKey(string(f.Name.Of(b))); name {
		case "Host", "Transfer-Encoding": // net/http keeps them elsewhere
		default:
			header[name] = append(header[name], string(f.Value.Of(b)))
		}
	}
	for name, values := range header {
		if strings.Join(values, "\n") != strings.Join(theirs.Header[name], "\n") {
			t.Errorf("%s is %q, net/http says %q", name, values, theirs.Header[name])
		}
	}
	if len(header) < len(theirs.Header) {
		t.Errorf("%d fields, net/http says %d", len(header), len(theirs.Header))
	}
}

// sameBody: where the body ends the next request begins.
func sameBody(t *testing.T, b []byte, r *wire.Request, theirs *http.Request, taken func() int) {
	t.Helper()
	_, err := io.Copy(io.Discard, theirs.Body)
	rest := b[r.Size:]
	if r.Chunked {
		var c wire.Chunks
		if n, ok := c.Feed(rest); ok && c.Done() {
			if err != nil || r.Size+n != taken() {
				t.Errorf("%q ends at %d, net/http says %d, %v", b, r.Size+n, taken(), err)
			}
		}
		return
	}
	length := max(r.Length, 0)
	if whole := int64(len(rest)) >= length; whole != (err == nil) {
		t.Fatalf("the body of %d bytes of %q is whole: %v, net/http says %v", length, b, whole, err)
	}
	if err == nil && int64(r.Size)+length != int64(taken()) {
		t.Errorf("%q ends at %d, net/http says %d", b, int64(r.Size)+length, taken())
	}
}
