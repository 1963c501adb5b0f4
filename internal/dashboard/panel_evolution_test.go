package dashboard_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api/apitest"
	"github.com/stagger-dev/stagger/internal/dashboard"
	"github.com/stagger-dev/stagger/internal/store"
)

func TestRolloutShowsHowTheEvidenceGrew(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	p, _ := w.get(t, rolloutPath, http.StatusOK)
	p.wants(t, "How the evidence grew", "latency p99 ✘ beyond the limit ×1.11 (×1.06 to ×1.30), limit ×1.05",
		"Numbers of latency p99", "12:00:40 ×1.11 ×1.06 to ×1.30 100% 60% 0% ◆ hold", "Marked: ▶ stage entered ◆ held")
	figures := p.tags("figure")
	if len(figures) != 5 {
		t.Fatalf("%d plots for 5 findings", len(figures))
	}
	for _, figure := range figures {
		f := page{figure, ""}
		plots := f.plots(t)
		if rows := f.tags("tr"); len(plots) != 2 || len(rows) < 10 {
			t.Fatalf("%s: %d plots, %d rows behind them", text(figure), len(plots), len(rows))
		}
		for _, c := range plots {
			if len(c.Marks) != 3 || len(c.X) < 40 || c.From == 0 || len(c.Series) != 3 || len(c.Series[0].Values) != len(c.X) {
				t.Errorf("%s: %+v", text(figure), c)
			}
		}
	}
}

// drawn is what the browser gets to draw.
type drawn struct {
	From   float64
	X      []float64
	Series []struct {
		Label  string
		Values []*float64
	}
	Limits, Marks []struct {
		At    float64
		Label string
	}
}

// plots returns the plots of a page. Each has words for those who do not see it.
func (p page) plots(t *testing.T) []drawn {
	t.Helper()
	var all []drawn
	for _, n := range p.all(func(n *html.Node) bool { return attribute(n, "data-chart") != "" }) {
		var c drawn
		must(t, json.Unmarshal([]byte(attribute(n, "data-chart")), &c))
		for above := range n.Ancestors() {
			if over := attribute(above, "data-timeline"); over != "" {
				must(t, json.Unmarshal([]byte(over), &c))
			}
		}
		if attribute(n, "role") != "img" || attribute(n, "aria-label") == "" || attribute(n, "id") == "" {
			t.Errorf("a plot has no words, or no id: %v", n.Attr)
		}
		all = append(all, c)
	}
	return all
}

// TestLivePartLeavesOutWhatIsLarge asks for what the browser asks for most of
// the time, and for what it fetches by itself.
func TestLivePartLeavesOutWhatIsLarge(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	whole, _ := w.get(t, rolloutPath, http.StatusOK)
	live, _ := w.get(t, rolloutPath+"?part=live", http.StatusOK)
	if len(live.plots(t)) > 0 || strings.Contains(live.source, "<html") || 2*len(live.source) > len(whole.source) {
		t.Errorf("%d bytes of %d, %d plots", len(live.source), len(whole.source), len(live.plots(t)))
	}
	live.wants(t, "39.1ms", "21s · min 10s")
	panel, _ := w.get(t, rolloutPath+"?part=evolution", http.StatusOK)
	if strings.Contains(panel.source, "<h1") || len(panel.plots(t)) != 10 {
		t.Errorf("%d plots in %s", len(panel.plots(t)), panel.source)
	}
}

// lostPath is a store whose paths cannot be read.
type lostPath struct{ *store.Store }

func (lostPath) Evidence(context.Context, string) (stagger.Path, error) {
	return stagger.Path{}, errors.New("disk on fire")
}

func TestPageIsWorthShowingWithoutThePath(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	h := dashboard.New(dashboard.Config{Store: lostPath{w.Store}, Services: apitest.Services})
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, rolloutPath, http.NoBody))
	if recorder.Code != http.StatusOK || !strings.Contains(recorder.Body.String(), "stage tenth begins") || strings.Contains(recorder.Body.String(), "<figure") {
		t.Errorf("%d: %s", recorder.Code, recorder.Body)
	}
}
