package app_test

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stagger-dev/stagger"
)

// TestEndpointsAreSeen in the list of services and in the metrics, one that is
// well and one that nobody listens at.
func TestEndpointsAreSeen(t *testing.T) {
	well := backend(t, "v1")
	w := start(t, server(t, filepath.Join(t.TempDir(), "stagger.db"), map[string]string{"v1": well, "v2": "http://127.0.0.1:1"}))
	services, err := w.Client.Services(t.Context())
	must(t, err)
	states := map[string]stagger.EndpointState{}
	for _, e := range services[0].Endpoints {
		states[e.Version+" "+e.Upstream] = e.State
	}
	if states["v1 "+well] != stagger.EndpointHealthy || states["v2 http://127.0.0.1:1"] != stagger.EndpointUnhealthy || len(states) != 2 {
		t.Errorf("the states are %v", states)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.AdminURL()+"/metrics", http.NoBody)
	must(t, err)
	answer, err := http.DefaultClient.Do(r)
	must(t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	must(t, err)
	for _, line := range []string{
		fmt.Sprintf(`stagger_endpoint_healthy{endpoint=%q,service="shop",version="v1"} 1`, strings.TrimPrefix(well, "http://")),
		`stagger_endpoint_healthy{endpoint="127.0.0.1:1",service="shop",version="v2"} 0`,
		`stagger_endpoint_ejected{endpoint="127.0.0.1:1",service="shop",version="v2"} 0`,
		`stagger_endpoint_in_flight_requests{endpoint="127.0.0.1:1",service="shop",version="v2"} 0`,
		`stagger_endpoint_connections{endpoint="127.0.0.1:1",service="shop",version="v2"} 0`,
	} {
		if !strings.Contains(string(text), line+"\n") {
			t.Errorf("the metrics lack %s", line)
		}
	}
}
