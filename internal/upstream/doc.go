// Package upstream knows where the requests of a version go: its endpoints,
// which of them are well, and the connections to them.
//
// A Pool is the endpoints of one version. Whoever carries a request picks one,
// speaks to it over its http.Transport or over a Link, and gives it back.
package upstream
