package proxy_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/proxy"
)

// counts are those of a host that tests look at.
type counts struct{ Started, Unfinished, Failed uint64 }

// hosts seals everything and adds up what the endpoints of a version met.
func (w *world) hosts(t *testing.T, version string) map[string]counts {
	t.Helper()
	w.observed(t, version)
	all, err := w.meter.Ticks(t.Context(), "shop", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	sum := make(map[string]counts)
	for _, one := range all {
		for _, o := range one.Observations {
			for _, h := range o.Hosts {
				if o.Version == version {
					c := sum[h.Name]
					sum[h.Name] = counts{c.Started + h.Started, c.Unfinished + h.Unfinished, c.Failed + h.Failed}
				}
			}
		}
	}
	return sum
}

func TestRequestsAreCountedByEndpoint(t *testing.T) {
	var well, ill atomic.Uint64
	good := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		well.Add(1)
		_, _ = io.WriteString(w, "well")
	})
	bad := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		ill.Add(1)
		w.WriteHeader(http.StatusInternalServerError)
	})
	w := run(t, proxy.Limits{}, service(version("v1", good, bad)))
	c := client(t)
	for range 50 {
		get(t, c, w.url)
	}
	if well.Load() == 0 || ill.Load() == 0 {
		t.Fatalf("%d and %d requests met the endpoints", well.Load(), ill.Load())
	}
	want := map[string]counts{
		strings.TrimPrefix(good, "http://"): {Started: well.Load()},
		strings.TrimPrefix(bad, "http://"):  {Started: ill.Load(), Failed: ill.Load()},
	}
	if diff := cmp.Diff(want, w.hosts(t, "v1")); diff != "" {
		t.Error(diff)
	}
}

// TestAnEndpointThatCannotBeReachedFailsUnderItsName: it is where the request
// was sent to, and nobody tries another.
func TestAnEndpointThatCannotBeReachedFailsUnderItsName(t *testing.T) {
	address := unused(t)
	w := run(t, proxy.Limits{}, service(version("v1", "http://"+address)))
	get(t, client(t), w.url)
	if diff := cmp.Diff(map[string]counts{address: {Started: 1, Failed: 1}}, w.hosts(t, "v1")); diff != "" {
		t.Error(diff)
	}
}

func TestWithoutEndpointsNoHostIsNamed(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1")))
	get(t, client(t), w.url)
	if got := w.hosts(t, "v1"); len(got) != 0 {
		t.Errorf("the hosts are %v", got)
	}
	if n := w.observed(t, "v1").Started; n != 1 {
		t.Errorf("%d requests were counted, want 1", n)
	}
}

// TestHostsKeepTheirNamesOverAReload swaps the order of the endpoints while
// requests are under way.
func TestHostsKeepTheirNamesOverAReload(t *testing.T) {
	var met [2]atomic.Uint64
	var urls [2]string
	for i := range urls {
		urls[i] = upstream(t, func(http.ResponseWriter, *http.Request) { met[i].Add(1) })
	}
	w := run(t, proxy.Limits{}, service(version("v1", urls[0], urls[1])))
	c := client(t)
	for i := range 20 {
		if err := w.Reload([]stagger.Service{service(version("v1", urls[i%2], urls[1-i%2]))}); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			get(t, c, w.url)
		}
	}
	want := make(map[string]counts)
	for i, url := range urls {
		want[strings.TrimPrefix(url, "http://")] = counts{Started: met[i].Load()}
	}
	if diff := cmp.Diff(want, w.hosts(t, "v1")); diff != "" {
		t.Error(diff)
	}
}
