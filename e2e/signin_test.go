package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// guest is somebody with a browser that keeps cookies and follows where it is
// sent.
type guest struct {
	t       *testing.T
	at      string // the dashboard
	browser *http.Client
}

func (s *shop) guest(t *testing.T) *guest {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &guest{t, s.admin, &http.Client{Jar: jar, Timeout: 20 * time.Second}}
}

// sight is where a browser ended up, and what it shows.
type sight struct {
	status int
	url    *url.URL
	text   string
}

func (g *guest) goes(to string, form url.Values) sight {
	g.t.Helper()
	if strings.HasPrefix(to, "/") {
		to = g.at + to
	}
	method, body := http.MethodGet, io.Reader(http.NoBody)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(g.t.Context(), method, to, body)
	if err != nil {
		g.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := g.browser.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return sight{response.StatusCode, response.Request.URL, string(text)}
}

// signsIn goes to a page, from there to the provider, and tells it who they are.
func (g *guest) signsIn(path, name, password string) sight {
	g.t.Helper()
	door := g.goes(path, nil)
	link := regexp.MustCompile(`href="(/login/oidc[^"]*)"`).FindStringSubmatch(door.text)
	if link == nil {
		g.t.Fatalf("no way to the provider from %s: %s", door.url, door.text)
	}
	form := g.goes(link[1], nil)
	id := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(form.text)
	if id == nil {
		g.t.Fatalf("no form of the provider at %s: %d %s", form.url, form.status, form.text)
	}
	return g.goes(form.url.Scheme+"://"+form.url.Host+"/login/username", url.Values{"id": {id[1]}, "username": {name}, "password": {password}})
}

// me is what the API says of who asks; "" of a stranger.
func (g *guest) me() string {
	g.t.Helper()
	p := g.goes("/api/v1/me", nil)
	var me struct{ Name, Role, Via string }
	if p.status != http.StatusOK || json.Unmarshal([]byte(p.text), &me) != nil {
		return ""
	}
	return me.Name + " " + me.Role + " " + me.Via
}

// TestPeopleSignInWithAProvider meets a real one: the example server of
// zitadel/oidc, a certified implementation.
func TestPeopleSignInWithAProvider(t *testing.T) {
	needs(t)
	t.Parallel()
	s := bareShop(t)
	port := freePort(t)
	program := filepath.Join(t.TempDir(), "provider")
	build := exec.Command("go", "-C", "../tools/oidc", "build", "-o", program, "github.com/zitadel/oidc/v3/example/server")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the provider: %v\n%s", err, out)
	}
	write(t, filepath.Join(s.dir, "users.json"), `{
		"1": {"ID": "1", "Username": "ana", "Password": "hedgehog", "Email": "ana@example.org", "EmailVerified": true},
		"2": {"ID": "2", "Username": "bob", "Password": "hedgehog", "Email": "bob@example.org", "EmailVerified": true}
	}`)
	write(t, filepath.Join(s.dir, "secret"), "secret\n")
	write(t, filepath.Join(s.dir, "ci"), "the-token-of-the-pipeline\n")
	write(t, filepath.Join(s.dir, "stagger.yaml"), fmt.Sprintf(`
listeners: [{name: web, address: "127.0.0.1:%d"}]
admin:
  address: "127.0.0.1:%d"
  tokens: [{name: ci, role: viewer, file: ci}]
  oidc:
    issuer: "http://localhost:%d/"
    client_id: web
    client_secret_file: secret
    role_claim: email
    roles: {operator: [ana@example.org]}
services:
  - {name: shop, baseline: v1, versions: {v1: {upstreams: ["http://127.0.0.1:1"]}}}
`, s.webPort, s.adminPort, port))
	s.serve()
	ana := s.guest(t)

	t.Run("a provider that is down stops nobody but those who need it", func(t *testing.T) {
		if p := ana.goes("/login/oidc", nil); p.status != http.StatusServiceUnavailable || !strings.Contains(p.text, "cannot be used now") {
			t.Errorf("%d %s", p.status, p.text)
		}
		s.must(exitOK, "", "--token-file", "ci", "services")
	})
	launch(t, s.dir, "provider", "env", fmt.Sprintf("PORT=%d", port), "REDIRECT_URI="+s.admin+"/login/callback", "USERS_FILE=users.json", program)
	eventually(t, "the provider is found", 20*time.Second, func() bool { return ana.goes("/login/oidc", nil).status == http.StatusOK })

	t.Run("who has a role is let in, to where they wanted", func(t *testing.T) {
		if p := ana.signsIn("/?service=shop", "ana", "hedgehog"); p.status != http.StatusOK || p.url.String() != s.admin+"/?service=shop" || !strings.Contains(p.text, "ana@example.org") {
			t.Errorf("%d at %s: %s", p.status, p.url, p.text)
		}
		if me := ana.me(); me != "ana@example.org operator oidc" {
			t.Errorf("the API takes them for %q", me)
		}
	})
	t.Run("and no further", func(t *testing.T) {
		p := ana.goes("/api/v1/services/shop/capture", url.Values{})
		if p.status != http.StatusForbidden || !strings.Contains(p.text, "capture-requests needs the role admin; ana@example.org has the role operator") {
			t.Errorf("%d %s", p.status, p.text)
		}
	})
	t.Run("who has none is told so", func(t *testing.T) {
		bob := s.guest(t)
		if p := bob.signsIn("/", "bob", "hedgehog"); p.status != http.StatusForbidden || !strings.Contains(p.text, "You are bob@example.org, but nobody gave you a role here") {
			t.Errorf("%d at %s: %s", p.status, p.url, p.text)
		}
		if me := bob.me(); me != "" {
			t.Errorf("the API takes them for %q", me)
		}
	})
	t.Run("a token has its own role", func(*testing.T) {
		s.rollout(quick("v1"))
		s.must(exitRefused, "start-rollout needs the role operator; ci has the role viewer", "--token-file", "ci", "start", "-f", "rollout.yaml")
	})
	t.Run("nobody is thrown out by a restart", func(t *testing.T) {
		s.kill()
		s.serve()
		if me := ana.me(); me != "ana@example.org operator oidc" {
			t.Errorf("after a kill the API takes them for %q", me)
		}
		s.server.signal(t, syscall.SIGTERM)
		s.serve()
		if me := ana.me(); me != "ana@example.org operator oidc" {
			t.Errorf("after a stop the API takes them for %q", me)
		}
	})
	t.Run("nor by a hand-over", func(t *testing.T) {
		pid := s.handOver(t, s.server.pid)
		if me := ana.me(); me != "ana@example.org operator oidc" {
			t.Errorf("the API takes them for %q", me)
		}
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		s.server.wait(t, 30*time.Second)
		eventually(t, "the port is free", 10*time.Second, func() bool { return !dials(s.adminPort) })
		s.serve()
	})
	t.Run("a role that is taken away is gone at once", func(t *testing.T) {
		s.edit("stagger.yaml", "operator: [ana@example.org]", "viewer: [ana@example.org]")
		if err := syscall.Kill(s.server.pid, syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the role is viewer", 10*time.Second, func() bool { return ana.me() == "ana@example.org viewer oidc" })
	})
	t.Run("who signs out is out", func(t *testing.T) {
		ana.goes("/logout", url.Values{})
		if me := ana.me(); me != "" {
			t.Errorf("the API takes them for %q", me)
		}
	})
}
