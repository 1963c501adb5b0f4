// Package proxy is the built-in data plane: it takes requests in, lets the
// cohort choose their version, passes them on and meters them.
//
// What a request means (routing, cohort, endpoint, sample) is in table.go,
// traffic.go and pool.go and knows no transport; handler.go and its neighbours
// carry it over net/http, the files called fast over a transport of the proxy's
// own for plain HTTP/1.1. All routing at one moment is one immutable table
// behind an atomic pointer: a flip is one store, and a request that starts after
// it cannot see the table before.
package proxy
