package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/stagger-dev/stagger"
)

const (
	maxBody     = 1 << 20 // bytes
	tokenCookie = "stagger_token"
)

// Guard lets through what may ask, and refuses the rest with a problem.
//
// With a token, every path but /healthz needs it: as "Authorization: Bearer",
// as the cookie stagger_token, or as the password of "Authorization: Basic" with
// any user name, which is how a browser asks a person for it. Without a token,
// only requests for a loopback host are served, so that no web page can reach
// the API by letting its own name point here.
//
// Either way, a browser's request that changes something must come from a page
// of the same origin, and bodies are bounded to 1 MiB. A guard inside a guard
// does nothing.
func Guard(token string, next http.Handler) http.Handler {
	admits := admitLoopback
	if token != "" {
		admits = admitToken(token)
	}
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Value(guarded{}) != nil {
			next.ServeHTTP(w, r)
			return
		}
		if r.URL.Path != "/healthz" {
			if refused := admits(w, r); refused != nil {
				writeProblem(w, refused)
				return
			}
		}
		if err := origin.Check(r); err != nil {
			writeProblem(w, refusal(http.StatusForbidden, "a page of another origin may not change anything here"))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), guarded{}, true)))
	})
}

// guarded marks the context of a request that a guard let through.
type guarded struct{}

func refusal(status int, detail string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Code: stagger.CodeDenied, Detail: detail}
}

// admitToken compares hashes, so that neither content nor length of the token
// shows in the time it takes.
func admitToken(token string) func(http.ResponseWriter, *http.Request) *Problem {
	want := sha256.Sum256([]byte(token))
	return func(w http.ResponseWriter, r *http.Request) *Problem {
		got := sha256.Sum256([]byte(shown(r)))
		if subtle.ConstantTimeCompare(got[:], want[:]) == 1 {
			return nil
		}
		challenge := "Bearer"
		if strings.Contains(r.Header.Get("Accept"), "text/html") {
			challenge = `Basic realm="Stagger: any name, the token as password"`
		}
		w.Header().Set("WWW-Authenticate", challenge)
		return refusal(http.StatusUnauthorized, "the token is missing or wrong; send it as Authorization: Bearer")
	}
}

// shown is the token that a request shows, "" when none.
func shown(r *http.Request) string {
	if scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(rest)
	}
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	if cookie, err := r.Cookie(tokenCookie); err == nil {
		return cookie.Value
	}
	return ""
}

func admitLoopback(_ http.ResponseWriter, r *http.Request) *Problem {
	if loopback(r.Host) {
		return nil
	}
	return refusal(http.StatusForbidden, "without a token only localhost is served, not "+r.Host+"; set admin.token_file to open the server to others")
}

// loopback says whether a Host header names this machine only.
func loopback(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.ToLower(strings.Trim(name, "[]")), ".")
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(name)
	return err == nil && address.Unmap().IsLoopback()
}
