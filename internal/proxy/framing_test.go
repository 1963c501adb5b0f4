package proxy

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stagger-dev/stagger/internal/proxy/wire"
)

// fragments are what messages are drawn from: well-formed ones and the
// ingredients of smuggling.
var fragments = []string{
	"GET / HTTP/1.1\r\n", "POST /x HTTP/1.1\r\n", "POST / HTTP/1.0\r\n", "PRI * HTTP/2.0\r\n",
	"Host: a\r\n", "Content-Length: 3\r\n", "content-length:0\r\n", "Content-Length: 03\r\n", "Content-Length : 3\r\n",
	"Transfer-Encoding: chunked\r\n", "Transfer-Encoding:\tChunked \r\n", "Transfer-Encoding: chunKed\r\n",
	"X: y\r\n", " folded\r\n", "\r\n", "\n", "abc", "3\r\nabc\r\n", "0\r\n", "3;x=y\r\nabc\r\n", "a",
}

var messages = rapid.Custom(func(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(fragments), 1, 12).Draw(t, "fragments"), "")
})

func TestFramingDoesNotDependOnHowBytesArrive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := messages.Draw(t, "text")
		var whole, pieces framing
		wholeGood, wholeErr := whole.feed([]byte(text))
		good, rest := 0, []byte(text)
		var err error
		for len(rest) > 0 && err == nil {
			n := rapid.IntRange(1, len(rest)).Draw(t, "n")
			var fed int
			fed, err = pieces.feed(rest[:n])
			good, rest = good+fed, rest[n:]
		}
		if good != wholeGood || (err == nil) != (wholeErr == nil) || pieces != whole {
			t.Fatalf("at once: %d, %v; in pieces: %d, %v", wholeGood, wholeErr, good, err)
		}
	})
}

// TestFramingAgreesWithNetHTTP: where the framing sees a message end, net/http
// must see it end too. Otherwise one reads as body what the other reads as the
// next request.
func TestFramingAgreesWithNetHTTP(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := messages.Draw(t, "text")
		var f framing
		end := -1
		for i := range len(text) {
			if _, err := f.feed([]byte{text[i]}); err != nil {
				return // refused
			}
			if f.state == unframed {
				return
			}
			if f == (framing{}) { // between two messages
				end = i + 1
				break
			}
		}
		if end < 0 {
			return // incomplete
		}
		source := strings.NewReader(text)
		reader := bufio.NewReader(source)
		r, err := http.ReadRequest(reader)
		if err != nil {
			return // net/http is stricter
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Fatalf("net/http cannot read the body of %q: %v", text, err)
		}
		if got := len(text) - source.Len() - reader.Buffered(); got != end {
			t.Fatalf("%q ends at %d, net/http says %d", text, end, got)
		}
	})
}

func BenchmarkFraming(b *testing.B) {
	head := []byte("GET /api/users?page=2 HTTP/1.1\r\nHost: shop.example.org\r\nUser-Agent: benchmark/1.0\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br\r\nCookie: session=0123456789abcdef0123456789abcdef\r\n\r\n")
	b.SetBytes(int64(len(head)))
	b.ReportAllocs()
	var f framing
	for b.Loop() {
		if n, err := f.feed(head); n != len(head) || err != nil {
			b.Fatal(n, err)
		}
	}
}

func FuzzFraming(f *testing.F) {
	f.Add([]byte(strings.Join(fragments[:6], "")))
	f.Add([]byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var one framing
		n, err := one.feed(text)
		if n < 0 || n > len(text) || (err == nil) != (n == len(text)) {
			t.Fatalf("%d of %d bytes are good, %v", n, len(text), err)
		}
		if bytes.HasPrefix(text, []byte(" ")) && len(text) > 0 && one.state == unframed {
			t.Fatal("unframed without a reason")
		}
	})
}

// FuzzWhatIsPlainIsFramedAlike: what the proxy's own path takes for a request
// passes the framing that guards net/http, and ends in the same place.
func FuzzWhatIsPlainIsFramedAlike(f *testing.F) {
	f.Add([]byte(strings.Join(fragments[:6], "")))
	f.Add([]byte("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"))
	f.Add([]byte("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nX: y\r\n\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var r wire.Request
		if r.Parse(text) != wire.Complete {
			return
		}
		var one framing
		if n, err := one.feed(text[:r.Size]); err != nil {
			t.Fatalf("%q is refused at %d: %v", text, n, err)
		}
		switch {
		case r.Chunked && one.state != inChunkSize:
			t.Errorf("%q: no chunks follow", text)
		case !r.Chunked && r.Length > 0 && (one.state != inBody || one.left != r.Length):
			t.Errorf("%q: %d bytes follow, not %d", text, one.left, r.Length)
		case !r.Chunked && r.Length <= 0 && one != (framing{}):
			t.Errorf("%q: something follows", text)
		}
	})
}
