package proxy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger/internal/listen"
	"github.com/stagger-dev/stagger/internal/proxy"
	"github.com/stagger-dev/stagger/internal/whence"
)

// proved returns an identity for example.com, and who trusts it.
func proved(t testing.TB) (*listen.Identity, *tls.Config) {
	t.Helper()
	lent := httptest.NewUnstartedServer(nil)
	lent.StartTLS()
	defer lent.Close()
	pair := lent.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	files := listen.Pair{Certificate: filepath.Join(t.TempDir(), "a.pem"), Key: filepath.Join(t.TempDir(), "a.key")}
	for file, block := range map[string]*pem.Block{
		files.Certificate: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]},
		files.Key:         {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	identity, err := listen.NewIdentity("web", listen.Terms{Pairs: []listen.Pair{files}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(lent.Certificate())
	return identity, &tls.Config{RootCAs: pool, ServerName: "example.com"}
}

// secured is a listener that speaks TLS, and who trusts it.
func secured(t testing.TB) (proxy.Listener, *tls.Config) {
	t.Helper()
	identity, trust := proved(t)
	return proxy.Listener{Name: "web", Door: &listen.Door{Name: "web", Addresses: []string{"127.0.0.1:0"}, Identity: identity}}, trust
}

// securely returns a client that speaks HTTP/1.1 or HTTP/2 over TLS.
func securely(t testing.TB, trust *tls.Config, proto string) *http.Client {
	t.Helper()
	c := client(t, func(p *http.Protocols) {
		p.SetHTTP1(proto == "HTTP/1.1")
		p.SetHTTP2(proto == "HTTP/2.0")
	})
	transportOf(c).TLSClientConfig = trust.Clone()
	return c
}

func transportOf(c *http.Client) *http.Transport {
	transport, _ := c.Transport.(*http.Transport)
	return transport
}

func TestTLSIsSpokenWithTheProtocolTheClientWants(t *testing.T) {
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			l, trust := secured(t)
			got := make(chan http.Header, 3)
			w := runOn(t, l, proxy.Limits{}, service(version("v1", upstream(t, func(w http.ResponseWriter, r *http.Request) {
				got <- way(r.Header)
				body, _ := io.ReadAll(r.Body)
				_, _ = w.Write(body)
			}))))
			c := securely(t, trust, proto)
			for range 3 {
				r := request(t, http.MethodPost, "https://"+w.Addr("web").String()+"/", strings.NewReader(strings.Repeat("x", 100<<10)))
				r.Host = "shop.example.org"
				response, err := c.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(response.Body)
				_ = response.Body.Close()
				if err != nil || response.Proto != proto || len(body) != 100<<10 {
					t.Errorf("%s, %d bytes, %v", response.Proto, len(body), err)
				}
				header := <-got
				if header.Get("X-Forwarded-Proto") != "https" || header.Get("X-Forwarded-For") != "127.0.0.1" {
					t.Errorf("the upstream is told %v", header)
				}
			}
			if n := w.observed(t, "v1").Started; n != 3 {
				t.Errorf("%d requests were counted", n)
			}
		})
	}
}

// secureWire connects to a proxy over TLS, to speak as one pleases.
func secureWire(t testing.TB, w *world, trust *tls.Config) *tls.Conn {
	t.Helper()
	var d net.Dialer
	plain, err := d.DialContext(t.Context(), "tcp", w.Addr("web").String())
	if err != nil {
		t.Fatal(err)
	}
	c := tls.Client(plain, trust)
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	t.Cleanup(func() { _ = plain.Close() })
	return c
}

func TestFramingIsAsStrictOverTLS(t *testing.T) {
	l, trust := secured(t)
	w := runOn(t, l, proxy.Limits{}, service(version("v1", named(t, "v1"))))
	c := secureWire(t, w, trust)
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || response.StatusCode != http.StatusBadRequest {
		t.Errorf("got %v, %v", response, err)
	}
}

func TestUpgradesGoThroughTLS(t *testing.T) {
	l, trust := secured(t)
	w := runOn(t, l, proxy.Limits{}, service(version("v1", upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_, _ = io.Copy(conn, buffered)
	}))))
	c := secureWire(t, w, trust)
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	in := bufio.NewReader(c)
	response, err := http.ReadResponse(in, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got %v, %v", response, err)
	}
	_, _ = io.WriteString(c, "hello\n")
	if got, err := in.ReadString('\n'); err != nil || got != "hello\n" {
		t.Errorf("the echo is %q, %v", got, err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
		t.Errorf("after the end came %q, %v", rest, err)
	}
}

