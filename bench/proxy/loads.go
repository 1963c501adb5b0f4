package main

import (
	"fmt"
	"slices"
	"strings"
)

// client is the program that asks.
type client uint8

const (
	byWrk    client = iota // closed loop, HTTP/1.1
	byH2load               // closed loop, HTTP/2
	openLoop               // ours, at a fixed rate, see rate.go
	idling                 // ours: connections that do nothing, see idle.go
)

// way is how a proxy is reached.
type way uint8

const (
	plain way = iota // HTTP/1.1 without TLS
	h2c              // HTTP/2 without TLS, with prior knowledge
	tls              // HTTP/1.1 or HTTP/2 over TLS, as the client wants
)

// load is what is asked of a proxy.
type load struct {
	name, title string
	client      client
	way         way
	path        string
	connections int
	streams     int  // at once on each connection, of HTTP/2
	body        int  // bytes of each request's
	closing     bool // a connection for each request
	rate        int  // requests per second, of an open loop
}

// loads are all there are, in the order of the document.
var loads = []load{
	{name: "1k", title: "GET 1 KB, 64 connections", path: "/1024", connections: 64},
	{name: "16k", title: "GET 16 KB, 64 connections", path: "/16384", connections: 64},
	{name: "64k", title: "GET 64 KB, 64 connections", path: "/65536", connections: 64},
	{name: "256k", title: "GET 256 KB, 64 connections", path: "/262144", connections: 64},
	{name: "post", title: "POST 10 KB, 64 connections", path: "/1024", connections: 64, body: 10 << 10},
	{name: "1000", title: "GET 1 KB, 1 000 connections", path: "/1024", connections: 1000},
	{name: "close", title: "GET 1 KB, a connection each, 64 at once", path: "/1024", connections: 64, closing: true},
	{name: "tls", title: "GET 1 KB over TLS 1.3, 64 connections", path: "/1024", way: tls, connections: 64},
	{name: "handshake", title: "GET 1 KB over TLS 1.3, a full handshake each, 64 at once", path: "/1024", way: tls, connections: 64, closing: true},
	{name: "h2c", title: "GET 1 KB over HTTP/2 without TLS, 16 connections of 4 streams", path: "/1024", client: byH2load, way: h2c, connections: 16, streams: 4},
	{name: "h2", title: "GET 1 KB over HTTP/2 and TLS, 16 connections of 4 streams", path: "/1024", client: byH2load, way: tls, connections: 16, streams: 4},
	{name: "500s", title: "GET 1 KB, 500 requests per second, open loop", path: "/1024", client: openLoop, connections: 64, rate: 500},
	{name: "5000s", title: "GET 1 KB, 5 000 requests per second, open loop", path: "/1024", client: openLoop, connections: 64, rate: 5000},
	{name: "idle", title: "9 000 connections that have sent one request and idle", path: "/1024", client: idling, connections: 9_000},
}

func loadNames() []string {
	var names []string
	for _, l := range loads {
		names = append(names, l.name)
	}
	return names
}

// loadsOf returns the loads of a list of names, all for none.
func loadsOf(list string) ([]load, error) {
	if list == "" {
		return loads, nil
	}
	var some []load
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(loads, func(l load) bool { return l.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no load %q; there are %s", name, strings.Join(loadNames(), ", "))
		}
		some = append(some, loads[i])
	}
	return some, nil
}

// users is how many different users ask; each keeps their version.
func (l load) users() int {
	if l.body > 0 {
		return 100 // their requests stand ready in wrk, body and all
	}
	return 1000
}
