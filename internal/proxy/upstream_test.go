package proxy_test

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/proxy"
	"github.com/stagger-dev/stagger/internal/upstream/dnstest"
)

// standing starts an upstream at an address, tcp or unix, and returns what ends it.
func standing(t testing.TB, network, address string, h http.HandlerFunc) (where string, end func()) {
	t.Helper()
	var listen net.ListenConfig
	l, err := listen.Listen(t.Context(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(h)
	_ = s.Listener.Close()
	s.Listener = l
	s.Start()
	end = sync.OnceFunc(func() {
		s.CloseClientConnections()
		s.Close()
	})
	t.Cleanup(end)
	return l.Addr().String(), end
}

// runWith is run with a resolver of names.
func runWith(t testing.TB, dns *dnstest.Server, s stagger.Service) *world {
	t.Helper()
	m := meter.New(meter.Options{})
	p, err := proxy.New(proxy.Config{
		Listeners: []proxy.Listener{{Name: "web", Address: "127.0.0.1:0"}},
		Services:  []stagger.Service{s}, NetHTTP: !fast, Resolver: dns.Resolver(),
	}, m, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop(t.Context()) })
	return &world{Proxy: p, meter: m, url: "http://" + p.Addr("web").String()}
}

// load sends requests from a few clients until stopped, and counts the answers
// by status; zero is none. What began in an earlier era is told apart, as a
// request that was under way may end at any time.
type load struct {
	stop     chan struct{}
	clients  sync.WaitGroup
	era      atomic.Int64
	mu       sync.Mutex
	statuses map[int64]map[int]int // by the era it began in
}

func underLoad(t testing.TB, url string, clients int) *load {
	t.Helper()
	l := &load{stop: make(chan struct{}), statuses: map[int64]map[int]int{0: {}}}
	for range clients {
		c := client(t)
		l.clients.Go(func() {
			for {
				select {
				case <-l.stop:
					return
				default:
				}
				status, era := 0, l.era.Load()
				r, err := http.NewRequest(http.MethodGet, url, nil)
				if err != nil {
					continue
				}
				if answer, err := c.Do(r); err == nil {
					status = answer.StatusCode
					_, _ = io.Copy(io.Discard, answer.Body)
					_ = answer.Body.Close()
				}
				l.mu.Lock()
				l.statuses[era][status]++
				l.mu.Unlock()
			}
		})
	}
	return l
}

// newEra begins one: so tells from then on of what begins after it.
func (l *load) newEra() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.statuses[l.era.Load()+1] = map[int]int{}
	l.era.Add(1)
}

// so returns what came so far of this era's.
func (l *load) so() (ok, bad int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for status, n := range l.statuses[l.era.Load()] {
		if status == http.StatusOK {
			ok += n
		} else {
			bad += n
		}
	}
	return ok, bad
}

// more waits for so many answers more.
func (l *load) more(t testing.TB, n int) {
	t.Helper()
	ok, bad := l.so()
	eventually(t, "answers", func() bool { o, b := l.so(); return o+b >= ok+bad+n })
}

func (l *load) end() {
	close(l.stop)
	l.clients.Wait()
}

// TestOfThreeEndpointsOneDies under load. Its probes are far apart, and nothing
// is sent twice: what users see ends when it is left out.
func TestOfThreeEndpointsOneDies(t *testing.T) {
	ok := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }
	doomed, kill := standing(t, "tcp", "127.0.0.1:0", ok)
	s := service(version("v1", upstream(t, ok), upstream(t, ok), "http://"+doomed))
	s.Health.Interval = time.Hour
	s.Outlier = stagger.Outlier{Consecutive: 5}
	w := run(t, proxy.Limits{}, s)
	const clients = 4
	l := underLoad(t, w.url, clients)
	l.more(t, 200)
	if _, bad := l.so(); bad > 0 {
		t.Fatalf("%d errors with everybody well", bad)
	}
	kill()
	eventually(t, "the dead one to be left out", func() bool {
		for _, e := range w.Endpoints("shop") {
			if e.Address == doomed {
				return e.State == stagger.EndpointEjected
			}
		}
		return false
	})
	_, before := l.so()
	l.newEra()
	l.more(t, 1000)
	l.end()
	_, after := l.so()
	// Five, and what the other clients had under way.
	if before > 5+2*clients || after > 0 {
		t.Errorf("%d errors until it was left out, %d after", before, after)
	}
}

// TestANameThatMovesUnderLoadLosesNothing: the old address ends only when its
// last request has.
func TestANameThatMovesUnderLoadLosesNothing(t *testing.T) {
	dns := dnstest.New(t)
	var met [4]atomic.Int64
	here := func(i int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { met[i].Add(1); _, _ = io.WriteString(w, "ok") }
	}
	first, _ := standing(t, "tcp", "127.0.0.1:0", here(1))
	_, port, _ := net.SplitHostPort(first)
	for i := 2; i <= 3; i++ {
		standing(t, "tcp", fmt.Sprintf("127.0.0.%d:%s", i, port), here(i))
	}
	dns.Set("shop.test", "127.0.0.1")
	s := service(version("v1", "http://shop.test:"+port))
	s.DNS.Every = 20 * time.Millisecond
	w := runWith(t, dns, s)
	l := underLoad(t, w.url, 4)
	for round := range 6 {
		dns.Set("shop.test", fmt.Sprintf("127.0.0.%d", 1+(round+1)%3))
		before := met[1+(round+1)%3].Load()
		eventually(t, "requests at the new address", func() bool { return met[1+(round+1)%3].Load() > before+50 })
	}
	l.end()
	if ok, bad := l.so(); bad > 0 {
		t.Errorf("%d of %d requests were lost", bad, ok+bad)
	}
	if n := w.observed(t, "v1").Outcomes.ConnectError; n > 0 {
		t.Errorf("%d failures were counted", n)
	}
}

