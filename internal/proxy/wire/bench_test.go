package wire_test

import (
	"strings"
	"testing"

	"github.com/stagger-dev/stagger/internal/proxy/wire"
)

// What a load generator asks, what a browser does, and what is answered.
const (
	shortRequest = "GET /1024 HTTP/1.1\r\nHost: 127.0.0.1:18110\r\nX-User: user-4711\r\n\r\n"
	longRequest  = "GET /shop/articles/4711?size=large&colour=blue HTTP/1.1\r\nHost: shop.example.org\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-GB,en;q=0.5\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\nReferer: http://shop.example.org/shop/articles?page=3\r\nConnection: keep-alive\r\n" +
		"Cookie: session=5f0c6f3e9a5b4c0d8e7f6a5b4c3d2e1f; theme=dark; basket=eyJpdGVtcyI6W3siaWQiOjQ3MTEsIm4iOjF9XX0\r\n" +
		"Upgrade-Insecure-Requests: 1\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\n\r\n"
	shortResponse = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1024\r\nDate: Thu, 26 Nov 2026 01:02:03 GMT\r\n\r\n"
)

func BenchmarkParse(b *testing.B) {
	for _, row := range []struct{ name, text string }{{"short request", shortRequest}, {"long request", longRequest}} {
		b.Run(row.name, func(b *testing.B) {
			var r wire.Request
			head := []byte(row.text)
			b.SetBytes(int64(len(head)))
			for b.Loop() {
				if r.Parse(head) != wire.Complete {
					b.Fatal("it is not plain")
				}
			}
		})
	}
	b.Run("answer", func(b *testing.B) {
		var r wire.Response
		head := []byte(shortResponse + strings.Repeat("x", 1024))
		for b.Loop() {
			if r.Parse(head) != wire.Complete {
				b.Fatal("it is not plain")
			}
		}
	})
}
