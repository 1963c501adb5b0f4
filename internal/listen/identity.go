package listen

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// Terms say how a door speaks TLS.
type Terms struct {
	// Pairs are the certificates. A client gets the first that fits the name it
	// asks for and what it can verify, or the first of all.
	Pairs []Pair
	// ClientCA is a file of certificates in PEM; clients must show one that is
	// signed by one of them. Empty asks clients for nothing.
	ClientCA string
	// MinVersion is the least version, 1.2 when zero.
	MinVersion uint16
	// ACME gets certificates for some names by itself; nil for none.
	ACME *ACME
}

// Pair names the files of a certificate, with its chain, and its key, in PEM.
type Pair struct{ Certificate, Key string }

// challengeProtocol is what an ACME server speaks to see whether we answer for a
// name (RFC 8737).
const challengeProtocol = acme.ALPNProto

// Identity is what a door proves itself with. It follows its files: new ones
// are used for connections from then on, and bad ones are not used.
type Identity struct {
	name    string // of the door
	terms   Terms
	log     *slog.Logger
	current atomic.Pointer[credentials]
	manager *autocert.Manager

	change sync.Mutex // serialises loading; guards the rest
	stamps stamps     // of the files when they were last looked at
	told   string     // the last complaint, so that it is not repeated
}

// credentials are what one look at the files gave.
type credentials struct {
	config *tls.Config
	leaves []leaf
	stale  bool // newer files are there and cannot be used
}

// leaf is a certificate for the outside to watch.
type leaf struct {
	pair  Pair
	until time.Time
}

// NewIdentity reads the files.
func NewIdentity(name string, t Terms, log *slog.Logger) (*Identity, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	i := &Identity{name: name, terms: t, log: log}
	if t.ACME != nil {
		var err error
		if i.manager, err = t.ACME.manager(); err != nil {
			return nil, err
		}
	}
	i.stamps = stampsOf(t.files())
	c, err := i.load()
	if err != nil {
		return nil, err
	}
	i.use(c, time.Now())
	return i, nil
}

// files are all that an identity is made of.
func (t Terms) files() []string {
	var all []string
	for _, p := range t.Pairs {
		all = append(all, p.Certificate, p.Key)
	}
	if t.ClientCA != "" {
		all = append(all, t.ClientCA)
	}
	return all
}

// load reads the files. Every look makes a configuration of its own, with its
// own keys for session tickets: nobody resumes what was agreed with another
// certificate or under another authority.
func (i *Identity) load() (*credentials, error) {
	c := &credentials{config: &tls.Config{
		MinVersion: max(i.terms.MinVersion, tls.VersionTLS12),
		NextProtos: []string{"h2", "http/1.1"},
	}}
	for _, p := range i.terms.Pairs {
		pair, err := tls.LoadX509KeyPair(p.Certificate, p.Key)
		if err != nil {
			return nil, fmt.Errorf("the certificate %s with the key %s cannot be used: %w", p.Certificate, p.Key, err)
		}
		c.config.Certificates = append(c.config.Certificates, pair)
		c.leaves = append(c.leaves, leaf{p, pair.Leaf.NotAfter})
	}
	if i.terms.ClientCA != "" {
		pool, err := authorities(i.terms.ClientCA)
		if err != nil {
			return nil, err
		}
		c.config.ClientAuth, c.config.ClientCAs = tls.RequireAndVerifyClientCert, pool
	}
	if i.manager != nil {
		i.ask(c.config)
	}
	return c, nil
}

// use takes credentials into use, and says what is not wrong with them and not
// right either.
func (i *Identity) use(c *credentials, now time.Time) {
	i.current.Store(c)
	for _, l := range c.leaves {
		if f, err := os.Stat(l.pair.Key); err == nil && f.Mode().Perm()&0o007 != 0 {
			i.log.Warn("everybody on this machine can use a private key; chmod 600 keeps it", "file", l.pair.Key, "mode", f.Mode().Perm().String())
		}
		if now.After(l.until) {
			i.log.Error("a certificate has expired; clients will refuse it", "listener", i.name, "file", l.pair.Certificate, "expired", l.until)
		}
	}
}

// maxAuthorities bounds the file of a client authority, in bytes.
const maxAuthorities = 4 << 20

func authorities(file string) (*x509.CertPool, error) {
	info, err := os.Stat(file)
	if err == nil && info.Size() > maxAuthorities {
		err = fmt.Errorf("%s has more than %d bytes", file, maxAuthorities)
	}
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", file)
	}
	return pool, nil
}

// lookEvery is how often the files are looked at.
const lookEvery = 2 * time.Second

// Run follows the files, and gets and renews what ACME gives, until ctx ends.
func (i *Identity) Run(ctx context.Context) {
	var lives sync.WaitGroup
	defer lives.Wait()
	if i.manager != nil {
		lives.Go(func() { i.obtain(ctx) })
	}
	clock := time.NewTicker(lookEvery)
	defer clock.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-clock.C:
			i.look(now)
		}
	}
}

// look reads the files again if they have changed.
func (i *Identity) look(now time.Time) {
	i.change.Lock()
	defer i.change.Unlock()
	stamps := stampsOf(i.terms.files())
	if !i.current.Load().stale && stamps.same(i.stamps) {
		return
	}
	i.stamps = stamps
	_ = i.renew(now)
}

// Reload reads the files again. Files that cannot be used change nothing; the
// error says why.
func (i *Identity) Reload() error {
	i.change.Lock()
	defer i.change.Unlock()
	i.stamps = stampsOf(i.terms.files())
	return i.renew(time.Now())
}

func (i *Identity) renew(now time.Time) error {
	old := i.current.Load()
	c, err := i.load()
	if err == nil {
		err = c.olderThan(old, now)
	}
	if err != nil {
		if text := err.Error(); text != i.told {
			i.told = text
			i.log.Error("the new certificates are not used; the old ones stay", "listener", i.name, "error", err)
		}
		kept := *old
		kept.stale = true
		i.current.Store(&kept)
		return err
	}
	i.told = ""
	i.use(c, now)
	i.log.Info("the certificates were read anew", "listener", i.name)
	return nil
}

// olderThan refuses to replace what is valid by what has expired.
func (c *credentials) olderThan(old *credentials, now time.Time) error {
	for k, l := range c.leaves {
		if now.After(l.until) && !now.After(old.leaves[k].until) {
			return fmt.Errorf("the certificate %s expired on %s", l.pair.Certificate, l.until.UTC().Format(time.DateOnly))
		}
	}
	return nil
}

// stamps tell whether files have changed.
type stamps []stamp

type stamp struct {
	at   time.Time
	size int64
}

func stampsOf(files []string) stamps {
	all := make(stamps, len(files))
	for i, name := range files {
		if info, err := os.Stat(name); err == nil {
			all[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return all
}

func (s stamps) same(other stamps) bool {
	for i := range s {
		if !s[i].at.Equal(other[i].at) || s[i].size != other[i].size {
			return false
		}
	}
	return true
}

// errNoCertificate is a name for which nobody has a certificate.
var errNoCertificate = errors.New("there is no certificate for this name")
