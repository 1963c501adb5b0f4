package listen

import (
	"context"
	"crypto/tls"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// ACME says for which names certificates are had from an authority by itself
// (RFC 8555), by answering on the door that needs them (RFC 8737): the
// authority must reach it as port 443 of each name.
type ACME struct {
	Hosts       []string // for these names, and no others
	Email       string   // where the authority writes to; may be empty
	Cache       string   // a directory of certificates and keys, made when missing
	Directory   string   // the authority's URL; Let's Encrypt when empty
	DirectoryCA string   // a file of authorities that sign the URL's own certificate; the system's when empty
}

// manager returns what gets certificates, keeps and renews them.
func (a *ACME) manager() (*autocert.Manager, error) {
	client := &acme.Client{DirectoryURL: a.Directory}
	if a.DirectoryCA != "" {
		pool, err := authorities(a.DirectoryCA)
		if err != nil {
			return nil, err
		}
		client.HTTPClient = &http.Client{
			Timeout:   time.Minute,
			Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}},
		}
	}
	return &autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(a.Cache),
		HostPolicy: autocert.HostWhitelist(a.Hosts...), Email: a.Email, Client: client,
	}, nil
}

// ask lets the manager answer for its names. The authority shows no certificate
// of its own when it looks, so it is not asked for one.
func (i *Identity) ask(config *tls.Config) {
	challenge := &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{challengeProtocol}, GetCertificate: i.manager.GetCertificate,
	}
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == challengeProtocol {
			return challenge, nil
		}
		return nil, nil //nolint:nilnil // the configuration as it is
	}
	config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if i.terms.ACME.has(hello.ServerName) {
			return i.manager.GetCertificate(hello)
		}
		if len(config.Certificates) == 0 {
			return nil, errNoCertificate
		}
		return nil, nil //nolint:nilnil // one of the files
	}
}

func (a *ACME) has(name string) bool {
	return slices.ContainsFunc(a.Hosts, func(h string) bool { return strings.EqualFold(h, strings.TrimSuffix(name, ".")) })
}

// How long to wait before an authority is asked again. Let's Encrypt allows
// five failures an hour and name.
const (
	leastRetry = time.Minute
	mostRetry  = 3 * time.Hour
)

// obtain gets a certificate for every name before anybody asks, as getting one
// takes longer than a client waits. Renewing them is the manager's.
func (i *Identity) obtain(ctx context.Context) {
	wait := leastRetry
	left := slices.Clone(i.terms.ACME.Hosts)
	for {
		left = slices.DeleteFunc(left, func(host string) bool {
			if ctx.Err() != nil {
				return false
			}
			return i.obtainOne(host)
		})
		if len(left) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
			wait = min(2*wait, mostRetry)
		}
	}
}

func (i *Identity) obtainOne(host string) bool {
	hello := &tls.ClientHelloInfo{
		ServerName: host, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
		SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}, SupportedCurves: []tls.CurveID{tls.CurveP256},
	}
	certificate, err := i.manager.GetCertificate(hello)
	if err != nil {
		i.log.Error("no certificate could be had; it is asked for again", "listener", i.name, "host", host, "error", err)
		return false
	}
	i.log.Info("a certificate is there", "listener", i.name, "host", host, "until", certificate.Leaf.NotAfter)
	return true
}
