package main

import "github.com/stagger-dev/stagger/internal/proxy"

// ownConfig listens where every proxy does. HTTP/2 without TLS is spoken on the
// plain listener's port too, so h2c needs none of its own.
func ownConfig(_ string, fast bool) proxy.Config {
	return proxy.Config{
		NetHTTP:   !fast,
		Limits:    proxy.Limits{Pooled: 2048},
		Listeners: []proxy.Listener{{Name: "web", Address: proxyAddress}},
		Services:  shop(),
	}
}

// ownWays are those that ownConfig offers.
func ownWays() map[way]string { return map[way]string{plain: proxyAddress, h2c: proxyAddress} }
