package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc/oidctest"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/auth"
)

// provider is an OpenID Connect provider that says what the test wants. A real
// one is met in e2e; this one lies.
type provider struct {
	*httptest.Server

	key    *ecdsa.PrivateKey
	signed *ecdsa.PrivateKey // what it signs with
	lie    func(claims map[string]any)
	silent bool           // it gives no ID token
	more   map[string]any // what it tells when asked for more; nil for no such thing

	mu         sync.Mutex
	challenges map[string]string // of PKCE, by code
	nonces     map[string]string // by code
	found      int               // how often it was looked for
	down       bool
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	p := &provider{key: key, signed: key, challenges: make(map[string]string), nonces: make(map[string]string), lie: func(map[string]any) {}}
	base := &oidctest.Server{PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: "k", Algorithm: "ES256"}}, Algorithms: []string{"ES256"}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userinfo)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/.well-known/") && !p.asked() {
			http.Error(w, "I am ill", http.StatusServiceUnavailable)
			return
		}
		if p.more == nil || !strings.HasPrefix(r.URL.Path, "/.well-known/") {
			base.ServeHTTP(w, r)
			return
		}
		record := httptest.NewRecorder() // it is the same, and one thing more
		base.ServeHTTP(record, r)
		said := map[string]any{}
		_ = json.Unmarshal(record.Body.Bytes(), &said)
		said["userinfo_endpoint"] = p.URL + "/userinfo"
		answer(w, said)
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	base.SetIssuer(p.URL)
	return p
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (p *provider) asked() (well bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.found++
	return !p.down
}

func (p *provider) set(down bool) (found int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
	return p.found
}

// agree is what the provider does once a person has agreed: it remembers what was
// asked and gives a code for it.
func (p *provider) agree(t *testing.T, asked *url.URL) url.Values {
	t.Helper()
	q := asked.Query()
	if q.Get("code_challenge_method") != "S256" || q.Get("client_id") != "stagger" || q.Get("response_type") != "code" || !strings.Contains(q.Get("scope"), "openid") {
		t.Fatalf("the provider is asked %s", asked)
	}
	code := rand.Text()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.challenges[code], p.nonces[code] = q.Get("code_challenge"), q.Get("nonce")
	return url.Values{"code": {code}, "state": {q.Get("state")}}
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	p.mu.Lock()
	challenge, nonce := p.challenges[r.PostFormValue("code")], p.nonces[r.PostFormValue("code")]
	delete(p.challenges, r.PostFormValue("code"))
	p.mu.Unlock()
	if id != "stagger" || secret != "shared" || challenge == "" || challenge != base64.RawURLEncoding.EncodeToString(sum[:]) {
		w.WriteHeader(http.StatusBadRequest)
		answer(w, map[string]string{"error": "invalid_grant"})
		return
	}
	now := time.Now()
	claims := map[string]any{
		"iss": p.URL, "aud": "stagger", "sub": "17", "nonce": nonce, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
		"email": "ana@example.org", "email_verified": true, "groups": []string{"staff", "sre"},
	}
	p.lie(claims)
	body, _ := json.Marshal(claims)
	said := map[string]any{"access_token": "a", "token_type": "Bearer", "expires_in": 60}
	if !p.silent {
		said["id_token"] = oidctest.SignIDToken(p.signed, "k", "ES256", string(body))
	}
	answer(w, said)
}

func (p *provider) userinfo(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer a" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	answer(w, p.more)
}

func (p *provider) rules() auth.Rules {
	return auth.Rules{OIDC: &auth.OIDC{
		Issuer: p.URL, ClientID: "stagger", ClientSecret: "shared",
		Roles: map[auth.Role][]string{auth.Admin: {"owners"}, auth.Operator: {"sre", "release"}},
	}}
}

// visit is one browser's way to the provider and back.
type visit struct {
	d      *door
	cookie string // that binds the browser to what it began
	back   url.Values
}

func (p *provider) visit(t *testing.T, d *door) visit {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "http://stagger.example/login/oidc", http.NoBody)
	w := httptest.NewRecorder()
	must(t, d.BeginOIDC(w, r, "/rollouts/r1"))
	to, err := url.Parse(w.Header().Get("Location"))
	must(t, err)
	if got := to.Query().Get("redirect_uri"); got != "http://stagger.example/login/callback" {
		t.Errorf("people come back to %s", got)
	}
	cookie := w.Result().Cookies()[0]
	return visit{d, cookie.Name + "=" + cookie.Value, p.agree(t, to)}
}

