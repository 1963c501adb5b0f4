package proxy

import "net/http"

// isTarget says whether a target leads somewhere, and would be the same one in
// HTTP/1.1: a blank or a control character would cut the request line. net/http
// would send such targets of HTTP/2 on escaped, as something else than they were,
// and takes the host from elsewhere where an absolute one has none.
func isTarget(r *http.Request) bool {
	target := r.RequestURI
	for i := range len(target) {
		if target[i] <= ' ' || target[i] == 0x7f {
			return false
		}
	}
	return target != "" && (target[0] == '/' || target == "*" || r.URL.Host != "")
}
