package dashboard_test

import (
	"net/http"
	"testing"
)

// heaviest is how many bytes a page may have with all that it loads, before it is
// compressed.
const heaviest = 300_000

// TestNoPageIsHeavy weighs the pages of 20 services in hour-long rollouts.
func TestNoPageIsHeavy(t *testing.T) {
	f := newFleet(t)
	id := f.rollouts[0].ID
	for _, path := range []string{"/", "/rollouts/" + id, "/rollouts/" + id + "/history", "/rollouts/" + id + "/report", "/compare?a=" + id + "&b=" + f.rollouts[1].ID, "/outcomes", "/plan?rps=400&service=service-01"} {
		page, _ := f.get(t, path, http.StatusOK)
		assets := 0
		for _, tag := range []string{"script", "link"} {
			for _, n := range page.tags(tag) {
				if address := attribute(n, "src") + attribute(n, "href"); address != "" {
					asset, _ := f.get(t, address, http.StatusOK)
					assets += len(asset.source)
				}
			}
		}
		t.Logf("%s: %d kB, of which %d kB are kept by the browser", path, (len(page.source)+assets)/1000, assets/1000)
		if len(page.source)+assets > heaviest {
			t.Errorf("%s weighs %d bytes and %d of assets, more than %d", path, len(page.source), assets, heaviest)
		}
	}
}