// finish comes back, and returns the header that shows the session.
func (v visit) finish(t *testing.T) (to, cookie string, err error) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "http://stagger.example/login/callback?"+v.back.Encode(), http.NoBody)
	r.Header.Set("Cookie", v.cookie)
	w := httptest.NewRecorder()
	to, err = v.d.FinishOIDC(w, r)
	for _, c := range w.Result().Cookies() {
		if c.MaxAge > 0 {
			cookie = "Cookie: " + c.Name + "=" + c.Value
		}
	}
	return to, cookie, err
}

func TestTheProvidersWordLetsIn(t *testing.T) {
	p := newProvider(t)
	d := newDoor(t, auth.Options{Rules: p.rules()})
	d.wantsRefusal(t, 401)
	to, cookie, err := p.visit(t, d).finish(t)
	must(t, err)
	if to != "/rollouts/r1" {
		t.Errorf("back at %s", to)
	}
	d.wants(t, "ana@example.org operator oidc", cookie)

	rules := p.rules()
	rules.OIDC.Roles = map[auth.Role][]string{auth.Viewer: {"sre"}}
	d.Use(rules)
	d.wants(t, "ana@example.org viewer oidc", cookie)
	rules.OIDC = &auth.OIDC{Issuer: p.URL, ClientID: "stagger", Roles: map[auth.Role][]string{auth.Viewer: {"owners"}}}
	d.Use(rules)
	d.wantsRefusal(t, 401, cookie)
}

func TestWhatTheProviderMustNotSay(t *testing.T) {
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	claim := func(name string, value any) func(*provider) {
		return func(p *provider) { p.lie = func(c map[string]any) { c[name] = value } }
	}
	for name, row := range map[string]struct {
		lie  func(*provider)
		back func(url.Values)
		want string
	}{
		"to somebody else":       {lie: claim("aud", "another"), want: "expected audience"},
		"about another sign-in":  {lie: claim("nonce", "x"), want: "nonce differs"},
		"without a nonce":        {lie: claim("nonce", nil), want: "nonce differs"},
		"long ago":               {lie: claim("exp", time.Now().Add(-time.Minute).Unix()), want: "expired"},
		"as another":             {lie: claim("iss", "https://evil.example"), want: "issued by a different provider"},
		"in another's hand":      {lie: func(p *provider) { p.signed = stranger }, want: "verify"},
		"nothing":                {lie: func(p *provider) { p.silent = true }, want: "lacks an ID token"},
		"no group":               {lie: claim("groups", []string{"staff"}), want: "nobody gave you a role"},
		"groups as a number":     {lie: claim("groups", 17), want: "nobody gave you a role"},
		"another code":           {back: func(q url.Values) { q.Set("code", "guess") }, want: "did not confirm"},
		"no code":                {back: func(q url.Values) { q.Del("code") }, want: "holds no code"},
		"another state":          {back: func(q url.Values) { q.Set("state", "x") }, want: "another sign-in"},
		"no":                     {back: func(q url.Values) { q.Set("error", "access_denied"); q.Set("error_description", "ask\nAna") }, want: "access_denied ask Ana"},
		"that it is another one": {back: func(q url.Values) { q.Set("iss", "https://evil.example") }, want: "another provider"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			if row.lie != nil {
				row.lie(p)
			}
			d := newDoor(t, auth.Options{Rules: p.rules()})
			v := p.visit(t, d)
			if row.back != nil {
				row.back(v.back)
			}
			to, cookie, err := v.finish(t)
			if stagger.CodeOf(err) != stagger.CodeDenied || !strings.Contains(err.Error(), row.want) || cookie != "" || to != "/rollouts/r1" {
				t.Errorf("%v, cookie %q, on to %q; want %q", err, cookie, to, row.want)
			}
		})
	}
}

