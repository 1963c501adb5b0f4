package config_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/config"
)

func TestAServiceSaysHowItsEndpointsAreChosen(t *testing.T) {
	got, err := config.ParseServer("s", []byte(`
services:
  - name: shop
    baseline: v1
    balance: ring_hash
    outlier: {consecutive: 3, failures: gateway_errors, ejection: 10m, max_share: 25%}
    slow_start: 30s
    limits: {requests: 100, connections: 20}
    dns: {every: 5s}
    versions:
      v1:
        upstreams: ["https://shop:8443", "unix:///run/shop.sock", "srv+https://_https._tcp.shop.example"]
        tls: {ca: ca.pem, certificate: me.pem, key: me.key, server_name: shop.example, http1_only: true}
      v2: {upstreams: ["https://shop"], tls: {insecure_skip_verify: true}}
`))
	if err != nil {
		t.Fatal(err)
	}
	s := got.Services[0]
	want := stagger.Service{
		Balance: stagger.RingHash,
		Outlier: stagger.Outlier{
			Consecutive: 3, Failures: stagger.GatewayErrors, Excess: 0.1, Interval: 10 * time.Second,
			Ejection: 10 * time.Minute, MaxEjection: 10 * time.Minute, MaxShare: 0.25,
		},
		SlowStart: 30 * time.Second,
		Limits:    stagger.EndpointLimits{Requests: 100, Connections: 20},
		DNS:       stagger.DNS{Every: 5 * time.Second},
		Versions: []stagger.Version{
			{
				Name: "v1", Upstreams: []string{"https://shop:8443", "unix:///run/shop.sock", "srv+https://_https._tcp.shop.example"},
				TLS: stagger.UpstreamTLS{CA: "ca.pem", Certificate: "me.pem", Key: "me.key", ServerName: "shop.example", HTTP1Only: true},
			},
			{Name: "v2", Upstreams: []string{"https://shop"}, TLS: stagger.UpstreamTLS{InsecureSkipVerify: true}},
		},
	}
	want.Name, want.Baseline, want.Listener, want.VersionHeader, want.Routes = s.Name, s.Baseline, s.Listener, s.VersionHeader, s.Routes
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
}

// TestAKeyTurnsOutliersOn: whoever writes it wants them, with the defaults.
func TestAKeyTurnsOutliersOn(t *testing.T) {
	const service = `services: [{name: shop, baseline: v1, versions: {v1: {upstreams: ["http://a:1"]}}, OUTLIER}]`
	for key, on := range map[string]bool{"outlier: {}": true, "outlier: null": false, "dns: {}": false} {
		got, err := config.ParseServer("s", []byte(service[:len(service)-len("OUTLIER}]")]+key+"}]"))
		if err != nil {
			t.Fatal(err)
		}
		if got.Services[0].Outlier.On() != on {
			t.Errorf("%s: %+v", key, got.Services[0].Outlier)
		}
	}
}
