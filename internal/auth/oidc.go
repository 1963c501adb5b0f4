package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/stagger-dev/stagger"
)

// BeginOIDC sends the browser to the provider, from where it comes back to
// CallbackPath. The error has the code stagger.CodeUnavailable when the provider
// does not answer, and stagger.CodeNotFound when there is none.
func (g *Guard) BeginOIDC(w http.ResponseWriter, r *http.Request, to string) error {
	rules := g.ruling.Load()
	if rules.provider == nil {
		return errNoProvider
	}
	found, err := rules.provider.discover()
	if err != nil {
		return err
	}
	f := flow{
		State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(),
		To: ReturnPath(to), Until: time.Now().Add(flowTime),
	}
	party := rules.provider.party(found, rules.redirect(r))
	setCookie(w, rules.secure(r), flowCookie, g.seal.close(f), flowTime)
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, party.AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), http.StatusSeeOther) //nolint:gosec // to the provider that is configured
	return nil
}

var errNoProvider = &stagger.Error{Code: stagger.CodeNotFound, Message: "There is no provider to sign in with."}

// redirect is where the provider sends the browser back to.
func (r *ruling) redirect(request *http.Request) string {
	if r.OIDC.RedirectURL != "" {
		return r.OIDC.RedirectURL
	}
	scheme := "http://"
	if r.secure(request) {
		scheme = "https://"
	}
	return scheme + request.Host + CallbackPath
}

func denied(format string, values ...any) error {
	return &stagger.Error{Code: stagger.CodeDenied, Message: fmt.Sprintf(format, values...)}
}

// FinishOIDC begins a session for who comes back from the provider, and returns
// where they wanted to go, "" when that is not known. The error says for people
// what is wrong.
func (g *Guard) FinishOIDC(w http.ResponseWriter, r *http.Request) (to string, err error) {
	rules := g.ruling.Load()
	if rules.provider == nil {
		return "", errNoProvider
	}
	client := rules.client(r)
	if g.failures.block(client, time.Now()) > 0 {
		return "", &stagger.Error{Code: stagger.CodeUnavailable, Message: "Too many sign-ins from your address failed. Wait a minute and try again."}
	}
	f, err := g.returned(r, rules)
	clearCookie(w, rules.secure(r), flowCookie)
	if err == nil {
		err = g.vouched(w, r, rules, f)
	}
	if err != nil {
		g.failures.count(client, time.Now())
		g.log.Warn("a sign-in failed", "client", client, "cause", err)
	}
	return f.To, err
}

// returned finds the sign-in that the provider's answer belongs to.
func (g *Guard) returned(r *http.Request, rules *ruling) (flow, error) {
	f, ok := g.seal.open(cookieOf(r, rules.secure(r), flowCookie), time.Now())
	q := r.URL.Query()
	switch {
	case !ok:
		return f, denied("This sign-in did not begin in this browser, or it took longer than %d minutes. Begin again.", int(flowTime.Minutes()))
	case subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(f.State)) != 1:
		return f, denied("This answer belongs to another sign-in. Begin again.")
	case q.Get("iss") != "" && q.Get("iss") != rules.OIDC.Issuer: // RFC 9207
		return f, denied("This answer comes from another provider than the one that was asked.")
	case q.Get("error") != "":
		return f, denied("The provider %s did not let you in: %s", rules.OIDC.label(), brief(q.Get("error")+" "+q.Get("error_description")))
	case q.Get("code") == "":
		return f, denied("The provider's answer holds no code. Begin again.")
	}
	return f, nil
}

// vouched asks the provider who it was, and begins the session.
func (g *Guard) vouched(w http.ResponseWriter, r *http.Request, rules *ruling, f flow) error {
	ctx := oidc.ClientContext(r.Context(), rules.provider.client)
	said, subject, err := rules.provider.ask(ctx, r.URL.Query().Get("code"), rules.redirect(r), f)
	if err != nil {
		return err
	}
	name, ok := said.name(rules.OIDC.NameClaim)
	if !ok {
		return denied("The provider %s does not tell your name: a claim that admin.oidc.name_claim names is missing, no plain text, or not verified.", rules.OIDC.label())
	}
	values := rules.OIDC.named(said.values(rules.OIDC.roleClaim()))
	role, ok := rules.OIDC.role(values)
	if !ok {
		return denied("You are %s, but nobody gave you a role here. Ask whoever runs this server; roles rest on the claim %q.", name, rules.OIDC.roleClaim())
	}
	by := grant{Way: ByOIDC, Issuer: rules.OIDC.Issuer, Client: rules.OIDC.ClientID, Subject: subject, Name: name, Values: values}
	g.begin(w, r, rules, by, Identity{Name: name, Role: role, Via: ByOIDC})
	return nil
}

// ask changes the code for what the provider says of who brought it.
func (p *provider) ask(ctx context.Context, code, redirect string, f flow) (claims, string, error) {
	found, err := p.discover()
	if err != nil {
		return nil, "", err
	}
	party := p.party(found, redirect)
	token, err := party.Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return nil, "", denied("The provider %s did not confirm your sign-in (%s). Begin again.", p.label(), brief(err.Error()))
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, "", denied("The provider %s did not say who you are: its answer lacks an ID token.", p.label())
	}
	id, err := found.VerifierContext(ctx, &oidc.Config{ClientID: p.ClientID}).Verify(ctx, raw)
	if err != nil {
		return nil, "", denied("What the provider %s says cannot be trusted (%s).", p.label(), brief(err.Error()))
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(f.Nonce)) != 1 {
		return nil, "", denied("What the provider %s says is about another sign-in (its nonce differs). Begin again.", p.label())
	}
	said := claims{}
	if err := id.Claims(&said); err != nil {
		return nil, "", denied("What the provider %s says cannot be read (%s).", p.label(), brief(err.Error()))
	}
	return p.complete(ctx, found, token, said), id.Subject, nil
}

// complete asks for the claims that the ID token lacks. What the token says
// counts; an answer about somebody else, or none, adds nothing.
func (p *provider) complete(ctx context.Context, found *oidc.Provider, token *oauth2.Token, said claims) claims {
	_, named := said.name(p.NameClaim)
	if named && said["email"] != nil && said.find(p.roleClaim()) != nil || found.UserInfoEndpoint() == "" {
		return said
	}
	more, err := found.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil || more.Subject != said["sub"] {
		return said
	}
	extra := claims{}
	if more.Claims(&extra) != nil {
		return said
	}
	for name, value := range extra {
		if _, there := said[name]; !there {
			said[name] = value
		}
	}
	return said
}
