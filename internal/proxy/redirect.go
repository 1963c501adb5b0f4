package proxy

import (
	"net"
	"net/http"
	"strconv"
	"strings"
)

// httpsPort is the one that https needs not name.
const httpsPort = 443

// sendsAway answers a request that should have come over TLS, and says whether
// it did. A client that asked a trusted proxy over TLS has done as it should.
func (l *Listener) sendsAway(w http.ResponseWriter, r *http.Request) bool {
	if l.RedirectHTTPS == 0 || l.Whence.Proto(hopOf(r), toldBy(r.Header)) == secureProto {
		return false
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
		if strings.Contains(h, ":") {
			host = "[" + h + "]"
		}
	}
	if host == "" || strings.ContainsAny(host, "/\\@?#") || !strings.HasPrefix(r.RequestURI, "/") && r.URL.Path == "" {
		answer(w, http.StatusBadRequest, "this port sends on to https, and the request does not say where")
		return true
	}
	if l.RedirectHTTPS != httpsPort {
		host += ":" + strconv.Itoa(l.RedirectHTTPS)
	}
	// 308 keeps the method, so that nothing is lost by asking again.
	w.Header().Set("Location", "https://"+host+r.URL.RequestURI())
	answer(w, http.StatusPermanentRedirect, "this is offered over https only")
	return true
}
