package wire_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http/httputil"
	"strings"
	"testing"

	"github.com/stagger-dev/stagger/internal/proxy/wire"
)

func TestChunksEndWhereTheyEnd(t *testing.T) {
	for _, row := range []struct {
		rule, text string
		good       int
		ok, done   bool
	}{
		{"chunks and what follows", "3\r\nabc\r\n0\r\n\r\nGET", 13, true, true},
		{"an extension", "3;x=y\r\nabc\r\n0\r\n\r\n", 17, true, true},
		{"a trailer", "0\r\nX: y\r\nZ:\r\n\r\n", 15, true, true},
		{"half a chunk", "3\r\nab", 5, true, false},
		{"no size", "\r\n", 0, false, false},
		{"a size with a sign", "-3\r\n", 0, false, false},
		{"a size with a prefix", "0x3\r\n", 1, false, false},
		{"a blank after the size", "3 \r\nabc\r\n", 1, false, false},
		{"a size that overflows", "ffffffffffffffff\r\n", 15, false, false},
		{"a bare line feed after the size", "3\nabc\r\n", 1, false, false},
		{"too much in a chunk", "3\r\nabcd\r\n", 6, false, false},
		{"a bare line feed after a chunk", "3\r\nabc\n", 6, false, false},
		{"an extension without end", "3;" + strings.Repeat("x", 300), 258, false, false},
		{"a control character in an extension", "3;\n\r\n", 2, false, false},
		{"a trailer that is folded", "0\r\nX: y\r\n z\r\n\r\n", 9, false, false},
		{"a trailer without a colon", "0\r\nX\r\n\r\n", 4, false, false},
	} {
		t.Run(row.rule, func(t *testing.T) {
			for _, piece := range []int{1, 2, 1000} {
				var c wire.Chunks
				good, ok := 0, true
				for rest := []byte(row.text); len(rest) > 0 && ok && !c.Done(); {
					var n int
					n, ok = c.Feed(rest[:min(piece, len(rest))])
					good, rest = good+n, rest[n:]
				}
				if good != row.good || ok != row.ok || c.Done() != row.done {
					t.Errorf("in pieces of %d: %d good, ok %v, done %v", piece, good, ok, c.Done())
				}
			}
		})
	}
}

// FuzzChunks holds a complete body against net/http's reader of chunks.
func FuzzChunks(f *testing.F) {
	f.Add([]byte("3\r\nabc\r\n0\r\n\r\n"))
	f.Add([]byte("a;x=y\r\n0123456789\r\n0\r\nX: y\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c wire.Chunks
		n, ok := c.Feed(b)
		if n > len(b) || ok && !c.Done() && n != len(b) {
			t.Fatalf("%d of %d bytes", n, len(b))
		}
		if !ok || !c.Done() {
			return
		}
		source := bytes.NewReader(b)
		buffered := bufio.NewReader(source)
		if _, err := io.Copy(io.Discard, httputil.NewChunkedReader(buffered)); err != nil {
			t.Fatalf("net/http refuses %q: %v", b, err)
		}
		// What it leaves is the trailer.
		if at := len(b) - source.Len() - buffered.Buffered(); at > n || !bytes.HasSuffix(b[:n], []byte("\r\n")) {
			t.Errorf("%q ends at %d, net/http reads chunks up to %d", b, n, at)
		}
	})
}
