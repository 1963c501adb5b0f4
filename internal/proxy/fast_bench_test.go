package proxy

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/proxy/wire"
	"github.com/stagger-dev/stagger/internal/whence"
)

// BenchmarkHeads is what the proxy does to the head of a request and of its
// answer: read it, and write it as the other side gets it.
func BenchmarkHeads(b *testing.B) {
	c := &courier{
		desk: new(desk), traffic: &traffic{service: &stagger.Service{VersionHeader: "X-Stagger-Version"}},
		lane: &lane{proxy: &Proxy{}, rules: &whence.Rules{}},
		conn: &conn{hop: whence.Hop{Peer: netip.MustParseAddr("192.0.2.7"), Address: "192.0.2.7", Proto: plainProto}},
	}
	c.pass.version = &version{line: []byte("X-Stagger-Version: v1\r\n")}
	for _, row := range []struct{ name, head string }{
		{"short", "GET /1024 HTTP/1.1\r\nHost: 127.0.0.1:18110\r\nX-User: user-4711\r\n\r\n"},
		{"long", "GET /shop/articles/4711?size=large HTTP/1.1\r\nHost: shop.example.org\r\n" +
			"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n" +
			"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-GB,en;q=0.5\r\n" +
			"Accept-Encoding: gzip, deflate, br, zstd\r\nConnection: keep-alive\r\n" +
			"Cookie: session=" + strings.Repeat("5f0c6f3e", 16) + "; theme=dark\r\nX-User: user-4711\r\n\r\n"},
	} {
		request := []byte(row.head)
		answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1024\r\nDate: Thu, 26 Nov 2026 01:02:03 GMT\r\n\r\n")
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if c.request.Parse(request) != wire.Complete || c.response.Parse(answer) != wire.Complete {
					b.Fatal("it is not plain")
				}
				c.outbound(request, 0)
				c.out = c.answerHead(c.out[:0], answer, byLength)
			}
		})
	}
}
