package dashboard_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/stagger-dev/stagger/internal/api/apitest"
	"github.com/stagger-dev/stagger/internal/auth"
	"github.com/stagger-dev/stagger/internal/dashboard"
)

const viewerSecret = "secret-of-the-viewer"

// person is somebody with a browser, in front of a dashboard that asks who they
// are.
type person struct {
	url     string
	browser *http.Client
	guard   *auth.Guard
	hops    []string // where the browser was sent
}

func newPerson(t *testing.T, rules auth.Rules) *person {
	t.Helper()
	s := apitest.Open(t)
	guard := auth.New(auth.Options{Rules: rules, Page: dashboard.Refused})
	t.Cleanup(guard.Close)
	mux := http.NewServeMux()
	mux.Handle("/api/", apitest.Handler(s))
	mux.Handle("/", dashboard.New(dashboard.Config{Store: s, Services: apitest.Services, Guard: guard}))
	server := httptest.NewServer(guard.Handler(mux))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	jar, err := cookiejar.New(nil)
	must(t, err)
	p := &person{url: server.URL, guard: guard}
	p.browser = &http.Client{Transport: server.Client().Transport, Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		p.hops = append(p.hops, r.URL.RequestURI())
		return nil
	}}
	return p
}

// goes follows a link, or sends a form, as a browser does.
func (p *person) goes(t *testing.T, path string, status int, form ...string) page {
	t.Helper()
	p.hops = nil
	method, body := http.MethodGet, ""
	if form != nil {
		values := url.Values{}
		for _, field := range form {
			name, value, _ := strings.Cut(field, "=")
			values.Set(name, value)
		}
		method, body = http.MethodPost, values.Encode()
	}
	r, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(body))
	must(t, err)
	r.Header.Set("Accept", "text/html")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", p.url)
	}
	response, err := p.browser.Do(r)
	must(t, err)
	defer func() { must(t, response.Body.Close()) }()
	content, err := io.ReadAll(response.Body)
	must(t, err)
	if response.StatusCode != status {
		t.Fatalf("%s: %d %s", path, response.StatusCode, content)
	}
	root, err := html.Parse(strings.NewReader(string(content)))
	must(t, err)
	return page{root, string(content)}
}

func (p *person) wasSent(t *testing.T, hops ...string) {
	t.Helper()
	if strings.Join(p.hops, " ") != strings.Join(hops, " ") {
		t.Errorf("the browser was sent to %q, want %q", p.hops, hops)
	}
}

func aViewer() auth.Rules {
	return auth.Rules{Tokens: []auth.Token{{Name: "wall", Role: auth.Viewer, Secret: viewerSecret}}}
}

func field(p page, name string) string {
	for _, n := range p.tags("input") {
		if attribute(n, "name") == name {
			return attribute(n, "value")
		}
	}
	return ""
}

// TestSomebodySignsInAndOut is the way of a person who follows a link from a chat.
func TestSomebodySignsInAndOut(t *testing.T) {
	p := newPerson(t, aViewer())
	form := p.goes(t, "/?service=shop", 200)
	p.wasSent(t, "/login?to=%2F%3Fservice%3Dshop")
	form.wants(t, "Sign in to Stagger", "Token")
	wrong := p.goes(t, "/login", 403, "to="+field(form, "to"), "token=guess")
	wrong.wants(t, "Not signed in.", "no token that is known here")
	if strings.Contains(wrong.source, "guess") {
		t.Error("the page shows what was typed")
	}
	in := p.goes(t, "/login", 200, "to="+field(wrong, "to"), "token="+viewerSecret)
	p.wasSent(t, "/?service=shop")
	in.wants(t, "Signed in as wall viewer", "Sign out", "Services")
	p.goes(t, "/login?to=/rollouts/x", 404) // who is signed in already goes on
	p.wasSent(t, "/rollouts/x")
	out := p.goes(t, "/logout", 200, "")
	p.wasSent(t, "/login?left")
	out.wants(t, "You are signed out.")
	p.goes(t, "/", 200)
	p.wasSent(t, "/login")
}

func TestSigningInLeadsToNoOtherServer(t *testing.T) {
	p := newPerson(t, aViewer())
	form := p.goes(t, "/login?to=//evil.example/", 200)
	if to := field(form, "to"); to != "/" {
		t.Errorf("the form leads to %q", to)
	}
	p.goes(t, "/login", 200, "to=https://evil.example/", "token="+viewerSecret)
	p.wasSent(t, "/")
}

func TestSigningInAsksForWhatThereIs(t *testing.T) {
	token := auth.Token{Name: "wall", Role: auth.Viewer, Secret: viewerSecret}
	provider := &auth.OIDC{Issuer: "http://127.0.0.1:1/", ClientID: "stagger", DefaultRole: auth.Viewer}
	for name, row := range map[string]struct {
		rules           auth.Rules
		token, provider bool
	}{
		"a token":    {auth.Rules{Tokens: []auth.Token{token}}, true, false},
		"a provider": {auth.Rules{OIDC: provider}, false, true},
		"both":       {auth.Rules{Tokens: []auth.Token{token}, OIDC: provider}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPerson(t, row.rules)
			form := p.goes(t, "/rollouts/x", 200)
			links := form.all(func(n *html.Node) bool { return attribute(n, "href") == "/login/oidc?to=%2Frollouts%2Fx" })
			if got := len(form.tags("form")) == 1; got != row.token {
				t.Errorf("it asks for a token: %t", got)
			}
			if got := len(links) == 1; got != row.provider {
				t.Errorf("it leads to the provider: %t", got)
			}
			if row.provider {
				down := p.goes(t, attribute(links[0], "href"), 503)
				down.wants(t, "Not signed in.", "The sign-in provider 127.0.0.1:1 cannot be used now")
				p.goes(t, "/login/callback?code=x&state=y", 403).wants(t, "did not begin in this browser")
			}
		})
	}
}

func TestWithoutProofNobodyIsAskedToSignIn(t *testing.T) {
	p := newPerson(t, auth.Rules{})
	first := p.goes(t, "/login", 200)
	p.wasSent(t, "/")
	first.wants(t, "local admin")
	if strings.Contains(first.source, "Sign out") {
		t.Error("there is nothing to sign out of")
	}
}

func TestPagesOfSigningInHoldThePolicy(t *testing.T) {
	p := newPerson(t, aViewer())
	for _, path := range []string{"/login", "/static/stagger.css"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+path, http.NoBody)
		must(t, err)
		response, err := p.browser.Do(r)
		must(t, err)
		must(t, response.Body.Close())
		if policy := response.Header.Get("Content-Security-Policy"); response.StatusCode != http.StatusOK || !strings.Contains(policy, "form-action 'self'") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: %d, policy %q", path, response.StatusCode, policy)
		}
	}
	w := httptest.NewRecorder()
	dashboard.Refused(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody), 429, "too many <b>")
	if w.Code != 429 || w.Header().Get("Content-Security-Policy") == "" || !strings.Contains(w.Body.String(), "too many &lt;b&gt;") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

// TestASessionThatEndedAsksAgain: what is taken away elsewhere is missed
// on the next page.
func TestASessionThatEndedAsksAgain(t *testing.T) {
	p := newPerson(t, aViewer())
	p.goes(t, "/login", 200, "token="+viewerSecret)
	p.guard.Use(auth.Rules{Tokens: []auth.Token{{Name: "wall", Role: auth.Viewer, Secret: viewerSecret + "-anew"}}})
	p.goes(t, "/", 200)
	p.wasSent(t, "/login")
}
