package auth

import (
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/stagger-dev/stagger"
)

// refusal is why a request is not let in.
type refusal struct {
	status int
	detail string
	wait   time.Duration // until it makes sense to try again
	signIn bool          // signing in would help
}

// problem is a refusal on the wire, as the API writes its problems (RFC 9457).
type problem struct {
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Code   stagger.Code `json:"code"`
	Detail string       `json:"detail"`
}

// refuse answers a request that is not let in: a browser is shown where to sign
// in, or a page; everybody else gets a problem.
func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, why *refusal) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if why.wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(why.wait.Seconds()))))
	}
	browses := wantsPage(r)
	if why.signIn && browses {
		http.Redirect(w, r, loginURL(r.URL.RequestURI()), http.StatusSeeOther)
		return
	}
	if why.signIn && r.Header.Get("Hx-Request") == "true" {
		h.Set("Hx-Redirect", loginURL(shownPage(r))) // htmx goes there, whatever it asked for
	}
	if why.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", challenge(browses))
	}
	if browses && g.page != nil {
		g.page(w, r, why.status, why.detail)
		return
	}
	code := stagger.CodeDenied
	if why.status == http.StatusTooManyRequests {
		code = stagger.CodeUnavailable
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(why.status)
	_ = json.NewEncoder(w).Encode(problem{http.StatusText(why.status), why.status, code, why.detail}) // a client that went away is its own loss
}

func challenge(browses bool) string {
	if browses {
		return `Basic realm="Stagger: any name, the token as password"`
	}
	return "Bearer"
}

// wantsPage says whether a browser goes to a page, as opposed to a script that
// asks for a part of one.
func wantsPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.Header.Get("Hx-Request") != "" {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// shownPage is the page from which htmx asks.
func shownPage(r *http.Request) string {
	u, err := url.Parse(r.Header.Get("Hx-Current-Url"))
	if err != nil {
		return ""
	}
	return u.RequestURI()
}

// loginURL is where to sign in, to go back to a page after it.
func loginURL(from string) string {
	to := ReturnPath(from)
	if to == "/" {
		return LoginPath
	}
	return LoginPath + "?" + url.Values{"to": {to}}.Encode()
}

// ProviderURL is where signing in with the provider begins, to go to a path of
// this server after it.
func ProviderURL(to string) string {
	if to = ReturnPath(to); to == "/" {
		return ProviderPath
	}
	return ProviderPath + "?" + url.Values{"to": {to}}.Encode()
}
