package config

import (
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Token proves a name. Whoever reads the file fills in Secret from File or Env,
// of which one is set.
type Token struct {
	Name, Role string
	File, Env  string
	Secret     string
}

// OIDC is the OpenID Connect provider that people sign in with. Whoever reads the
// file fills in ClientSecret from SecretFile or SecretEnv, at most one of which is
// set.
type OIDC struct {
	Issuer                 string
	ClientID, ClientSecret string
	SecretFile, SecretEnv  string
	RedirectURL            string   // "" for the usual path at the address asked for
	Scopes                 []string // nil for the usual ones
	NameClaim, RoleClaim   string   // "" for the usual ones
	Roles                  map[string][]string
	DefaultRole            string // "" for none
}

// Session is how long people stay signed in; zero is the default.
type Session struct{ TTL, Idle time.Duration }

// The bounds of signing in.
const (
	maxTokens   = 100
	leastLife   = time.Minute
	mostLife    = 30 * 24 * time.Hour
	maxOfClaim  = 1000 // values that roles are given for
	adminName   = "admin"
	callbackEnd = "/login/callback"
)

// signIn reads how people prove who they are.
func (v value) signIn(f map[string]value, a *Admin) {
	if file, ok := f["token_file"]; ok {
		a.TokenFile = file.text()
	}
	if env, ok := f["token_env"]; ok {
		a.TokenEnv = env.text()
	}
	if a.TokenFile != "" && a.TokenEnv != "" {
		f["token_env"].fail("there is a token_file already; keep one of the two")
	}
	if t, ok := f["tokens"]; ok {
		a.Tokens = t.tokens(a.TokenFile != "" || a.TokenEnv != "")
	}
	if o, ok := f["oidc"]; ok {
		a.OIDC = o.oidc()
	}
	if s, ok := f["session"]; ok {
		a.Session = s.session()
	}
	if t, ok := f["trusted_proxies"]; ok {
		a.Trusted, a.TrustUnix = t.trusted()
	}
	if !a.Guarded() && !a.Loopback() {
		v.r.failAt(join(v.path, "address"), "%s is open to other machines; add token_file, tokens or oidc, or use 127.0.0.1", a.Address)
	}
}

// Guarded says whether anybody has to prove who they are.
func (a Admin) Guarded() bool {
	return a.TokenFile != "" || a.TokenEnv != "" || len(a.Tokens) > 0 || a.OIDC != nil
}

func (v value) tokens(hasAdmin bool) []Token {
	var out []Token
	names := unique{adminName: hasAdmin} // what the token of token_file is called
	for _, item := range v.items() {
		f := item.fields()
		var t Token
		if name, ok := f["name"]; ok {
			t.Name = name.name()
			names.check(name, "token", t.Name)
		}
		if role, ok := f["role"]; ok {
			t.Role = role.choice()
		}
		t.File, t.Env = item.secret(f, "file", "env")
		if t.File == "" && t.Env == "" {
			item.fail("there is no token; add file or env, which say where it is")
		}
		out = append(out, t)
	}
	switch {
	case len(out) == 0:
		v.fail("there is no token; write one, or remove the key")
	case len(out) > maxTokens:
		v.fail("there are %d tokens; write at most %d", len(out), maxTokens)
	}
	return out
}

// secret reads where a secret is; not more than one of the two may be said.
func (v value) secret(f map[string]value, inFile, inEnv string) (file, env string) {
	if at, ok := f[inFile]; ok {
		file = at.text()
	}
	if at, ok := f[inEnv]; ok {
		if env = at.text(); file != "" {
			at.fail("there is a %s already; keep one of the two", inFile)
		}
	}
	return file, env
}

func (v value) oidc() *OIDC {
	f := v.fields()
	o := &OIDC{}
	if issuer, ok := f["issuer"]; ok {
		o.Issuer = issuer.issuer()
	}
	if id, ok := f["client_id"]; ok {
		o.ClientID = id.text()
	}
	o.SecretFile, o.SecretEnv = v.secret(f, "client_secret_file", "client_secret_env")
	if to, ok := f["redirect_url"]; ok {
		o.RedirectURL = to.callback()
	}
	if scopes, ok := f["scopes"]; ok {
		o.Scopes = scopes.texts()
	}
	if claim, ok := f["name_claim"]; ok {
		o.NameClaim = claim.text()
	}
	if claim, ok := f["role_claim"]; ok {
		o.RoleClaim = claim.text()
	}
	if roles, ok := f["roles"]; ok {
		o.Roles = roles.roles()
	}
	if role, ok := f["default_role"]; ok {
		o.DefaultRole = role.choice()
	}
	if o.DefaultRole == "" && len(o.Roles) == 0 {
		v.fail("nobody would get a role; add roles, default_role or both")
	}
	return o
}

// roles reads for which values each role is given.
func (v value) roles() map[string][]string {
	f := v.fields()
	out := make(map[string][]string)
	for _, role := range roleWords {
		if list, ok := f[role]; ok {
			if values := list.texts(); len(values) > 0 {
				out[role] = values
			}
		}
	}
	return out
}

// texts reads a list of texts.
func (v value) texts() []string {
	out := []string{}
	for _, item := range v.items() {
		out = append(out, item.text())
	}
	if len(out) > maxOfClaim {
		v.fail("there are %d values; write at most %d", len(out), maxOfClaim)
	}
	return out
}

// issuer reads the URL of a provider. What it says must not be changed on the
// way, so it is https but on this machine.
func (v value) issuer() string {
	s := v.text()
	u, err := url.Parse(s)
	if s != "" && (err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname()))) {
		v.fail("%q is not the URL of an issuer; write https://...", cut(s))
	}
	return s
}

// callback reads the URL that people come back to.
func (v value) callback() string {
	s := v.text()
	u, err := url.Parse(s)
	if s != "" && (err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" || !strings.HasSuffix(u.Path, callbackEnd)) {
		v.fail("%q is not where people come back to; write https://<host>%s", cut(s), callbackEnd)
	}
	return s
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func (v value) session() Session {
	f := v.fields()
	var s Session
	if ttl, ok := f["ttl"]; ok {
		s.TTL = ttl.between(leastLife, mostLife)
	}
	if idle, ok := f["idle"]; ok {
		s.Idle = idle.between(leastLife, mostLife)
		if s.TTL > 0 && s.Idle > s.TTL {
			idle.fail("%s is longer than the whole session; write at most its ttl, %s", short(s.Idle), short(s.TTL))
		}
	}
	return s
}
