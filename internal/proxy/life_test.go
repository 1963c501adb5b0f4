package proxy_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/proxy"
)

func TestRoutesLeadToServices(t *testing.T) {
	add := func(name string, routes ...stagger.Route) stagger.Service {
		s := service(version("v1", named(t, name)))
		s.Name, s.Routes = name, routes
		return s
	}
	w := run(t, proxy.Limits{},
		add("any", stagger.Route{Path: "/"}),
		add("api", stagger.Route{Path: "/api/"}),
		add("deep", stagger.Route{Path: "/api/v2"}),
		add("host", stagger.Route{Host: "Shop.Example.org", Path: "/shop"}),
		add("wild", stagger.Route{Host: "*.example.org", Path: "/"}),
		add("wilder", stagger.Route{Host: "*.eu.example.org", Path: "/"}),
	)
	for _, row := range []struct{ rule, host, path, want string }{
		{"the root takes the rest", "x", "/other", "any"},
		{"a prefix", "x", "/api", "api"},
		{"a prefix and more", "x", "/api/users", "api"},
		{"not half a segment", "x", "/apis", "any"},
		{"the longest prefix", "x", "/api/v2/users", "deep"},
		{"an exact host", "shop.example.org", "/shop/1", "host"},
		{"hosts fold case, ports do not count", "SHOP.example.org:8080", "/shop", "host"},
		{"a final dot does not count", "shop.example.org.", "/shop", "host"},
		{"a host without the path falls through", "shop.example.org", "/", "wild"},
		{"a wildcard over one label", "a.example.org", "/api", "wild"},
		{"a wildcard over two labels", "a.b.example.org", "/", "wild"},
		{"the longest wildcard", "a.eu.example.org", "/", "wilder"},
		{"a wildcard is not its parent", "example.org", "/", "any"},
		{"an address", "[::1]:80", "/api", "api"},
	} {
		t.Run(row.rule, func(t *testing.T) {
			_, _, body := get(t, client(t), w.url+row.path, func(r *http.Request) { r.Host = row.host })
			if body != row.want {
				t.Errorf("led to %q, want %s", body, row.want)
			}
		})
	}
}

func TestWhereNoRouteLeadsNothingIsCounted(t *testing.T) {
	s := service(version("v1", named(t, "v1")))
	s.Routes = []stagger.Route{{Path: "/api"}}
	w := run(t, proxy.Limits{}, s)
	status, header, body := get(t, client(t), w.url+"/elsewhere")
	if status != 404 || len(body) > 100 || header.Get("X-Version") != "" {
		t.Errorf("got %d %q %v", status, body, header)
	}
	if n := w.observed(t, "v1").Started; n != 0 {
		t.Errorf("%d requests were counted", n)
	}
}

func TestAnUnhealthyEndpointIsLeftOutAndComesBack(t *testing.T) {
	var ill atomic.Bool
	flaky := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		if ill.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = io.WriteString(w, "flaky")
	})
	s := service(version("v1", named(t, "steady"), flaky))
	s.Health.Path = "/health"
	w := run(t, proxy.Limits{}, s)
	c := client(t)
	meets := func() bool {
		for range 20 {
			if _, _, body := get(t, c, w.url); body == "flaky" {
				return true
			}
		}
		return false
	}
	if !meets() {
		t.Error("one of two healthy endpoints gets nothing")
	}
	ill.Store(true)
	eventually(t, "the ill endpoint to be left out", func() bool { return !meets() })
	if !w.Ready("shop", "v1") {
		t.Error("not ready with one healthy endpoint")
	}
	ill.Store(false)
	eventually(t, "the endpoint to come back", meets)
}

func TestReadinessIsKnownBeforeTheFirstRequest(t *testing.T) {
	s := service(version("v1", named(t, "v1")), version("v2", "http://"+unused(t)))
	s.Health.Interval = time.Hour
	w := run(t, proxy.Limits{}, s)
	if !w.Ready("shop", "v1") || w.Ready("shop", "v2") || w.Ready("shop", "v3") || w.Ready("x", "v1") {
		t.Error("readiness is wrong")
	}
}

