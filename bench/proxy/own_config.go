package main

import (
	"path/filepath"

	"github.com/stagger-dev/stagger/internal/listen"
	"github.com/stagger-dev/stagger/internal/proxy"
)

// ownConfig listens where every proxy does. HTTP/2 without TLS is spoken on the
// plain port too. A service has one listener, so it is with TLS or without.
func ownConfig(dir string, fast, overTLS bool) (proxy.Config, error) {
	web := proxy.Listener{Name: "web", Address: proxyAddress}
	if overTLS {
		pair := listen.Pair{Certificate: filepath.Join(dir, "certificate.pem"), Key: filepath.Join(dir, "key.pem")}
		identity, err := listen.NewIdentity("web", listen.Terms{Pairs: []listen.Pair{pair}}, nil)
		if err != nil {
			return proxy.Config{}, err
		}
		web.Door = &listen.Door{Name: "web", Addresses: []string{tlsAddress}, Identity: identity}
	}
	return proxy.Config{
		NetHTTP: !fast, Limits: proxy.Limits{Pooled: 2048}, Listeners: []proxy.Listener{web}, Services: shop(),
	}, nil
}

// ownWays are those that ownConfig offers.
func ownWays() map[way]string {
	return map[way]string{plain: proxyAddress, h2c: proxyAddress, tls: tlsAddress}
}
