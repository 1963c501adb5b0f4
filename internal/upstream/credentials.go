package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger"
)

// credentials are how the https endpoints of a version are spoken to: whom we
// believe and who we are. They come from files that may change.
type credentials struct {
	wanted stagger.UpstreamTLS
	config atomic.Pointer[tls.Config]

	mu   sync.Mutex // guards seen
	seen string     // how the files looked when they were read
}

// maxPEM bounds a file of certificates.
const maxPEM = 4 << 20

func newCredentials(wanted stagger.UpstreamTLS) (*credentials, error) {
	c := &credentials{wanted: wanted}
	if _, err := c.renew(); err != nil {
		return nil, err
	}
	return c, nil
}

// renew reads the files again if they look different, and says whether it did.
// What fails to be read leaves everything as it was, and is tried again when it
// looks different again.
func (c *credentials) renew() (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	look := c.look()
	if look == c.seen && c.config.Load() != nil {
		return false, nil
	}
	c.seen = look
	config, err := c.read()
	if err != nil {
		return false, err
	}
	c.config.Store(config)
	return true, nil
}

// look is a text that changes with the files.
func (c *credentials) look() string {
	var text []byte
	for _, name := range []string{c.wanted.CA, c.wanted.Certificate, c.wanted.Key} {
		if name == "" {
			continue
		}
		if info, err := os.Stat(name); err == nil {
			text = fmt.Appendf(text, "%s %d %d\n", name, info.Size(), info.ModTime().UnixNano())
		}
	}
	return string(text)
}

func (c *credentials) read() (*tls.Config, error) {
	config := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         c.wanted.ServerName,
		InsecureSkipVerify: c.wanted.InsecureSkipVerify, //nolint:gosec // said so in as many words by the configuration
		ClientSessionCache: tls.NewLRUClientSessionCache(64),
	}
	if c.wanted.CA != "" {
		pem, err := readPEM(c.wanted.CA)
		if err != nil {
			return nil, fmt.Errorf("tls ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls ca: %s has no certificate", c.wanted.CA)
		}
	}
	if c.wanted.Certificate != "" {
		pair, err := readPair(c.wanted.Certificate, c.wanted.Key)
		if err != nil {
			return nil, fmt.Errorf("tls certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

func readPair(certificate, key string) (tls.Certificate, error) {
	certPEM, err := readPEM(certificate)
	if err != nil {
		return tls.Certificate{}, err
	}
	keyPEM, err := readPEM(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(certPEM, keyPEM)
}

var errTooLarge = errors.New("the file is too large")

func readPEM(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxPEM {
		return nil, fmt.Errorf("%s: %w", name, errTooLarge)
	}
	return os.ReadFile(name)
}

// towards returns the configuration for a server, with the protocols offered.
func (c *credentials) towards(name string, protocols ...string) *tls.Config {
	config := c.config.Load().Clone()
	if config.ServerName == "" {
		config.ServerName = name
	}
	config.NextProtos = protocols
	return config
}

// files says whether there is anything that can change.
func (c *credentials) files() bool {
	return c.wanted.CA != "" || c.wanted.Certificate != ""
}

// lookAtFiles is how often files are looked at.
const lookAtFiles = 2 * time.Second