func TestAStopFinishesWhatIsUnderWayOverTLS(t *testing.T) {
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			l, trust := secured(t)
			begun, end := make(chan bool), make(chan bool)
			w := runOn(t, l, proxy.Limits{}, service(version("v1", upstream(t, func(w http.ResponseWriter, _ *http.Request) {
				begun <- true
				<-end
				_, _ = io.WriteString(w, "done")
			}))))
			c := securely(t, trust, proto)
			answered := make(chan error, 1)
			go func() {
				response, err := c.Get("https://" + w.Addr("web").String())
				if err == nil {
					_, err = io.ReadAll(response.Body)
					_ = response.Body.Close()
				}
				answered <- err
			}()
			<-begun
			stopped := make(chan error, 1)
			go func() { stopped <- w.Stop(t.Context()) }()
			time.AfterFunc(50*time.Millisecond, func() { close(end) })
			if err := <-answered; err != nil {
				t.Error(err)
			}
			if err := <-stopped; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestClientsAreSentToHTTPS(t *testing.T) {
	for _, row := range []struct {
		rule, host, path, said string
		port                   int
		status                 int
		location               string
	}{
		{"to the usual port", "shop.example.org:8080", "/a%2Fb?x=1", "", 443, 308, "https://shop.example.org/a%2Fb?x=1"},
		{"to another", "shop.example.org", "/", "", 8443, 308, "https://shop.example.org:8443/"},
		{"an address in brackets", "[::1]:8080", "/", "", 443, 308, "https://[::1]/"},
		{"nowhere else", "shop.example.org", "//evil.example/x", "", 443, 308, "https://shop.example.org//evil.example/x"},
		{"but not who came to a balancer over it", "shop.example.org", "/", "https", 443, 200, ""},
	} {
		t.Run(row.rule, func(t *testing.T) {
			l := proxy.Listener{
				Name: "web", Address: "127.0.0.1:0", RedirectHTTPS: row.port, Whence: whence.Rules{Trusted: loopback},
			}
			w := runOn(t, l, proxy.Limits{}, service(version("v1", named(t, "v1"))))
			status, header, _ := get(t, client(t), w.url+row.path, func(r *http.Request) {
				r.Host = row.host
				if row.said != "" {
					r.Header.Set("X-Forwarded-Proto", row.said)
				}
			})
			if status != row.status || header.Get("Location") != row.location {
				t.Errorf("got %d to %s, want %d to %s", status, header.Get("Location"), row.status, row.location)
			}
		})
	}
}

// TestTheClientOfAPrefaceIsWhoAsks: the PROXY protocol names the client, and it
// is the client, not the balancer, whose word counts or does not.
func TestTheClientOfAPrefaceIsWhoAsks(t *testing.T) {
	for _, row := range []struct {
		rule, preface, said, want string
	}{
		{"a stranger behind a balancer", "PROXY TCP4 203.0.113.7 10.0.0.1 80 80\r\n", "192.0.2.1", "203.0.113.7"},
		{"a proxy behind a balancer", "PROXY TCP4 127.0.0.9 10.0.0.1 80 80\r\n", "192.0.2.1", "192.0.2.1, 127.0.0.9"},
		{"a client of the next generation", "PROXY TCP6 2001:db8::7 ::1 80 80\r\n", "192.0.2.1", "2001:db8::7"},
		{"no preface", "", "192.0.2.1", "192.0.2.1, 127.0.0.1"},
	} {
		t.Run(row.rule, func(t *testing.T) {
			got := make(chan string, 2)
			l := proxy.Listener{
				Name:   "web",
				Door:   &listen.Door{Name: "web", Addresses: []string{"127.0.0.1:0"}, Preface: listen.Optional, Trusted: loopback},
				Whence: whence.Rules{Trusted: loopback},
			}
			w := runOn(t, l, proxy.Limits{}, service(version("v1", upstream(t, func(_ http.ResponseWriter, r *http.Request) {
				got <- strings.Join(r.Header["X-Forwarded-For"], "|")
			}))))
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", w.Addr("web").String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
			in := bufio.NewReader(conn)
			preface := row.preface
			for range 2 { // and it is so for every request of the connection
				_, _ = fmt.Fprintf(conn, "%sGET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: %s\r\n\r\n", preface, row.said)
				if _, err := http.ReadResponse(in, nil); err != nil {
					t.Fatal(err)
				}
				if client := <-got; client != row.want {
					t.Errorf("the upstream is told %s, want %s", client, row.want)
				}
				preface = ""
			}
		})
	}
}

func TestOneListenerHasSeveralAddresses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.sock")
	l := proxy.Listener{
		Name:   "web",
		Door:   &listen.Door{Name: "web", Addresses: []string{"127.0.0.1:0", "unix:" + path}},
		Whence: whence.Rules{Trusted: whence.Trust{Local: true}},
	}
	w := runOn(t, l, proxy.Limits{}, service(version("v1", upstream(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("X-Forwarded-For"))
	}))))
	from := func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.1") }
	if _, _, body := get(t, client(t), w.url, from); body != "127.0.0.1" {
		t.Errorf("over TCP the client is %q", body)
	}
	c := client(t)
	transportOf(c).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}
	if _, _, body := get(t, c, "http://shop", from); body != "192.0.2.1" {
		t.Errorf("over the unix socket the client is %q", body)
	}
}
