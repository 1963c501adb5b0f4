package app_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger/internal/app"
	"github.com/stagger-dev/stagger/internal/config"
)

const (
	anasSecret = "the-secret-of-ana"
	wallSecret = "the-secret-of-the-wall"
)

func guarded(t *testing.T, tokens ...config.Token) config.Server {
	t.Helper()
	c := server(t, filepath.Join(t.TempDir(), "stagger.db"), map[string]string{"v1": backend(t, "v1"), "v2": backend(t, "v2")})
	c.Admin.Tokens = tokens
	return c
}

func (w *world) statusFor(t *testing.T, secret string) int {
	t.Helper()
	status, _ := get(t, w.AdminURL()+"/api/v1/me", "Authorization", "Bearer "+secret)
	return status
}

func TestReloadChangesWhoMayComeIn(t *testing.T) {
	ana := config.Token{Name: "ana", Role: "admin", Secret: anasSecret}
	wall := config.Token{Name: "wall", Role: "viewer", Secret: wallSecret}
	c := guarded(t, ana)
	w := start(t, c)
	if a, b := w.statusFor(t, anasSecret), w.statusFor(t, wallSecret); a != 200 || b != 401 {
		t.Errorf("before: ana %d, wall %d", a, b)
	}
	c.Admin.Tokens = []config.Token{wall}
	must(t, w.Reload(c))
	if a, b := w.statusFor(t, anasSecret), w.statusFor(t, wallSecret); a != 401 || b != 200 {
		t.Errorf("after: ana %d, wall %d", a, b)
	}
}

// TestReloadOpensNoPortToOthers: the address stays as it was bound, so what is
// fine on loopback is not fine there.
func TestReloadOpensNoPortToOthers(t *testing.T) {
	c := guarded(t, config.Token{Name: "ana", Role: "admin", Secret: anasSecret})
	c.Admin.Address = "0.0.0.0:0"
	w := start(t, c)
	address := strings.Replace(w.AdminURL(), "[::]", "127.0.0.1", 1)
	c.Admin.Tokens, c.Admin.Address = nil, "127.0.0.1:0"
	must(t, w.Reload(c))
	if status, _ := get(t, address+"/api/v1/me"); status != http.StatusUnauthorized {
		t.Errorf("a stranger gets %d", status)
	}
	if status, _ := get(t, address+"/api/v1/me", "Authorization", "Bearer "+anasSecret); status != http.StatusOK {
		t.Errorf("ana gets %d", status)
	}
}

// TestASessionOutlivesAStop signs in, starts the app anew on the same store, and
// is still somebody.
func TestASessionOutlivesAStop(t *testing.T) {
	c := guarded(t, config.Token{Name: "ana", Role: "admin", Secret: anasSecret})
	first := app.New(c, app.Options{})
	must(t, first.Start(t.Context()))
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Timeout: 10 * time.Second}
	response, err := client.Post(first.AdminURL()+"/login", "application/x-www-form-urlencoded", strings.NewReader("token="+anasSecret))
	must(t, err)
	must(t, response.Body.Close())
	client.CloseIdleConnections()
	must(t, first.Stop(context.Background()))
	if response.StatusCode != http.StatusSeeOther || len(response.Cookies()) != 1 {
		t.Fatalf("signing in: %d, %v", response.StatusCode, response.Cookies())
	}
	cookie := response.Cookies()[0]
	second := start(t, c)
	name := strings.Replace(cookie.Name, port(t, first.AdminURL()), port(t, second.AdminURL()), 1) // a test's port is another each time
	if status, body := get(t, second.AdminURL()+"/api/v1/me", "Cookie", name+"="+cookie.Value); status != http.StatusOK || !strings.Contains(body, `"name":"ana"`) {
		t.Errorf("%d %s", status, body)
	}
}

func port(t *testing.T, address string) string {
	t.Helper()
	at, err := url.Parse(address)
	must(t, err)
	return at.Port()
}

func TestReadFetchesEverySecret(t *testing.T) {
	folder := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(folder, name)
		must(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	ana, empty := file("ana", anasSecret+"\n"), file("empty", "\n")
	t.Setenv("STAGGER_TEST_WALL", wallSecret)
	t.Setenv("STAGGER_TEST_ANA", anasSecret)
	for name, row := range map[string]struct{ admin, problem string }{
		"all":            {fmt.Sprintf("tokens: [{name: ana, role: admin, file: %s}, {name: wall, role: viewer, env: STAGGER_TEST_WALL}], oidc: {issuer: 'https://sso.example.org', client_id: s, client_secret_env: STAGGER_TEST_WALL, default_role: viewer}", ana), ""},
		"the same twice": {fmt.Sprintf("tokens: [{name: ana, role: admin, file: %s}, {name: wall, role: viewer, env: STAGGER_TEST_ANA}]", ana), "admin.tokens[1]: the token of wall is that of ana too"},
		"that of admin":  {fmt.Sprintf("token_file: %s, tokens: [{name: wall, role: viewer, env: STAGGER_TEST_ANA}]", ana), "the token of wall is that of admin too"},
		"nothing there":  {fmt.Sprintf("tokens: [{name: ana, role: admin, file: %s}]", empty), "holds nothing"},
		"no such file":   {"tokens: [{name: ana, role: admin, file: /nowhere/ana}]", "read admin.tokens[0].file"},
		"no such secret": {"oidc: {issuer: 'https://sso.example.org', client_id: s, client_secret_file: /nowhere/s, default_role: viewer}", "read admin.oidc.client_secret_file"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := app.Read(file("stagger.yaml", fmt.Sprintf(`
admin: {%s}
services: [{name: shop, baseline: v1, versions: {v1: {upstreams: ["http://127.0.0.1:1"]}}}]
`, row.admin)))
			if row.problem != "" {
				if err == nil || !strings.Contains(err.Error(), row.problem) || strings.Contains(err.Error(), anasSecret) {
					t.Errorf("the error is %v; it should tell of %q and no secret", err, row.problem)
				}
				return
			}
			must(t, err)
			if s.Admin.Tokens[0].Secret != anasSecret || s.Admin.Tokens[1].Secret != wallSecret || s.Admin.OIDC.ClientSecret != wallSecret {
				t.Errorf("%+v %+v", s.Admin.Tokens, s.Admin.OIDC)
			}
		})
	}
}
