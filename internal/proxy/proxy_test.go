package proxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/proxy"
)

func TestMain(m *testing.M) {
	if !beChild() {
		goleak.VerifyTestMain(overBoth{m})
	}
}

// fast says which transport the proxies of the tests use.
var fast bool

// overBoth runs every test over both transports: they must not be told apart.
type overBoth struct{ m *testing.M }

// Run implements goleak.TestingM.
func (b overBoth) Run() int {
	if code := b.m.Run(); code != 0 {
		return code
	}
	fast = true
	fmt.Println("now over the proxy's own transport")
	return b.m.Run()
}

// world is a running proxy with its meter.
type world struct {
	*proxy.Proxy
	meter *meter.Meter
	url   string
}

// service returns one that sends everything at "/" to its versions.
func service(versions ...stagger.Version) stagger.Service {
	return stagger.Service{
		Name: "shop", Baseline: versions[0].Name, Listener: "web", VersionHeader: "X-Version",
		Routes:   []stagger.Route{{Name: "all", Path: "/"}},
		Versions: versions,
		Health:   stagger.Health{Interval: 20 * time.Millisecond, Timeout: time.Second, Healthy: 2, Unhealthy: 2},
		Timeouts: stagger.Timeouts{Connect: time.Second, Response: 5 * time.Second, Idle: 5 * time.Second},
	}
}

func version(name string, upstreams ...string) stagger.Version {
	return stagger.Version{Name: name, Upstreams: upstreams}
}

// run starts a proxy of the services and stops it after the test.
func run(t testing.TB, limits proxy.Limits, services ...stagger.Service) *world {
	t.Helper()
	return runOn(t, proxy.Listener{Name: "web", Address: "127.0.0.1:0"}, limits, services...)
}

// runOn starts a proxy of the services on a listener.
func runOn(t testing.TB, l proxy.Listener, limits proxy.Limits, services ...stagger.Service) *world {
	t.Helper()
	m := meter.New(meter.Options{})
	p, err := proxy.New(proxy.Config{
		Listeners: []proxy.Listener{l},
		Services:  services, Limits: limits, NetHTTP: !fast,
	}, m, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = p.Stop(ctx)
	})
	return &world{Proxy: p, meter: m, url: "http://" + p.Addr("web").String()}
}

// upstream starts a server that is closed after the test.
func upstream(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// upstreamH2C is an upstream that speaks HTTP/2 cleartext as well.
func upstreamH2C(t testing.TB, h http.Handler) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return "h2c://" + s.Listener.Addr().String()
}

// named answers with its name.
func named(t testing.TB, name string) string {
	return upstream(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) })
}

// client returns an HTTP client without a memory of its own.
func client(t testing.TB, protocols ...func(*http.Protocols)) *http.Client {
	t.Helper()
	transport := &http.Transport{DisableCompression: true, Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(len(protocols) == 0)
	for _, set := range protocols {
		set(transport.Protocols)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       30 * time.Second,
	}
}

func h2c(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }

// protocols are what clients may speak.
var protocols = map[string]func(testing.TB) *http.Client{
	"h1": func(t testing.TB) *http.Client { return client(t) },
	"h2": func(t testing.TB) *http.Client { return client(t, h2c) },
}

func request(t testing.TB, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// get returns status, header and body of an answer.
func get(t testing.TB, c *http.Client, url string, set ...func(*http.Request)) (int, http.Header, string) {
	t.Helper()
	return perform(t, c, http.MethodGet, url, "", set...)
}

// perform is get for any method, with a body unless that is empty.
func perform(t testing.TB, c *http.Client, method, url, body string, set ...func(*http.Request)) (int, http.Header, string) {
	t.Helper()
	var from io.Reader
	if body != "" {
		from = strings.NewReader(body)
	}
	r := request(t, method, url, from)
	for _, f := range set {
		f(r)
	}
	response, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(text)
}

// observed seals everything and adds up what one version did.
func (w *world) observed(t testing.TB, version string) stagger.Observation {
	t.Helper()
	// The last requests end a moment after their answers arrived.
	eventually(t, "requests to end", func() bool { return w.meter.InFlight("shop", version) == 0 })
	w.meter.Seal(time.Now().Add(time.Minute))
	ticks, err := w.meter.Ticks(t.Context(), "shop", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	var sum stagger.Observation
	for _, tick := range ticks {
		for _, o := range tick.Observations {
			if o.Version == version {
				sum.Started += o.Started
				sum.Unfinished += o.Unfinished
				sum.Outcomes = sum.Outcomes.Add(o.Outcomes)
			}
		}
	}
	return sum
}

// eventually waits until something that happens elsewhere has happened.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// raw speaks HTTP/1.1 by hand: it sends text and reads one answer.
func raw(t testing.TB, url, text string) (*http.Response, *bufio.Reader, net.Conn) {
	t.Helper()
	conn := dial(t, url)
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	return response, reader, conn
}

func dial(t testing.TB, url string) net.Conn {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	return conn
}

func contextWithCancel(t testing.TB) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}
