package auth

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/stagger-dev/stagger"
)

// OIDC is the OpenID Connect provider whose word is taken, and what for.
type OIDC struct {
	Issuer                 string
	ClientID, ClientSecret string
	// RedirectURL is where the provider sends people back to; "" for CallbackPath
	// at the address they asked for.
	RedirectURL string
	// Scopes are asked for beside openid; nil for profile and email.
	Scopes []string
	// NameClaim is the claim that names people; "" for the first of email,
	// preferred_username and sub. RoleClaim is what roles rest on; "" for groups.
	// A dot leads into a claim.
	NameClaim, RoleClaim string
	// Roles are given for values of the claim; DefaultRole to everybody else, ""
	// for none.
	Roles       map[Role][]string
	DefaultRole Role
}

// label is what people know the provider by.
func (o OIDC) label() string {
	if u, err := url.Parse(o.Issuer); err == nil && u.Host != "" {
		return u.Host
	}
	return o.Issuer
}

func (o OIDC) roleClaim() string {
	if o.RoleClaim == "" {
		return usualRoleClaim
	}
	return o.RoleClaim
}

// How long the provider may take, how much it may say, and how long it is left
// alone after it failed.
const (
	providerPatience = 10 * time.Second
	providerSays     = 1 << 20
	leastBackoff     = time.Second
	mostBackoff      = time.Minute
)

// provider is the provider as it was found. It is looked for when somebody wants
// to sign in, so that the server starts without it.
type provider struct {
	OIDC

	client *http.Client
	log    *slog.Logger

	mu      sync.Mutex
	found   *oidc.Provider
	failed  error
	again   time.Time // when it is looked for again
	backoff time.Duration
}

// providerOf returns the one known before, if it is the same.
func providerOf(o OIDC, before *ruling, log *slog.Logger) *provider {
	if before != nil && before.provider != nil && reflect.DeepEqual(before.provider.OIDC, o) {
		return before.provider
	}
	return &provider{OIDC: o, log: log, client: &http.Client{Timeout: providerPatience, Transport: bounded{&http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		TLSHandshakeTimeout:    providerPatience,
		MaxResponseHeaderBytes: 64 << 10,
		DisableKeepAlives:      true, // it is asked seldom
		ForceAttemptHTTP2:      true,
	}}}}
}

// bounded cuts off answers that are too long.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(response.Body, providerSays), response.Body}
	}
	return response, err
}

// discover finds the provider, once. After a failure it waits, longer each time,
// before it asks again.
func (p *provider) discover() (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	if now := time.Now(); now.Before(p.again) {
		return nil, p.failed
	}
	// What is found is for everybody, so it does not hang on the one who asks; the
	// client bounds the time.
	found, err := oidc.NewProvider(oidc.ClientContext(context.Background(), p.client), p.Issuer)
	if err != nil {
		p.log.Warn("the sign-in provider cannot be used", "issuer", p.Issuer, "error", brief(err.Error()))
		p.failed = &stagger.Error{
			Code:    stagger.CodeUnavailable,
			Message: fmt.Sprintf("The sign-in provider %s cannot be used now. Try again in a moment; whoever runs this server finds the cause in its log.", p.label()),
		}
		p.backoff = min(max(2*p.backoff, leastBackoff), mostBackoff)
		p.again = time.Now().Add(p.backoff)
		return nil, p.failed
	}
	p.found = found
	return found, nil
}

// party is us as the provider knows us.
func (p *provider) party(found *oidc.Provider, redirect string) oauth2.Config {
	scopes := p.Scopes
	if scopes == nil {
		scopes = []string{"profile", "email"}
	}
	if !slices.Contains(scopes, oidc.ScopeOpenID) {
		scopes = append([]string{oidc.ScopeOpenID}, scopes...)
	}
	return oauth2.Config{ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: found.Endpoint(), RedirectURL: redirect, Scopes: scopes}
}

// brief bounds what others say.
func brief(s string) string {
	const most = 300
	clean := []rune{}
	for _, r := range s {
		if r < ' ' || r == 0x7f {
			r = ' '
		}
		if clean = append(clean, r); len(clean) == most {
			return string(clean) + "…"
		}
	}
	return string(clean)
}