func TestACandidateThatIsDownKeepsItsSubjects(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", named(t, "v1")), version("v2", "http://"+unused(t))))
	s := half()
	s.Weight = stagger.WeightFull
	if err := w.Apply(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	status, _, body := get(t, client(t), w.url)
	if status != http.StatusServiceUnavailable || !strings.Contains(body, "no healthy endpoint") {
		t.Errorf("got %d %q", status, body)
	}
	if o := w.observed(t, "v2").Outcomes; o != (stagger.Outcomes{ConnectError: 1}) {
		t.Errorf("counted %+v", o)
	}
	if n := w.observed(t, "v1").Started; n != 0 {
		t.Errorf("%d requests moved to the baseline", n)
	}
}

// TestProbesMayBeWrong: an endpoint that fails its probes is still tried when
// there is no other.
func TestProbesMayBeWrong(t *testing.T) {
	s := service(version("v1", upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/health" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})))
	s.Health.Path = "/health"
	w := run(t, proxy.Limits{}, s)
	if status, _, _ := get(t, client(t), w.url); status != 200 || w.Ready("shop", "v1") {
		t.Errorf("status %d, ready %v", status, w.Ready("shop", "v1"))
	}
}

// unused returns an address nobody listens on.
func unused(t testing.TB) string {
	t.Helper()
	var listen net.ListenConfig
	l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestStopWaitsForWhatIsUnderWay(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	w := run(t, proxy.Limits{}, service(version("v1", upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		_, _ = io.WriteString(w, "done")
	}))))
	var wg sync.WaitGroup
	wg.Go(func() {
		if status, _, body := get(t, client(t), w.url); status != 200 || body != "done" {
			t.Errorf("got %d %q", status, body)
		}
	})
	<-arrived
	stopped := make(chan error)
	go func() { stopped <- w.Stop(context.Background()) }()
	eventually(t, "the port to close", func() bool {
		var d net.Dialer
		conn, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(w.url, "http://"))
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	select {
	case err := <-stopped:
		t.Fatalf("stopped with a request under way: %v", err)
	default:
	}
	close(release)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	wg.Wait()
}

func TestStopCutsWhatDoesNotEnd(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			shouting(w, r)
			return
		}
		<-r.Context().Done()
	}))))
	_, reader, _ := raw(t, w.url, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n")
	hanging := dial(t, w.url)
	_, _ = io.WriteString(hanging, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	eventually(t, "the request", func() bool { return w.meter.InFlight("shop", "v1") == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := w.Stop(ctx); err == nil {
		t.Error("no word of what was cut")
	}
	if _, err := reader.ReadByte(); err == nil {
		t.Error("the tunnel lives")
	}
	if _, err := hanging.Read(make([]byte, 1)); err == nil {
		t.Error("the request was answered")
	}
}

func TestReloadKeepsSplitsAndConnections(t *testing.T) {
	v1, v2, v3 := version("v1", named(t, "v1")), version("v2", named(t, "v2")), version("v3", named(t, "v3"))
	w := run(t, proxy.Limits{}, service(v1, v2))
	s := half()
	s.Weight = stagger.WeightFull
	if err := w.Apply(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	c := client(t)
	get(t, c, w.url)

	if err := w.Reload([]stagger.Service{service(v1, v2, v3)}); err != nil {
		t.Fatal(err)
	}
	if _, _, body := get(t, c, w.url); body != "v2" {
		t.Errorf("the split was lost: met %s", body)
	}
	if !w.Ready("shop", "v3") {
		t.Error("the new version is not ready after the reload")
	}
	err := w.Reload([]stagger.Service{service(v1, v3)})
	if stagger.CodeOf(err) != stagger.CodeConflict || !strings.Contains(err.Error(), `"v2"`) {
		t.Errorf("a reload took a version away that is in use: %v", err)
	}
	if _, _, body := get(t, c, w.url); body != "v2" {
		t.Errorf("a refused reload changed something: met %s", body)
	}
	s.Baseline, s.Candidate, s.Weight = "v3", "", 0
	if err := w.Apply(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if err := w.Reload([]stagger.Service{service(v1, v3)}); err != nil {
		t.Fatal(err)
	}
	if _, _, body := get(t, c, w.url); body != "v3" || w.Ready("shop", "v2") {
		t.Errorf("met %s, v2 ready: %v", body, w.Ready("shop", "v2"))
	}
}

func TestReloadUnderLoadDropsNothing(t *testing.T) {
	v1, v2 := version("v1", named(t, "v1")), version("v2", named(t, "v2"))
	w := run(t, proxy.Limits{}, service(v1))
	stop := make(chan struct{})
	var load sync.WaitGroup
	var done atomic.Int64
	for range 4 {
		c := client(t)
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if status, _, _ := get(t, c, w.url); status != 200 {
					t.Errorf("status %d", status)
				}
				done.Add(1)
			}
		})
	}
	for i := range 50 {
		services := []stagger.Service{service(v1, v2)}
		if i%2 == 0 {
			services = []stagger.Service{service(v1)}
		}
		if err := w.Reload(services); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	load.Wait()
	if o := w.observed(t, "v1"); o.Outcomes.OK != uint64(done.Load()) {
		t.Errorf("counted %+v of %d", o, done.Load())
	}
}

func TestAPortInUseIsNamed(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", named(t, "v1"))))
	address := strings.TrimPrefix(w.url, "http://")
	s := service(version("v1", named(t, "v1")))
	p, err := proxy.New(proxy.Config{
		Listeners: []proxy.Listener{{Name: "web", Address: "127.0.0.1:0"}, {Name: "other", Address: address}},
		Services:  []stagger.Service{s},
	}, meter.New(meter.Options{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	err = p.Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), `"other"`) || !strings.Contains(err.Error(), address) {
		t.Errorf("got %v", err)
	}
	if p.Addr("web") != nil {
		t.Error("the first listener stays open")
	}
}

func TestNewRefuses(t *testing.T) {
	good := func() proxy.Config {
		return proxy.Config{
			Listeners: []proxy.Listener{{Name: "web", Address: "127.0.0.1:0"}},
			Services:  []stagger.Service{service(version("v1", "http://127.0.0.1:1"))},
		}
	}
	for _, row := range []struct {
		rule  string
		spoil func(*proxy.Config)
		says  string
	}{
		{"no listener", func(c *proxy.Config) { c.Listeners = nil }, "no listener"},
		{"a listener twice", func(c *proxy.Config) { c.Listeners = append(c.Listeners, c.Listeners[0]) }, "two listeners"},
		{"a service twice", func(c *proxy.Config) { c.Services = append(c.Services, c.Services[0]) }, "two services"},
		{"an unknown listener", func(c *proxy.Config) { c.Services[0].Listener = "x" }, `"x"`},
		{"a baseline that is no version", func(c *proxy.Config) { c.Services[0].Baseline = "x" }, `no version "x"`},
		{"a route twice", func(c *proxy.Config) {
			c.Services[0].Routes = append(c.Services[0].Routes, c.Services[0].Routes[0])
		}, "taken already"},
		{"a path without a slash", func(c *proxy.Config) { c.Services[0].Routes[0].Path = "api" }, "slash"},
		{"a health path without a slash", func(c *proxy.Config) { c.Services[0].Health.Path = "ok" }, "health path"},
		{"an upstream of another scheme", func(c *proxy.Config) { c.Services[0].Versions[0].Upstreams[0] = "ftp://a" }, "http://host:port"},
		{"an upstream with a path", func(c *proxy.Config) { c.Services[0].Versions[0].Upstreams[0] = "http://a/b" }, "nothing more"},
	} {
		t.Run(row.rule, func(t *testing.T) {
			c := good()
			row.spoil(&c)
			_, err := proxy.New(c, meter.New(meter.Options{}), slog.New(slog.DiscardHandler))
			if err == nil || !strings.Contains(err.Error(), row.says) {
				t.Errorf("got %v, want an error that says %q", err, row.says)
			}
		})
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	w := run(t, proxy.Limits{Connections: 1}, service(version("v1", named(t, "v1"))))
	_, _, first := raw(t, w.url, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	second := dial(t, w.url) // accepted by the kernel, not by the proxy
	_, _ = io.WriteString(second, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	_ = second.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := second.Read(make([]byte, 1)); err == nil {
		t.Error("a second connection was served")
	}
	_ = first.Close()
	_ = second.SetReadDeadline(time.Now().Add(30 * time.Second))
	if _, err := second.Read(make([]byte, 1)); err != nil {
		t.Errorf("the second was not served after the first went: %v", err)
	}
}

func TestASlowHeaderEndsTheConnection(t *testing.T) {
	w := run(t, proxy.Limits{HeaderTimeout: 50 * time.Millisecond}, service(version("v1", named(t, "v1"))))
	conn := dial(t, w.url)
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHo")
	if _, err := io.ReadAll(conn); err != nil {
		t.Errorf("the connection did not end: %v", err)
	}
}
