package config_test

import (
	"fmt"
	"testing"

	"github.com/stagger-dev/stagger/internal/config"
)

func TestAListenerIsReadWhole(t *testing.T) {
	c, err := config.ParseServer("s", []byte(`
listeners:
  - name: web
    address: 127.0.0.1:80
    also: ["[::1]:80", "unix:/run/web.sock"]
    redirect_https: 8443
    proxy_protocol: optional
    trusted_proxies: [10.0.0.1, 192.168.0.0/16, "fd00::/8", "::ffff:10.0.0.2", unix]
    forwarded: both
  - name: secure
    address: 127.0.0.1:443
    tls:
      certificates: [{certificate: a.pem, key: a.key}, {certificate: b.pem, key: b.key}]
      client_ca: ca.pem
      min_version: tls1.3
      acme: {hosts: [Shop.example.org], email: a@example.org, cache: c, directory: "https://acme.example/dir", directory_ca: d.pem}
admin: {address: 127.0.0.1:1, tls: {certificates: [{certificate: a.pem, key: a.key}]}}
services: [{name: shop, baseline: v1, versions: {v1: {upstreams: ["http://a:1"]}}}]
`))
	if err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		fmt.Sprintf("%+v", c.Listeners[0]): "{Name:web Address:127.0.0.1:80 Also:[[::1]:80 unix:/run/web.sock] TLS:<nil> RedirectHTTPS:8443 ProxyProtocol:optional" +
			" Trusted:[10.0.0.1/32 192.168.0.0/16 fd00::/8 10.0.0.2/32] TrustUnix:true Forwarded:both}",
		fmt.Sprintf("%+v", *c.Listeners[1].TLS):      fmt.Sprintf("{Certificates:[{Certificate:a.pem Key:a.key} {Certificate:b.pem Key:b.key}] ClientCA:ca.pem MinVersion:tls1.3 ACME:%p}", c.Listeners[1].TLS.ACME),
		fmt.Sprintf("%+v", *c.Listeners[1].TLS.ACME): "{Hosts:[shop.example.org] Email:a@example.org Cache:c Directory:https://acme.example/dir DirectoryCA:d.pem}",
		fmt.Sprintf("%+v", *c.Admin.TLS):             "{Certificates:[{Certificate:a.pem Key:a.key}] ClientCA: MinVersion: ACME:<nil>}",
	} {
		if got != want {
			t.Errorf("got\n%s, want\n%s", got, want)
		}
	}
}
