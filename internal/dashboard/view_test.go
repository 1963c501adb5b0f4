package dashboard_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api/apitest"
	"github.com/stagger-dev/stagger/internal/dashboard"
	"github.com/stagger-dev/stagger/internal/store"
)

// slowPath is a store that reads the path of the evidence when it is let go.
type slowPath struct {
	*store.Store

	read <-chan struct{}
}

func (s slowPath) Evidence(ctx context.Context, rollout string) (stagger.Path, error) {
	select {
	case <-s.read:
	case <-ctx.Done():
		return stagger.Path{}, ctx.Err()
	}
	return s.Store.Evidence(ctx, rollout)
}

// TestTheTopOfARolloutIsSentFirst reads stages and evidence of a page while its
// plots are still being read.
func TestTheTopOfARolloutIsSentFirst(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	read := make(chan struct{})
	server := httptest.NewServer(dashboard.New(dashboard.Config{Store: slowPath{w.Store, read}, Services: apitest.Services}))
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+rolloutPath, http.NoBody)
	must(t, err)
	response, err := server.Client().Do(request)
	must(t, err)
	defer func() { must(t, response.Body.Close()) }()
	var top strings.Builder
	for some := make([]byte, 4096); !strings.Contains(top.String(), `id="evidence"`); {
		n, err := response.Body.Read(some)
		must(t, err)
		top.Write(some[:n])
	}
	close(read)
	rest, err := io.ReadAll(response.Body)
	must(t, err)
	if strings.Contains(top.String(), "How the evidence grew") || !strings.Contains(string(rest), "How the evidence grew") || !strings.HasSuffix(strings.TrimSpace(string(rest)), "</html>") {
		t.Errorf("%d bytes came first, then %d", top.Len(), len(rest))
	}
}

// TestPagesLetPeopleLeave holds that no script listens for beforeunload: with
// that Chromium did not leave 3 of 100 pages that had just been opened.
func TestPagesLetPeopleLeave(t *testing.T) {
	w := newWorld(t)
	p, _ := w.get(t, "/", http.StatusOK)
	scripts := p.tags("script")
	if len(scripts) == 0 {
		t.Error("the page has no script")
	}
	for _, n := range scripts {
		script, _ := w.get(t, attribute(n, "src"), http.StatusOK)
		if strings.Contains(script.source, `"beforeunload"`) {
			t.Errorf("%s listens for beforeunload", attribute(n, "src"))
		}
	}
}
