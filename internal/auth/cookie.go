package auth

import (
	"net"
	"net/http"
	"strconv"
	"time"
)

// The cookies. Over TLS their names bind them to this host, so that no other host
// of the domain can set them.
const (
	sessionCookie = "stagger_session"
	flowCookie    = "stagger_oidc"
	bound         = "__Host-"
)

// sessionID is the id of the session a request belongs to, "" for none.
func (r *ruling) sessionID(request *http.Request) string {
	return cookieOf(request, r.secure(request), sessionName(request))
}

// sessionName is the name of the session's cookie. Browsers send cookies to every
// port of a host; with the port in its name two servers there do not sign each
// other's people out.
func sessionName(r *http.Request) string {
	_, port, err := net.SplitHostPort(r.Host)
	if _, wrong := strconv.ParseUint(port, 10, 16); err != nil || wrong != nil {
		return sessionCookie
	}
	return sessionCookie + "_" + port
}

// cookieOf reads a cookie of ours. Over TLS only the bound one counts: the other
// could come from anywhere in the domain.
func cookieOf(r *http.Request, secure bool, name string) string {
	if secure {
		name = bound + name
	}
	if c, err := r.Cookie(name); err == nil {
		return c.Value
	}
	return ""
}

// setCookie gives the browser a cookie for some time. It is Lax, not Strict: who
// comes back from the provider, or by a link from a chat, is signed in.
func setCookie(w http.ResponseWriter, secure bool, name, value string, age time.Duration) {
	if secure {
		name = bound + name
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // it is Secure wherever the client asked over TLS
		Name: name, Value: value, Path: "/", MaxAge: int(age.Seconds()),
		HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode,
	})
}

// clearCookie takes a cookie away.
func clearCookie(w http.ResponseWriter, secure bool, name string) {
	setCookie(w, secure, name, "", -time.Second)
}
