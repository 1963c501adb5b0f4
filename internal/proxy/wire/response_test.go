package wire_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stagger-dev/stagger/internal/proxy/wire"
)

func TestAnswersAreFramedOneWay(t *testing.T) {
	for _, row := range []struct {
		rule, head string
		want       wire.Progress
		length     int64
		chunked    bool
	}{
		{"a length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", wire.Complete, 3, false},
		{"chunks", "HTTP/1.1 200\r\ntransfer-encoding: Chunked\r\n\r\n", wire.Complete, -1, true},
		{"neither", "HTTP/1.0 200 OK\r\n\r\n", wire.Complete, -1, false},
		{"the same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", wire.Complete, 3, false},
		{"chunks before a length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", wire.Complete, 3, true},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", wire.Unusual, 0, false},
		{"a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", wire.Unusual, 0, false},
		{"another coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", wire.Unusual, 0, false},
		{"a folded line", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", wire.Unusual, 0, false},
		{"a bare line feed", "HTTP/1.1 200 OK\nX: a\r\n\r\n", wire.Unusual, 0, false},
		{"no status", "HTTP/1.1 OK\r\n\r\n", wire.Unusual, 0, false},
		{"a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", wire.Unusual, 0, false},
		{"a status below 100", "HTTP/1.1 099 OK\r\n\r\n", wire.Unusual, 0, false},
		{"another protocol", "SSH-2.0-x\r\n", wire.Unusual, 0, false},
		{"half a head", "HTTP/1.1 200 OK\r\nX: a", wire.Incomplete, 0, false},
		{"half a version", "HTT", wire.Incomplete, 0, false},
	} {
		t.Run(row.rule, func(t *testing.T) {
			var r wire.Response
			got := r.Parse([]byte(row.head))
			if got != row.want {
				t.Fatalf("it is %d, want %d", got, row.want)
			}
			if got == wire.Complete && (r.Length != row.length || r.Chunked != row.chunked) {
				t.Errorf("length %d, chunked %v", r.Length, r.Chunked)
			}
		})
	}
}

// FuzzResponse holds answers against net/http.
func FuzzResponse(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: a\r\n\r\nabc"))
	f.Add([]byte("HTTP/1.0 404\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r wire.Response
		if r.Parse(b) != wire.Complete {
			return
		}
		theirs, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b)), nil)
		if err != nil {
			if strings.HasPrefix(string(b), "HTTP/1.0") && r.Chunked {
				return // net/http knows none in HTTP/1.0
			}
			t.Fatalf("net/http refuses %q: %v", b, err)
		}
		defer func() { _ = theirs.Body.Close() }()
		if theirs.StatusCode != r.Status {
			t.Errorf("status %d, net/http says %d", r.Status, theirs.StatusCode)
		}
		if wire.Bodiless(r.Status) || theirs.ProtoMinor == 0 {
			return
		}
		want := fmt.Sprint(r.Length, false)
		if r.Chunked {
			want = fmt.Sprint(-1, true)
		}
		if got := fmt.Sprint(theirs.ContentLength, len(theirs.TransferEncoding) > 0); got != want {
			t.Errorf("%q is framed %s, net/http says %s", b, want, got)
		}
	})
}
