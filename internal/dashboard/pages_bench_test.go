package dashboard_test

import (
	"io"
	"net/http"
	"net/http/httptrace"
	"testing"
	"time"
)

// BenchmarkPages fetches the pages of 20 services in hour-long rollouts, and says
// how long it is until the first byte comes, which is what a browser begins with.
func BenchmarkPages(b *testing.B) {
	f := newFleet(b)
	for name, path := range map[string]string{"home": "/", "rollout": "/rollouts/" + f.rollouts[0].ID, "live": "/rollouts/" + f.rollouts[0].ID + "?part=live"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			first := time.Duration(0)
			for b.Loop() {
				begun := time.Now()
				trace := httptrace.WithClientTrace(b.Context(), &httptrace.ClientTrace{GotFirstResponseByte: func() { first += time.Since(begun) }})
				request, err := http.NewRequestWithContext(trace, http.MethodGet, f.url+path, http.NoBody)
				must(b, err)
				response, err := f.HTTP.Do(request)
				must(b, err)
				_, err = io.Copy(io.Discard, response.Body)
				must(b, err)
				must(b, response.Body.Close())
			}
			b.ReportMetric(float64(first.Microseconds())/float64(b.N)/1e3, "ms-to-first-byte")
		})
	}
}