// TestASocketIsAnUpstreamLikeAnother, with requests, bodies, probes, upgrades
// and the client's Host.
func TestASocketIsAnUpstreamLikeAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	standing(t, "unix", path, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			shout(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %s %s", r.Method, r.Host, body)
	})
	s := service(version("v1", "unix://"+path))
	s.Health.Path = "/health"
	w := run(t, proxy.Limits{}, s)
	if !w.Ready("shop", "v1") {
		t.Fatalf("not ready: %+v", w.Endpoints("shop"))
	}
	c := client(t)
	for range 3 {
		if status, _, body := get(t, c, w.url, func(r *http.Request) { r.Host = "shop.example" }); status != 200 || body != "GET shop.example " {
			t.Errorf("got %d %q", status, body)
		}
	}
	large := strings.Repeat("x", 1<<20)
	r := request(t, http.MethodPost, w.url, strings.NewReader(large))
	r.Host = "shop.example"
	answer, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if body, _ := io.ReadAll(answer.Body); string(body) != "POST shop.example "+large {
		t.Errorf("%d bytes came back", len(body))
	}
	upgraded, reader, conn := raw(t, w.url, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n")
	if upgraded.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("status %d", upgraded.StatusCode)
	}
	if _, err := io.WriteString(conn, "hello\n"); err != nil {
		t.Fatal(err)
	}
	if line, _ := reader.ReadString('\n'); line != "HELLO\n" {
		t.Errorf("got %q", line)
	}
	if hosts := w.hosts(t, "v1"); hosts["unix:"+path].Started < 4 {
		t.Errorf("counted are %v", hosts)
	}
}

// shout switches to a protocol that says everything louder.
func shout(w http.ResponseWriter, _ *http.Request) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n")
	if line, err := buffered.ReadString('\n'); err == nil {
		_, _ = io.WriteString(conn, strings.ToUpper(line))
	}
}

func TestWhereAllEndpointsAreFullRequestsAreRefusedAndCounted(t *testing.T) {
	for name, limits := range map[string]stagger.EndpointLimits{
		"requests": {Requests: 1}, "connections": {Connections: 1},
	} {
		t.Run(name, func(t *testing.T) {
			entered, leave := make(chan struct{}), make(chan struct{})
			wait := func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/wait" {
					entered <- struct{}{}
					<-leave
				}
				_, _ = io.WriteString(w, "ok")
			}
			s := service(version("v1", upstream(t, wait), upstream(t, wait)))
			s.Limits = limits
			w := run(t, proxy.Limits{}, s)
			var waiting sync.WaitGroup
			for range 2 {
				waiting.Go(func() { get(t, client(t), w.url+"/wait") })
				<-entered
			}
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				answer, err := client(t).Do(request(t, method, w.url, strings.NewReader(strings.Repeat("x", 100_000))))
				if err != nil {
					t.Fatal(err)
				}
				_ = answer.Body.Close()
				if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") != "1" || answer.Header.Get("X-Version") != "v1" {
					t.Errorf("%s: got %d %v", method, answer.StatusCode, answer.Header)
				}
			}
			close(leave)
			waiting.Wait()
			if status, _, _ := get(t, client(t), w.url); status != http.StatusOK {
				t.Errorf("with room again: %d", status)
			}
			if o := w.observed(t, "v1"); o.Outcomes.ConnectError != 2 || o.Outcomes.OK != 3 {
				t.Errorf("counted were %+v", o.Outcomes)
			}
		})
	}
}

// TestAReloadKeepsTheConnectionsOfEndpointsThatStay: those that stay see no new
// one.
func TestAReloadKeepsTheConnectionsOfEndpointsThatStay(t *testing.T) {
	var made atomic.Int64
	stays := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "stays") }))
	stays.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			made.Add(1)
		}
	}
	stays.Start()
	t.Cleanup(stays.Close)
	s := service(version("v1", stays.URL))
	s.Health.Interval = time.Hour
	w := run(t, proxy.Limits{}, s)
	c := client(t)
	get(t, c, w.url)
	before := made.Load()
	for i := range 5 {
		s.Versions = []stagger.Version{version("v1", named(t, "new"), stays.URL)}
		s.SlowStart = time.Duration(i+1) * time.Hour
		if err := w.Reload([]stagger.Service{s}); err != nil {
			t.Fatal(err)
		}
		for met := false; !met; {
			_, _, body := get(t, c, w.url)
			met = body == "stays"
		}
	}
	if n := made.Load() - before; n > 0 {
		t.Errorf("%d new connections to the endpoint that stays", n)
	}
}

// TestASubjectStaysOnItsEndpoint, whichever connection it comes over.
func TestASubjectStaysOnItsEndpoint(t *testing.T) {
	s := service(version("v1", named(t, "a"), named(t, "b"), named(t, "c")), version("v2", named(t, "x")))
	s.Balance = stagger.RingHash
	w := run(t, proxy.Limits{}, s)
	if err := w.Apply(t.Context(), stagger.Split{Service: "shop", Baseline: "v1", Candidate: "v2", Key: stagger.Key{Header: "User"}, Seed: "s"}); err != nil {
		t.Fatal(err)
	}
	met := map[string]bool{}
	for user := range 30 {
		ask := func() string {
			_, _, body := get(t, client(t), w.url, func(r *http.Request) { r.Header.Set("User", fmt.Sprint(user)) })
			return body
		}
		own := ask()
		met[own] = true
		for range 3 {
			if now := ask(); now != own {
				t.Fatalf("user %d went from %s to %s", user, own, now)
			}
		}
	}
	if len(met) != 3 {
		t.Errorf("30 users are at %v only", met)
	}
}
