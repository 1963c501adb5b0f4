package auth

import (
	"net/http"

	"github.com/stagger-dev/stagger"
)

// Where people sign in and out.
const (
	LoginPath    = "/login"
	ProviderPath = "/login/oidc"     // on to the provider
	CallbackPath = "/login/callback" // and back
	LogoutPath   = "/logout"
)

// SignIn begins a session for who shows a token, and gives the browser its
// cookie. A session it had ends. The error has the code stagger.CodeDenied, or
// stagger.CodeUnavailable when too many wrong ones came from the same address.
func (g *Guard) SignIn(w http.ResponseWriter, r *http.Request, token string) error {
	rules := g.ruling.Load()
	k, refused := g.prove(r, rules, token)
	switch {
	case refused != nil && refused.wait > 0:
		return &stagger.Error{Code: stagger.CodeUnavailable, Message: "Too many wrong tokens came from your address. Wait a minute and try again."}
	case refused != nil:
		return &stagger.Error{Code: stagger.CodeDenied, Message: "This is no token that is known here."}
	}
	g.begin(w, r, rules, grant{Way: ByToken, Token: k.hash}, k.identity())
	return nil
}

// begin gives the browser a session, and none but this one.
func (g *Guard) begin(w http.ResponseWriter, r *http.Request, rules *ruling, by grant, who Identity) {
	if id := rules.sessionID(r); id != "" {
		g.sessions.end(id)
	}
	id, _ := g.sessions.begin(by, rules.TTL, rules.Idle)
	setCookie(w, rules.secure(r), sessionName(r), id, rules.TTL)
	g.log.Info("signed in", "name", who.Name, "role", string(who.Role), "via", string(who.Via), "client", rules.client(r))
}

// SignOut ends the session a request belongs to, and what is under way in it.
func (g *Guard) SignOut(w http.ResponseWriter, r *http.Request) {
	rules := g.ruling.Load()
	if id := rules.sessionID(r); id != "" && g.sessions.end(id) {
		who, _ := Of(r.Context())
		g.log.Info("signed out", "name", who.Name, "client", rules.client(r))
	}
	clearCookie(w, rules.secure(r), sessionName(r))
}

// Offers are the ways to sign in that there are.
type Offers struct {
	Token bool
	// Provider is what the OpenID Connect provider is called, "" for none.
	Provider string
}

// Offers returns the ways to sign in; none where nobody has to.
func (g *Guard) Offers() Offers {
	rules := g.ruling.Load()
	o := Offers{Token: len(rules.Tokens) > 0}
	if rules.OIDC != nil {
		o.Provider = rules.OIDC.label()
	}
	return o
}
