package proxy_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/proxy"
	"github.com/stagger-dev/stagger/internal/upstream/dnstest"
)

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	a := &authority{}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

// issue makes a certificate for names, for either side of a connection.
func (a *authority) issue(t testing.TB, names ...string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// keep writes what a configuration names: files in a folder.
func keep(t testing.TB, folder string, ca *authority, own tls.Certificate) stagger.UpstreamTLS {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	files := stagger.UpstreamTLS{
		CA: filepath.Join(folder, "ca.pem"), Certificate: filepath.Join(folder, "me.pem"), Key: filepath.Join(folder, "me.key"),
	}
	for name, block := range map[string]*pem.Block{
		files.CA:          {Type: "CERTIFICATE", Bytes: ca.certificate.Raw},
		files.Certificate: {Type: "CERTIFICATE", Bytes: own.Certificate[0]},
		files.Key:         {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// believed is an https upstream that takes clients of an authority only, or
// everybody, and tells who came, over what.
func believed(t testing.TB, own tls.Certificate, clients *authority) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			shout(w, r)
			return
		}
		if r.URL.Path == "/hold" {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return
		}
		who := "nobody"
		if len(r.TLS.PeerCertificates) > 0 {
			who = r.TLS.PeerCertificates[0].Subject.CommonName
		}
		_, _ = fmt.Fprintf(w, "%s over %s", who, r.Proto)
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}
	if clients != nil {
		s.TLS.ClientAuth, s.TLS.ClientCAs = tls.RequireAndVerifyClientCert, clients.pool()
	}
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// overTLS is a service of one https upstream.
func overTLS(s *httptest.Server, files stagger.UpstreamTLS) stagger.Service {
	v := version("v1", s.URL)
	v.TLS = files
	return service(v)
}

func TestUpstreamsAreBelievedAndBelieveUs(t *testing.T) {
	ours, theirs := newAuthority(t, "ours"), newAuthority(t, "theirs")
	files := keep(t, t.TempDir(), theirs, ours.issue(t, "stagger"))
	files.ServerName = "shop.test"
	server := believed(t, theirs.issue(t, "shop.test"), ours)
	for _, row := range []struct {
		name string
		set  func(*stagger.UpstreamTLS)
		want string // of the body; empty for a failure
	}{
		{"both", func(*stagger.UpstreamTLS) {}, "stagger over HTTP/2.0"},
		{"without HTTP/2", func(f *stagger.UpstreamTLS) { f.HTTP1Only = true }, "stagger over HTTP/1.1"},
		{"without a certificate of our own", func(f *stagger.UpstreamTLS) { f.Certificate, f.Key = "", "" }, ""},
		{"for another name", func(f *stagger.UpstreamTLS) { f.ServerName = "cart.test" }, ""},
		{"by the system's authorities", func(f *stagger.UpstreamTLS) { f.CA = "" }, ""},
		{"whoever it is", func(f *stagger.UpstreamTLS) { f.CA, f.ServerName, f.InsecureSkipVerify = "", "", true }, "stagger over HTTP/2.0"},
	} {
		t.Run(row.name, func(t *testing.T) {
			own := files
			row.set(&own)
			s := overTLS(server, own)
			s.Health.Path = "/health"
			w := run(t, proxy.Limits{}, s)
			status, _, body := get(t, client(t), w.url)
			if row.want == "" {
				if status != http.StatusServiceUnavailable && status != http.StatusBadGateway || w.Ready("shop", "v1") {
					t.Errorf("got %d %q", status, body)
				}
				if e := w.Endpoints("shop")[0]; e.State != stagger.EndpointUnhealthy || !strings.Contains(e.Reason, "probe failed") {
					t.Errorf("it is %s, for the reason %q", e.State, e.Reason)
				}
				return
			}
			if status != http.StatusOK || body != row.want {
				t.Errorf("got %d %q, want %q", status, body, row.want)
			}
		})
	}
}

// TestANameOverTLSIsTheNameOfTheCertificate: the connection goes to an address,
// the certificate is for the name.
func TestANameOverTLSIsTheNameOfTheCertificate(t *testing.T) {
	ca := newAuthority(t, "ca")
	server := believed(t, ca.issue(t, "shop.test"), nil)
	files := keep(t, t.TempDir(), ca, ca.issue(t, "stagger"))
	files.Certificate, files.Key = "", ""
	dns := dnstest.New(t)
	dns.Set("shop.test", "127.0.0.1")
	s := overTLS(server, files)
	s.Versions[0].Upstreams[0] = strings.Replace(server.URL, "127.0.0.1", "shop.test", 1)
	w := runWith(t, dns, s)
	if status, _, body := get(t, client(t), w.url); status != http.StatusOK || body != "nobody over HTTP/2.0" {
		t.Errorf("got %d %q: %+v", status, body, w.Endpoints("shop"))
	}
}

// TestAnUpgradeGoesOverTLSThoughTheUpstreamSpeaksHTTP2.
func TestAnUpgradeGoesOverTLSThoughTheUpstreamSpeaksHTTP2(t *testing.T) {
	ca := newAuthority(t, "ca")
	files := keep(t, t.TempDir(), ca, ca.issue(t, "stagger"))
	files.ServerName = "shop.test"
	w := run(t, proxy.Limits{}, overTLS(believed(t, ca.issue(t, "shop.test"), nil), files))
	if _, _, body := get(t, client(t), w.url); body != "stagger over HTTP/2.0" && body != "nobody over HTTP/2.0" {
		t.Errorf("got %q", body)
	}
	answer, reader, conn := raw(t, w.url, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n")
	if answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("status %d", answer.StatusCode)
	}
	if _, err := io.WriteString(conn, "hello\n"); err != nil {
		t.Fatal(err)
	}
	if line, _ := reader.ReadString('\n'); line != "HELLO\n" {
		t.Errorf("got %q", line)
	}
}

// TestCertificatesThatChangeAreReadAgain: ours is replaced, and then by one that
// cannot be read, which changes nothing. A connection with a request on it is no
// reason to go on as before.
func TestCertificatesThatChangeAreReadAgain(t *testing.T) {
	for _, single := range []bool{true, false} {
		t.Run(fmt.Sprintf("single %v", single), func(t *testing.T) { renewCertificates(t, single) })
	}
}

func renewCertificates(t *testing.T, single bool) {
	t.Parallel()
	ca := newAuthority(t, "ca")
	folder := t.TempDir()
	files := keep(t, folder, ca, ca.issue(t, "first"))
	files.ServerName, files.HTTP1Only = "shop.test", single
	w := run(t, proxy.Limits{}, overTLS(believed(t, ca.issue(t, "shop.test"), ca), files))
	ctx, release := contextWithCancel(t)
	held, err := client(t).Do(request(t, http.MethodGet, w.url+"/hold", nil).WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { release(); _ = held.Body.Close() }()
	c := client(t)
	who := func() string {
		_, _, body := get(t, c, w.url)
		name, _, _ := strings.Cut(body, " ")
		return name
	}
	if got := who(); got != "first" {
		t.Fatalf("we are %q", got)
	}
	keep(t, folder, ca, ca.issue(t, "second"))
	eventually(t, "the second certificate", func() bool { return who() == "second" })
	if err := os.WriteFile(files.Certificate, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(2500 * time.Millisecond) // longer than files go unlooked at
	eventually(t, "the nonsense to be read", func() bool {
		if got := who(); got != "second" {
			t.Fatalf("we are %q", got)
		}
		return time.Now().After(end)
	})
}

func TestCertificatesThatCannotBeReadAreRefused(t *testing.T) {
	v := version("v1", "https://127.0.0.1:1")
	v.TLS.CA = filepath.Join(t.TempDir(), "missing.pem")
	_, err := proxy.New(proxy.Config{Listeners: []proxy.Listener{{Name: "web", Address: "127.0.0.1:0"}}, Services: []stagger.Service{service(v)}}, nil, nil)
	if err == nil || !strings.Contains(err.Error(), "missing.pem") {
		t.Errorf("the error is %v", err)
	}
}
