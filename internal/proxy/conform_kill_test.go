//go:build !windows

package proxy_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stagger-dev/stagger/internal/proxy"
)

// TestKilledEndpointsAreSeenOnlyWhenNobodyIsLeft kills one endpoint of a version
// after the other under load, as kill -9 does. As long as one can answer nobody
// sees an error; afterwards everybody is told so.
func TestKilledEndpointsAreSeenOnlyWhenNobodyIsLeft(t *testing.T) {
	endpoints := []witness{nginxWitness(t), nginxWitness(t), nginxWitness(t)}
	s := service(version("v1", endpoints[0].url, endpoints[1].url, endpoints[2].url))
	s.Retries = usualRetries
	s.Retries.Attempts, s.Retries.Least = 3, 1000
	w := run(t, proxy.Limits{}, s)
	var served, told atomic.Int64
	var last atomic.Bool // the last endpoint is being killed
	stop := make(chan struct{})
	var users sync.WaitGroup
	for range 4 {
		c := client(t)
		users.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				switch status, _, body := get(t, c, w.url+"/a"); {
				case status == http.StatusOK && body == "/a":
					served.Add(1)
				case last.Load() && (status == http.StatusBadGateway || status == http.StatusServiceUnavailable):
					told.Add(1)
				default:
					t.Errorf("a user sees %d %q", status, body)
					return
				}
			}
		})
	}
	more := func(n *atomic.Int64) {
		from := n.Load()
		eventually(t, "more answers", func() bool { return n.Load() > from+50 || t.Failed() })
	}
	for i, e := range endpoints {
		more(&served)
		last.Store(i == len(endpoints)-1)
		e.kill()
	}
	more(&told)
	close(stop)
	users.Wait()
}
