package app_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stagger-dev/stagger/client"
	"github.com/stagger-dev/stagger/internal/app"
	"github.com/stagger-dev/stagger/internal/config"
)

// lend writes a certificate for 127.0.0.1 and its key, and returns the files
// and who trusts them.
func lend(t *testing.T) (config.Certificate, *x509.CertPool) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	key, err := x509.MarshalPKCS8PrivateKey(s.TLS.Certificates[0].PrivateKey)
	must(t, err)
	dir := t.TempDir()
	files := config.Certificate{Certificate: filepath.Join(dir, "a.pem"), Key: filepath.Join(dir, "a.key")}
	must(t, os.WriteFile(files.Certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600))
	must(t, os.WriteFile(files.Key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return files, pool
}

func TestEveryPortCanSpeakTLS(t *testing.T) {
	files, pool := lend(t)
	c := server(t, filepath.Join(t.TempDir(), "stagger.db"), map[string]string{"v1": backend(t, "v1")})
	secure := &config.ServerTLS{Certificates: []config.Certificate{files}}
	c.Admin.TLS, c.Listeners[0].TLS = secure, secure
	a := app.New(c, app.Options{})
	must(t, a.Start(t.Context()))
	defer func() { must(t, a.Stop(t.Context())) }()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	web := &http.Client{Transport: transport}
	for url, want := range map[string]string{
		a.AdminURL() + "/":        "<!doctype html>",
		a.AdminURL() + "/metrics": "stagger_certificate_expiry_timestamp_seconds{certificate=\"" + files.Certificate + "\",listener=\"admin\"}",
		a.ProxyURL("web"):         "v1",
	} {
		response, err := web.Get(url)
		must(t, err)
		body, err := io.ReadAll(response.Body)
		must(t, err)
		_ = response.Body.Close()
		if !strings.Contains(strings.ToLower(string(body)), strings.ToLower(want)) || response.ProtoMajor != 2 {
			t.Errorf("%s over %s: %.200s", url, response.Proto, body)
		}
	}
	api, err := client.New(a.AdminURL(), client.WithHTTPClient(web))
	must(t, err)
	if _, err := api.Services(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestACertificateThatCannotBeReadIsNoStart(t *testing.T) {
	c := server(t, filepath.Join(t.TempDir(), "stagger.db"), map[string]string{"v1": backend(t, "v1")})
	c.Listeners[0].TLS = &config.ServerTLS{Certificates: []config.Certificate{{Certificate: "nowhere.pem", Key: "nowhere.key"}}}
	err := app.New(c, app.Options{}).Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), `listener "web": the certificate nowhere.pem with the key nowhere.key cannot be used`) {
		t.Errorf("it says %v", err)
	}
}
