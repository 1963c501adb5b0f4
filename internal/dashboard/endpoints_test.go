package dashboard_test

import (
	"strings"
	"testing"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api/apitest"
	"github.com/stagger-dev/stagger/internal/dashboard"
)

func TestServicesTellOfEndpointsThatAreNotWell(t *testing.T) {
	h := dashboard.New(dashboard.Config{Store: apitest.Open(t), Services: apitest.Services, Endpoints: func(service string) []stagger.EndpointStatus {
		if service != "shop" {
			t.Errorf("asked for %q", service)
		}
		return []stagger.EndpointStatus{
			{Version: "v1", Address: "10.0.0.1:80", State: stagger.EndpointHealthy},
			{Version: "v1", Address: "10.0.0.2:80", State: stagger.EndpointEjected, Reason: "5 requests in a row failed; back in 12s"},
		}
	}})
	page := answered(h, "/")
	if !strings.Contains(page, "v1 at 10.0.0.2:80 is ejected: 5 requests in a row failed; back in 12s") || strings.Contains(page, "10.0.0.1") {
		t.Errorf("the page is %s", page)
	}
}
