package listen_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stagger-dev/stagger/internal/listen"
	"github.com/stagger-dev/stagger/internal/whence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// authority signs certificates.
type authority struct {
	t    testing.TB
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	next int64
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir(), next: 1}
	a.key = newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.write("ca.pem", "CERTIFICATE", der, 0o644)
	return a
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) write(name, kind string, der []byte, mode os.FileMode) string {
	a.t.Helper()
	path := filepath.Join(a.dir, name)
	// In its place at once, as tools do it that renew certificates.
	if err := os.WriteFile(path+".new", pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode); err != nil {
		a.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// issue writes a certificate for a name into files called so.
func (a *authority) issue(file, name string, until time.Time) listen.Pair {
	a.t.Helper()
	a.next++
	key := newKey(a.t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.next), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return listen.Pair{
		Certificate: a.write(file+".pem", "CERTIFICATE", der, 0o644),
		Key:         a.write(file+".key", "PRIVATE KEY", secret, 0o600),
	}
}

func (a *authority) ca() string { return filepath.Join(a.dir, "ca.pem") }

// client is a configuration that trusts the authority and asks for a name.
func (a *authority) client(name string) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &tls.Config{RootCAs: pool, ServerName: name}
}

func soon() time.Time { return time.Now().Add(time.Hour) }

func identity(t testing.TB, terms listen.Terms, log io.Writer) *listen.Identity {
	t.Helper()
	if log == nil {
		log = io.Discard
	}
	i, err := listen.NewIdentity("web", terms, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// open opens a door on loopback that tells everybody their address as it sees
// it, and returns where.
func open(t testing.TB, d *listen.Door) string {
	t.Helper()
	if d.Addresses == nil {
		d.Addresses = []string{"127.0.0.1:0"}
	}
	d.Name = "web"
	all, err := d.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l := all[0]
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.WriteString(c, c.RemoteAddr().String()+"\n")
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String()
}

// dial connects and returns the connection; it is closed after the test.
func dial(t testing.TB, address string) net.Conn {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	return c
}

// line reads what the door says.
func line(c net.Conn) string {
	var b [1]byte
	text := ""
	for {
		if _, err := io.ReadFull(c, b[:]); err != nil || b[0] == '\n' {
			return text
		}
		text += string(b[:])
	}
}

var loopback = whence.Trust{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}

func TestThePrefaceIsTakenFromTheTrusted(t *testing.T) {
	const preface = "PROXY TCP4 203.0.113.7 10.0.0.1 8080 443\r\n"
	for _, row := range []struct {
		rule    string
		mode    listen.Mode
		trusted whence.Trust
		says    string
		want    string // "" that the connection is closed, "self" that it is the client's own
		echo    string
	}{
		{"required and there", listen.Required, loopback, preface + "hello", "203.0.113.7:8080", "hello"},
		{"optional and there", listen.Optional, loopback, preface + "hello", "203.0.113.7:8080", "hello"},
		{"optional and not there", listen.Optional, loopback, "hello", "self", "hello"},
		{"required and not there", listen.Required, loopback, "hello, who is there", "", ""},
		{"required of a stranger", listen.Required, whence.Trust{}, preface, "", ""},
		{"from a stranger it is no preface", listen.Optional, whence.Trust{}, preface, "self", preface},
		{"wrong", listen.Optional, loopback, "PROXY TCP4 nobody\r\n", "", ""},
		{"a health check of the balancer", listen.Required, loopback, "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00hello", "self", "hello"},
	} {
		t.Run(row.rule, func(t *testing.T) {
			c := dial(t, open(t, &listen.Door{Preface: row.mode, Trusted: row.trusted}))
			_, _ = io.WriteString(c, row.says)
			want := row.want
			if want == "self" {
				want = c.LocalAddr().String()
			}
			if got := line(c); got != want {
				t.Fatalf("the client is %q, want %q", got, want)
			}
			echo := make([]byte, len(row.echo))
			if _, err := io.ReadFull(c, echo); err != nil || string(echo) != row.echo {
				t.Errorf("then came %q (%v), want %q", echo, err, row.echo)
			}
		})
	}
}

func TestAPrefaceMayComeInPieces(t *testing.T) {
	c := dial(t, open(t, &listen.Door{Preface: listen.Required, Trusted: loopback}))
	for _, piece := range strings.SplitAfter("PROXY TCP4 203.0.113.7 10.0.0.1 8080 443\r\nhi", "") {
		if _, err := io.WriteString(c, piece); err != nil {
			t.Fatal(err)
		}
	}
	if got := line(c); got != "203.0.113.7:8080" {
		t.Errorf("the client is %q", got)
	}
}

func TestWhoDawdlesIsSentAwayAndKeepsNobodyWaiting(t *testing.T) {
	a := newAuthority(t)
	address := open(t, &listen.Door{
		Preface: listen.Required, Trusted: loopback, Patience: 2 * time.Second,
		Identity: identity(t, listen.Terms{Pairs: []listen.Pair{a.issue("a", "a.example", soon())}}, nil),
	})
	silent, half, mute := dial(t, address), dial(t, address), dial(t, address)
	_, _ = io.WriteString(half, "PROXY TCP4 ")
	_, _ = io.WriteString(mute, "PROXY UNKNOWN\r\n") // and no greeting of TLS
	quick := dial(t, address)
	_, _ = io.WriteString(quick, "PROXY TCP4 203.0.113.7 10.0.0.1 8080 443\r\n")
	secure := tls.Client(quick, a.client("a.example"))
	if got := line(secure); got != "203.0.113.7:8080" {
		t.Fatalf("the client is %q", got)
	}
	for name, c := range map[string]net.Conn{"silent": silent, "half": half, "mute": mute} {
		if _, err := c.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
			t.Errorf("the %s one was not sent away: %v", name, err)
		}
	}
}

func handshake(t testing.TB, address string, config *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	c := tls.Client(dial(t, address), config)
	if err := c.HandshakeContext(t.Context()); err != nil {
		return tls.ConnectionState{}, err
	}
	_, err := c.Read(make([]byte, 1)) // in TLS 1.3 a refusal of the client comes after its handshake
	return c.ConnectionState(), err
}

func TestTheCertificateFitsTheName(t *testing.T) {
	a := newAuthority(t)
	address := open(t, &listen.Door{Identity: identity(t, listen.Terms{Pairs: []listen.Pair{
		a.issue("a", "a.example", soon()), a.issue("b", "*.b.example", soon()),
	}}, nil)})
	for name, want := range map[string]string{"a.example": "a.example", "x.b.example": "*.b.example"} {
		state, err := handshake(t, address, a.client(name))
		if err != nil {
			t.Fatal(err)
		}
		if got := state.PeerCertificates[0].DNSNames[0]; got != want {
			t.Errorf("for %s there was %s", name, got)
		}
	}
	lenient := a.client("c.example")
	lenient.InsecureSkipVerify = true
	if state, err := handshake(t, address, lenient); err != nil || state.PeerCertificates[0].DNSNames[0] != "a.example" {
		t.Errorf("an unknown name got %v, want the first certificate", err)
	}
}

func TestOldVersionsOfTLSAreRefused(t *testing.T) {
	a := newAuthority(t)
	pairs := []listen.Pair{a.issue("a", "a.example", soon())}
	for _, row := range []struct {
		least, speaks uint16
		ok            bool
	}{
		{0, tls.VersionTLS11, false},
		{0, tls.VersionTLS12, true},
		{0, tls.VersionTLS13, true},
		{tls.VersionTLS13, tls.VersionTLS12, false},
		{tls.VersionTLS13, tls.VersionTLS13, true},
	} {
		address := open(t, &listen.Door{Identity: identity(t, listen.Terms{Pairs: pairs, MinVersion: row.least}, nil)})
		config := a.client("a.example")
		config.MinVersion, config.MaxVersion = tls.VersionTLS10, row.speaks
		if _, err := handshake(t, address, config); (err == nil) != row.ok {
			t.Errorf("%s where %s is asked for: %v", tls.VersionName(row.speaks), tls.VersionName(row.least), err)
		}
	}
}

func TestClientsShowACertificateWhereThatIsAsked(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	address := open(t, &listen.Door{Identity: identity(t, listen.Terms{
		Pairs: []listen.Pair{a.issue("a", "a.example", soon())}, ClientCA: a.ca(),
	}, nil)})
	for _, row := range []struct {
		rule string
		show *listen.Pair
		ok   bool
	}{
		{"none", nil, false},
		{"of the authority", new(a.issue("client", "client", soon())), true},
		{"of another", new(other.issue("client", "client", soon())), false},
	} {
		config := a.client("a.example")
		if row.show != nil {
			pair, err := tls.LoadX509KeyPair(row.show.Certificate, row.show.Key)
			if err != nil {
				t.Fatal(err)
			}
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		}
		if _, err := handshake(t, address, config); (err == nil) != row.ok {
			t.Errorf("%s: %v", row.rule, err)
		}
	}
}

func TestPlainHTTPIsToldToUseTLS(t *testing.T) {
	a := newAuthority(t)
	c := dial(t, open(t, &listen.Door{Identity: identity(t, listen.Terms{Pairs: []listen.Pair{a.issue("a", "a.example", soon())}}, nil)}))
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
	if got := line(c); got != "HTTP/1.1 400 Bad Request\r" {
		t.Errorf("it was told %q", got)
	}
}

func TestSessionsAreResumed(t *testing.T) {
	a := newAuthority(t)
	i := identity(t, listen.Terms{Pairs: []listen.Pair{a.issue("a", "a.example", soon())}}, nil)
	address := open(t, &listen.Door{Identity: i})
	config := a.client("a.example")
	config.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	resumed := func() bool {
		state, err := handshake(t, address, config)
		if err != nil {
			t.Fatal(err)
		}
		return state.DidResume
	}
	if resumed() || !resumed() {
		t.Error("the second connection did not resume the first")
	}
	if err := i.Reload(); err != nil {
		t.Fatal(err)
	}
	if resumed() {
		t.Error("a session outlived its certificates")
	}
}

// TestNewCertificatesAreUsedWithoutAFailedHandshake replaces certificates while
// clients connect all the time, some of them by files that cannot be used.
func TestNewCertificatesAreUsedWithoutAFailedHandshake(t *testing.T) {
	a := newAuthority(t)
	var log strings.Builder
	pair := a.issue("a", "a.example", soon())
	i := identity(t, listen.Terms{Pairs: []listen.Pair{pair}}, &log)
	address := open(t, &listen.Door{Identity: i})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	type seen struct {
		serials map[string]bool
		err     error
	}
	result := make(chan seen)
	go func() {
		s := seen{serials: map[string]bool{}}
		for ctx.Err() == nil && s.err == nil {
			var state tls.ConnectionState
			if state, s.err = handshake(t, address, a.client("a.example")); s.err == nil {
				s.serials[state.PeerCertificates[0].SerialNumber.String()] = true
			}
		}
		result <- s
	}()
	for k := range 30 {
		switch k % 3 {
		case 0:
			a.issue("a", "a.example", soon())
			if err := i.Reload(); err != nil {
				t.Errorf("new files: %v", err)
			}
		case 1: // the key of another certificate
			a.write("a.key", "PRIVATE KEY", []byte("nonsense"), 0o600)
			if err := i.Reload(); err == nil {
				t.Error("a key that is none was taken")
			}
		case 2:
			a.issue("a", "a.example", time.Now().Add(-time.Hour))
			if err := i.Reload(); err == nil {
				t.Error("a certificate that has expired replaced one that has not")
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	s := <-result
	if s.err != nil {
		t.Errorf("a handshake failed: %v", s.err)
	}
	if len(s.serials) < 3 {
		t.Errorf("%d certificates were seen, want several", len(s.serials))
	}
	if !strings.Contains(log.String(), "the new certificates are not used") {
		t.Error("nobody was told of the bad files")
	}
}

// TestFilesAreFollowed needs no signal.
func TestFilesAreFollowed(t *testing.T) {
	a := newAuthority(t)
	i := identity(t, listen.Terms{Pairs: []listen.Pair{a.issue("a", "a.example", soon())}}, nil)
	address := open(t, &listen.Door{Identity: i})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); i.Run(ctx) }()
	defer func() { stop(); <-ended }()
	serial := func() string {
		state, err := handshake(t, address, a.client("a.example"))
		if err != nil {
			t.Fatal(err)
		}
		return state.PeerCertificates[0].SerialNumber.String()
	}
	before := serial()
	a.issue("a", "a.example", soon())
	for end := time.Now().Add(30 * time.Second); serial() == before; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the new certificate was not seen")
		}
	}
}

func TestAKeyForEverybodyIsToldOf(t *testing.T) {
	a := newAuthority(t)
	pair := a.issue("a", "a.example", soon())
	if err := os.Chmod(pair.Key, 0o644); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	identity(t, listen.Terms{Pairs: []listen.Pair{pair}}, &log)
	if !strings.Contains(log.String(), "everybody on this machine can use a private key") {
		t.Errorf("the log says %q", log.String())
	}
}

func TestAUnixSocketIsADoor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.sock")
	// One that was left behind is in nobody's way; one that is used is.
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	_ = left.Close()
	open(t, &listen.Door{Addresses: []string{"unix:" + path}})
	c, err := (&net.Dialer{}).DialContext(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	line(c)
	_, err = (&listen.Door{Name: "web", Addresses: []string{"unix:" + path}}).Open(t.Context())
	if err == nil || !strings.Contains(err.Error(), "in use already") {
		t.Errorf("a second door got %v", err)
	}
}
