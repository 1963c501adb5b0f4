package app

import (
	"reflect"

	"github.com/stagger-dev/stagger/internal/auth"
	"github.com/stagger-dev/stagger/internal/config"
	"github.com/stagger-dev/stagger/internal/dashboard"
	"github.com/stagger-dev/stagger/internal/whence"
)

// tokenName is what the token of token_file is called.
const tokenName = "admin"

// newGuard makes what stands before the admin port. Its sessions lie beside the
// store, so that nobody is thrown out by a restart or a hand-over. The caller
// holds the lock.
func (a *App) newGuard() *auth.Guard {
	return auth.New(auth.Options{
		Rules: rulesOf(a.entrance), File: a.config.Store.Path + ".sessions", Page: dashboard.Refused, Log: a.log,
	})
}

func rulesOf(c config.Admin) auth.Rules {
	r := auth.Rules{
		TTL: c.Session.TTL, Idle: c.Session.Idle,
		Whence: whence.Rules{Trusted: whence.Trust{Networks: c.Trusted, Local: c.TrustUnix}},
	}
	if c.Token != "" {
		r.Tokens = append(r.Tokens, auth.Token{Name: tokenName, Role: auth.Admin, Secret: c.Token})
	}
	for _, t := range c.Tokens {
		r.Tokens = append(r.Tokens, auth.Token{Name: t.Name, Role: auth.Role(t.Role), Secret: t.Secret})
	}
	if o := c.OIDC; o != nil {
		r.OIDC = &auth.OIDC{
			Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret, RedirectURL: o.RedirectURL, Scopes: o.Scopes,
			NameClaim: o.NameClaim, RoleClaim: o.RoleClaim, DefaultRole: auth.Role(o.DefaultRole), Roles: make(map[auth.Role][]string),
		}
		for role, values := range o.Roles {
			r.OIDC.Roles[auth.Role(role)] = values
		}
	}
	return r
}

// reloadGuard takes other tokens, roles and providers into use. The address stays
// as it was bound, so a configuration that lets everybody on this machine in does
// not count where others reach the port.
func (a *App) reloadGuard(c config.Admin) {
	rules := rulesOf(c)
	if rules.Open() && !a.config.Admin.Loopback() {
		a.log.Warn("the configuration names nobody who may sign in, but the admin port is open to other machines; tokens and roles stay as they were until a restart")
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.entrance = c
	if a.guard != nil {
		a.guard.Use(rules)
	}
}

// rebinds says whether a configuration asks for what only a new process can do.
func (a *App) rebinds(c config.Server) bool {
	return !reflect.DeepEqual(a.config.Listeners, c.Listeners) || a.config.Admin.Address != c.Admin.Address || !reflect.DeepEqual(a.config.Admin.TLS, c.Admin.TLS)
}