func TestASignInBelongsToTheBrowserThatBeganIt(t *testing.T) {
	p := newProvider(t)
	d := newDoor(t, auth.Options{Rules: p.rules()})
	mine, theirs := p.visit(t, d), p.visit(t, d)
	for name, cookie := range map[string]string{
		"no cookie": "", "another's": theirs.cookie, "one made up": "stagger_oidc=eyJzdGF0ZSI6IngifQ", "one changed": mine.cookie[:len(mine.cookie)-2] + "AA",
	} {
		v := visit{d, cookie, mine.back}
		if _, cookie, err := v.finish(t); stagger.CodeOf(err) != stagger.CodeDenied || cookie != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := mine.finish(t); err != nil {
		t.Error(err)
	}
	if _, _, err := mine.finish(t); stagger.CodeOf(err) != stagger.CodeDenied {
		t.Errorf("a code works twice: %v", err)
	}
}

func TestClaimsGiveNamesAndRoles(t *testing.T) {
	for name, row := range map[string]struct {
		said, more map[string]any
		change     func(*auth.OIDC)
		want       string // "" for no role
	}{
		"a group":                  {want: "ana@example.org operator oidc"},
		"the highest of two":       {said: map[string]any{"groups": []string{"sre", "owners"}}, want: "ana@example.org admin oidc"},
		"one text":                 {said: map[string]any{"groups": "owners"}, want: "ana@example.org admin oidc"},
		"a claim inside a claim":   {said: map[string]any{"realm_access": map[string]any{"roles": []string{"owners"}}}, change: func(o *auth.OIDC) { o.RoleClaim = "realm_access.roles" }, want: "ana@example.org admin oidc"},
		"a claim with dots":        {said: map[string]any{"https://a.b/roles": "sre"}, change: func(o *auth.OIDC) { o.RoleClaim = "https://a.b/roles" }, want: "ana@example.org operator oidc"},
		"none, and a role for all": {said: map[string]any{"groups": nil}, change: func(o *auth.OIDC) { o.DefaultRole = auth.Viewer }, want: "ana@example.org viewer oidc"},
		"a name that is asked for": {said: map[string]any{"nick": "Ana"}, change: func(o *auth.OIDC) { o.NameClaim = "nick" }, want: "Ana operator oidc"},
		"a name that is not there": {change: func(o *auth.OIDC) { o.NameClaim = "nick" }},
		"a name with a line end":   {said: map[string]any{"nick": "a\nb"}, change: func(o *auth.OIDC) { o.NameClaim = "nick" }},
		"mail nobody made sure of": {said: map[string]any{"email_verified": false, "preferred_username": "ana"}, want: "ana operator oidc"},
		"and asked for":            {said: map[string]any{"email_verified": "false"}, change: func(o *auth.OIDC) { o.NameClaim = "email" }},
		"a role by unverified mail": {said: map[string]any{"email_verified": false}, change: func(o *auth.OIDC) {
			o.RoleClaim, o.Roles = "email", map[auth.Role][]string{auth.Admin: {"ana@example.org"}}
		}},
		"no name but the subject":    {said: map[string]any{"email": nil}, want: "17 operator oidc"},
		"what is told when asked":    {said: map[string]any{"groups": nil}, more: map[string]any{"sub": "17", "groups": []string{"owners"}}, want: "ana@example.org admin oidc"},
		"what is told of another":    {said: map[string]any{"groups": nil}, more: map[string]any{"sub": "18", "groups": []string{"owners"}}},
		"the token is what counts":   {said: map[string]any{"email": nil}, more: map[string]any{"sub": "17", "groups": []string{"owners"}, "email": "a@b.c"}, want: "a@b.c operator oidc"},
		"mail that is doubted later": {said: map[string]any{"email_verified": nil, "groups": nil}, more: map[string]any{"sub": "17", "groups": "sre", "email_verified": false}, want: "17 operator oidc"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			p.more = row.more
			p.lie = func(c map[string]any) {
				maps.Copy(c, row.said)
				maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
			}
			rules := p.rules()
			if row.change != nil {
				row.change(rules.OIDC)
			}
			d := newDoor(t, auth.Options{Rules: rules})
			_, cookie, err := p.visit(t, d).finish(t)
			if row.want == "" {
				if stagger.CodeOf(err) != stagger.CodeDenied || cookie != "" {
					t.Errorf("%v, cookie %q", err, cookie)
				}
				return
			}
			must(t, err)
			d.wants(t, row.want, cookie)
		})
	}
}

func TestAProviderThatIsDownIsTriedAgain(t *testing.T) {
	p := newProvider(t)
	p.set(true)
	d := newDoor(t, auth.Options{Rules: p.rules()})
	begin := func() error {
		return d.BeginOIDC(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", "http://stagger.example/login/oidc", http.NoBody), "/")
	}
	for range 5 {
		if err := begin(); stagger.CodeOf(err) != stagger.CodeUnavailable || !strings.Contains(err.Error(), "cannot be used now") {
			t.Errorf("%v", err)
		}
	}
	if found := p.set(false); found > 2 { // the second only if a second went by
		t.Errorf("it was asked %d times", found)
	}
	var err error
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		if err = begin(); err == nil {
			return
		}
	}
	t.Errorf("it is well again, and yet: %v", err)
}

func TestWithoutAProviderThereIsNoWayToIt(t *testing.T) {
	d := newDoor(t, auth.Options{Rules: auth.Rules{Tokens: tokens}})
	r := httptest.NewRequestWithContext(t.Context(), "GET", "http://stagger.example/login/callback?code=x", http.NoBody)
	if err := d.BeginOIDC(httptest.NewRecorder(), r, "/"); stagger.CodeOf(err) != stagger.CodeNotFound {
		t.Error(err)
	}
	if _, err := d.FinishOIDC(httptest.NewRecorder(), r); stagger.CodeOf(err) != stagger.CodeNotFound {
		t.Error(err)
	}
}
