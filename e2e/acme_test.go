package e2e_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// acmeName is what certificates are asked for. No DNS but the test's knows it.
const acmeName = "shop.stagger.example"

// TestACertificateIsHadFromAnAuthority runs Pebble, the test server of the
// people of Let's Encrypt, which looks whether we answer for the name and has no
// mercy with clients that are wrong.
func TestACertificateIsHadFromAnAuthority(t *testing.T) {
	needs(t)
	t.Parallel()
	s := bareShop(t)
	directory, management := freePort(t), freePort(t)
	ca := certifyLoopback(t, s.dir)
	pebble := filepath.Join(t.TempDir(), "pebble")
	build := exec.Command("go", "-C", "../tools/pebble", "build", "-o", pebble, "github.com/letsencrypt/pebble/v2/cmd/pebble")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build pebble: %v\n%s", err, out)
	}
	write(t, filepath.Join(s.dir, "pebble.json"), fmt.Sprintf(`{"pebble": {
		"listenAddress": "127.0.0.1:%d", "managementListenAddress": "127.0.0.1:%d",
		"certificate": "pebble.pem", "privateKey": "pebble.key", "httpPort": %d, "tlsPort": %d,
		"retryAfter": {"authz": 1, "order": 1}, "keyAlgorithm": "ecdsa",
		"profiles": {"default": {"description": "as usual", "validityPeriod": 7776000}}
	}}`, directory, management, freePort(t), s.webPort))
	authority := launch(t, s.dir, "pebble", pebble, "-config", "pebble.json", "-dnsserver", resolver(t))
	eventually(t, "the authority listens", 20*time.Second, func() bool { return dials(directory) && dials(management) })

	backend := answering(t, "v1")
	write(t, filepath.Join(s.dir, "stagger.yaml"), fmt.Sprintf(`
listeners:
  - name: web
    address: "127.0.0.1:%d"
    tls:
      acme: {hosts: [%s], email: ops@stagger.example, cache: certificates, directory: "https://127.0.0.1:%d/dir", directory_ca: pebble.pem}
admin: {address: "127.0.0.1:%d"}
services:
  - {name: shop, baseline: v1, versions: {v1: {upstreams: [%q]}}}
`, s.webPort, acmeName, directory, s.adminPort, backend.url))
	s.serve()
	s.server.says(t, "a certificate is there")
	client := s.clientOf(rootOf(t, ca, management))
	for _, name := range []string{acmeName, acmeName} {
		response, err := client.Get("https://" + name + "/")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if string(body) != "v1" || response.Proto != "HTTP/2.0" {
			t.Errorf("%s over %s", body, response.Proto)
		}
	}
	t.Run("when it ends is told", func(t *testing.T) {
		response, err := http.Get(s.admin + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if text, _ := io.ReadAll(response.Body); !strings.Contains(string(text), `stagger_certificate_expiry_timestamp_seconds{certificate="`+acmeName+`",listener="web"}`) {
			t.Error("the metrics do not have it")
		}
	})
	t.Run("for no other name", func(t *testing.T) {
		if response, err := client.Get("https://other.stagger.example/"); err == nil {
			response.Body.Close()
			t.Error("somebody proved to be another")
		}
	})
	t.Run("what was had is kept", func(t *testing.T) {
		s.server.signal(t, syscall.SIGTERM)
		authority.signal(t, syscall.SIGTERM)
		s.serve()
		eventually(t, "the certificate is used without the authority", 10*time.Second, func() bool {
			response, err := client.Get("https://" + acmeName + "/")
			if err == nil {
				response.Body.Close()
			}
			return err == nil
		})
		info, err := os.Stat(filepath.Join(s.dir, "certificates"))
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("the keys lie in a directory of mode %v, %v", info.Mode(), err)
		}
	})
}

// certifyLoopback writes pebble.pem and pebble.key: a certificate for 127.0.0.1
// that signs itself. It returns who trusts it.
func certifyLoopback(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	write(t, filepath.Join(dir, "pebble.pem"), string(certificate))
	write(t, filepath.Join(dir, "pebble.key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certificate)
	return pool
}

// rootOf asks the authority for the certificate that its own are signed by.
func rootOf(t *testing.T, ca *x509.CertPool, management int) *x509.CertPool {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca}}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	response, err := client.Get(fmt.Sprintf("https://127.0.0.1:%d/roots/0", management))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatalf("no certificate: %s", text)
	}
	return pool
}

// clientOf is a client for whom every name leads to the shop.
func (s *shop) clientOf(roots *x509.CertPool) *http.Client {
	return &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			DisableKeepAlives: true, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots},
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, address(s.webPort))
			},
		},
	}
}

// resolver answers every question for an address with 127.0.0.1, over TCP, and
// returns where it is asked.
func resolver(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go resolve(conn)
		}
	}()
	return listener.Addr().String()
}

// resolve answers the questions of one connection; each has its length before
// it.
func resolve(conn net.Conn) {
	defer conn.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		question := make([]byte, int(size[0])<<8|int(size[1]))
		var m dnsmessage.Message
		if _, err := io.ReadFull(conn, question); err != nil || m.Unpack(question) != nil || len(m.Questions) == 0 {
			return
		}
		answer := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true}, Questions: m.Questions}
		if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
			answer.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
				Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
			}}
		}
		packed, err := answer.Pack()
		if err != nil {
			return
		}
		if _, err := conn.Write(append([]byte{byte(len(packed) >> 8), byte(len(packed))}, packed...)); err != nil {
			return
		}
	}
}
