// Package proxy is the built-in data plane: it takes requests in, lets the
// cohort choose their version, passes them on and meters them.
//
// All routing at one moment is one immutable table behind an atomic pointer: a
// flip is one store, and a request that starts after it cannot see the table
// before. What a request means knows no transport; two transports carry it, and
// every test runs over both.
//
// Where to look:
//
//	proxy, config, endpoints          the whole, its life and what it is made from
//	table, traffic                    which service, version and endpoint a request meets
//	listener, way, headers, redirect, connections as they come in, and who is believed to ask
//	target, leave, goodbye            and how a process takes its leave
//
//	handler, exchange, request,       over net/http: HTTP/2, TLS, gRPC, upgrades (tunnel), and
//	response, outcome, idle, tunnel,  what the other transport hands over
//	framing
//	fast_*                            the proxy's own, for plain HTTP/1.1: the lane of a
//	                                  listener, its couriers, one a connection, what they read
//	                                  and write (request, exchange, answer, upload, duplex,
//	                                  splice, io), and who watches over their time (watch);
//	                                  package wire reads the bytes
//
//	shield, attempt, again            what a service declares to protect its users, and how an
//	                                  attempt follows another
//	breaker, limit, deadline, strain, the rules of circuit, limiter and retry, made fit for many
//	tally                             requests at once
//	degrade, memory, hook, replay     what is answered when nobody can
//	pause                             requests that wait while something is switched
//
//	tap, tape                         requests captured, without their secrets
//	shadow                            requests mirrored to the candidate
package proxy
