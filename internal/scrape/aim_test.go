package scrape

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
)

func TestAnEndpointIsNamedAsTheProxyNamesIt(t *testing.T) {
	for upstream, want := range map[string]string{
		"http://127.0.0.1:9001": "127.0.0.1:9001",
		"h2c://shop:9001":       "shop:9001",
		"http://shop":           "shop:80",
		"http://shop:":          "shop:80",
		"http://[::1]":          "[::1]:80",
	} {
		if got := (aim{upstream: upstream}).address(); got != want {
			t.Errorf("%s is %s, want %s", upstream, got, want)
		}
	}
}

// known is where versions run, as somebody knows.
type known []stagger.EndpointStatus

func (k known) Endpoints(string) []stagger.EndpointStatus { return k }

func (known) Look(string, string, string, *http.Request) (*http.Response, error) { panic("not asked") }

func TestEndpointsAreThoseTheNamesLeadTo(t *testing.T) {
	s := stagger.Service{
		Name: "shop", Metrics: stagger.Metrics{Path: "/metrics"},
		Versions: []stagger.Version{{Name: "v1", Upstreams: []string{"http://shop"}}, {Name: "v2", Upstreams: []string{"unix:///x"}}},
	}
	there := known{
		{Version: "v1", Address: "10.0.0.1:80", Upstream: "http://shop", State: stagger.EndpointHealthy},
		{Version: "v1", Address: "10.0.0.2:80", Upstream: "http://shop", State: stagger.EndpointUnhealthy},
		{Version: "v1", Address: "10.0.0.3:80", State: stagger.EndpointDraining},
		{Version: "v2", Address: "unix:/x", Upstream: "unix:///x", State: stagger.EndpointHealthy},
		{Version: "v3", Address: "10.0.0.4:80", State: stagger.EndpointHealthy},
	}
	got := map[string]int{}
	for _, a := range aimsOf(s, there, "v1", "v2") {
		got[a.service+" "+a.version+" "+a.address()+" at "+a.authority()] = a.siblings
	}
	want := map[string]int{
		"shop v1 10.0.0.1:80 at 10.0.0.1:80": 2, "shop v1 10.0.0.2:80 at 10.0.0.2:80": 2, "shop v2 unix:/x at localhost": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
