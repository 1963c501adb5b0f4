package dashboard_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api"
	"github.com/stagger-dev/stagger/internal/api/apitest"
	"github.com/stagger-dev/stagger/internal/config"
	"github.com/stagger-dev/stagger/internal/dashboard"
	"github.com/stagger-dev/stagger/internal/inbox"
	"github.com/stagger-dev/stagger/internal/judge"
	"github.com/stagger-dev/stagger/internal/store"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is the dashboard beside the API, on a real store.
type world struct {
	*apitest.Server

	url string
}

func newWorld(t *testing.T) world {
	t.Helper()
	w := worldOf(t, apitest.Services, apitest.Epoch.Add(42*time.Second))
	w.CarryOut(t)
	return w
}

// worldOf is a world of some services, in which it is always now.
func worldOf(t testing.TB, services func() []stagger.Service, now time.Time) world {
	t.Helper()
	s := apitest.Open(t)
	mux := http.NewServeMux()
	mux.Handle("/api/", apitest.Handler(s, func(c *api.Config) { c.Services = services }))
	mux.Handle("/", dashboard.New(dashboard.Config{
		Store: s, Services: services, Differences: apitest.Differences,
		Ask: inbox.Inbox{Store: s, Check: apitest.Check, Wake: func() {}}.Ask,
		Now: func() time.Time { return now },
	}))
	server := httptest.NewServer(api.Guard("", mux))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return world{Server: &apitest.Server{URL: server.URL, Store: s, HTTP: server.Client()}, url: server.URL}
}

// get reads a page and takes it apart.
func (w world) get(t *testing.T, path string, status int) (page, http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+path, http.NoBody)
	must(t, err)
	response, err := w.HTTP.Do(request)
	must(t, err)
	defer func() { must(t, response.Body.Close()) }()
	if response.StatusCode != status {
		t.Fatalf("%s: status %d, want %d", path, response.StatusCode, status)
	}
	content, err := io.ReadAll(response.Body)
	must(t, err)
	root, err := html.Parse(strings.NewReader(string(content)))
	must(t, err)
	return page{root, string(content)}, response.Header
}

// page is a page that was taken apart.
type page struct {
	root   *html.Node
	source string
}

// all returns the elements for which f holds.
func (p page) all(f func(*html.Node) bool) []*html.Node {
	var found []*html.Node
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && f(n) {
			found = append(found, n)
		}
	}
	return found
}

func (p page) tags(name string) []*html.Node {
	return p.all(func(n *html.Node) bool { return n.Data == name })
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func (p page) wants(t *testing.T, parts ...string) {
	t.Helper()
	content := text(p.root)
	for _, part := range parts {
		if !strings.Contains(content, part) {
			t.Errorf("the page lacks %q: %s", part, content)
		}
	}
}

// trial records a rollout in its second stage and how it does.
func trial(t *testing.T, w world) {
	t.Helper()
	start := apitest.Start()
	start.Change = stagger.Change{Kind: "code", Commit: "4f2a91c", Author: "ada", Ticket: "SHOP-42", Summary: "Faster <basket> totals"}
	start.Plan.Stages = []stagger.Stage{
		{Name: "staff", Rules: []stagger.Rule{{Header: "X-Group", Equals: "staff"}}, MinTime: 10 * time.Second, Timebox: time.Minute},
		{Name: "tenth", Weight: 10 * stagger.WeightPercent, MinTime: 10 * time.Second, Timebox: time.Minute, MinSamples: 2000},
		{Name: "half", Weight: 50 * stagger.WeightPercent, MinTime: 10 * time.Second, Timebox: time.Minute},
	}
	r, e := apitest.Create("shop-20261123-120000-4f2a", start)
	e.Reason = "ada started it: release 12"
	must(t, w.Store.Commit(t.Context(), r, []stagger.Event{e}))
	for i, reason := range []string{"stage staff begins at 0% and 1 rule: v1 and v2 are ready", "stage tenth begins at 10%: stage staff is healthy"} {
		r.Phase, r.Stage, r.Weight = stagger.PhaseProgressing, i, stagger.Weight(i)*10*stagger.WeightPercent
		enter(t, w, &r, stagger.EventStageEntered, reason)
	}
	r.StageAt, r.Deadline = r.UpdatedAt, r.UpdatedAt.Add(time.Minute)
	r.Phase, r.Hold = stagger.PhaseWaiting, stagger.HoldSuspect
	enter(t, w, &r, stagger.EventHeld, "the evidence looks bad, not yet proved: p99 is slower")
	must(t, w.Store.SaveProgress(t.Context(), progress(r)))
	trail, err := grown(progress(r).Verdict).State()
	must(t, err)
	must(t, w.Store.SavePath(t.Context(), r.ID, trail))
}

// grown is how the evidence came to v: intervals close in on its own, and what
// it has of evidence has come in evenly.
func grown(v stagger.Verdict) *judge.Trail {
	trail, final := judge.NewTrail(), v.Findings
	for i := range 41 {
		x := float64(i) / 40
		v.At, v.Findings = apitest.Epoch.Add(time.Duration(i)*time.Second), slices.Clone(final)
		if v.Advice = stagger.AdviseNothing; i >= 28 {
			v.Advice = stagger.AdviseHold
		}
		for k := range v.Findings {
			f := &v.Findings[k]
			spread := math.Pow(f.Tolerance, 4*(1-x)*(1-x))
			f.Low, f.High, f.Suspect, f.Rollback, f.Healthy = f.Low/spread, f.High*spread, f.Suspect*x, f.Rollback*x*x, f.Healthy*x
			if i < 2 {
				f.Low, f.High = 0, 0
			}
		}
		trail.Add(v)
	}
	return trail
}

func enter(t testing.TB, w world, r *stagger.Rollout, kind stagger.EventKind, reason string) {
	t.Helper()
	r.Events++
	r.UpdatedAt, r.Reason = apitest.Epoch.Add(time.Duration(r.Events)*7*time.Second), reason
	r.StageAt = apitest.Epoch.Add(21 * time.Second)
	must(t, w.Store.Commit(t.Context(), *r, []stagger.Event{{
		Rollout: r.ID, Seq: r.Events, At: r.UpdatedAt, Kind: kind, Actor: "stagger", Reason: reason,
		Phase: r.Phase, Stage: r.Stage, Weight: r.Weight, Hold: r.Hold,
	}}))
}

func progress(r stagger.Rollout) stagger.Progress {
	slot := func(name string, estimate, low, high, suspect, rollback, healthy float64) stagger.Finding {
		f := stagger.Finding{
			Signal: stagger.SignalLatency, Slot: name, Outcome: stagger.OutcomeInconclusive, Baseline: 0.0121, Candidate: 0.0121 * estimate,
			Estimate: estimate, Low: low, High: high, Tolerance: 1.05, Suspect: suspect, Rollback: rollback, Healthy: healthy,
			Sentence: fmt.Sprintf("%s may be up to 5%% slower", name),
		}
		if healthy >= 1 {
			f.Outcome = stagger.OutcomeHealthy
		}
		if suspect >= 1 {
			f.Sentence = fmt.Sprintf("v2 takes 13.4 ms at %s against 12.1 ms for v1 in the same seconds (ratio 1.06 to 1.30); the limit is 1.05", name)
		}
		return f
	}
	return stagger.Progress{
		Rollout: r.ID, At: apitest.Epoch.Add(41 * time.Second), Observed: 0.0973,
		Split:     stagger.Split{Service: r.Service, Baseline: r.Baseline, Candidate: r.Candidate, Weight: r.Weight},
		Baseline:  stagger.Level{Rate: 1082.4, Errors: 0.0011, P50: 0.0121, P95: 0.0232, P99: 0.0315, InFlight: 14},
		Candidate: stagger.Level{Rate: 118.1, Errors: 0.0009, P50: 0.0122, P95: 0.0229, P99: 0.0391, InFlight: 2},
		Verdict: stagger.Verdict{
			At: apitest.Epoch.Add(41 * time.Second), Outcome: stagger.OutcomeInconclusive, Advice: stagger.AdviseHold, Signal: stagger.SignalLatency,
			Sentence: "p99 looks 24% slower on v2; not yet proved", Candidate: stagger.Sample{Requests: 1534, Stage: 1534},
			Findings: []stagger.Finding{
				{
					Signal: stagger.SignalErrors, Outcome: stagger.OutcomeHealthy, Baseline: 0.0011, Candidate: 0.0009,
					Estimate: 0.83, Low: 0.41, High: 1.42, Tolerance: 1.5, Healthy: 1.3, Sentence: "0.09% failed against 0.11%",
				},
				slot("p50", 1.004, 0.99, 1.02, 0, 0, 1), slot("p95", 0.99, 0.94, 1.06, 0.05, 0, 0.7),
				slot("p99", 1.11, 1.06, 1.3, 1.2, 0.6, 0), slot("p99.9", 0, 0, 0, 0, 0, 0),
			},
			Ledger: []stagger.Account{
				{Use: stagger.UseRollback, Level: 0.01, Per: "rollout", Evidence: 0.6, Parts: []stagger.Part{
					{Signal: stagger.SignalErrors, Weight: 0.5}, {Signal: stagger.SignalLatency, Slot: "p50", Weight: 0.1}, {Signal: stagger.SignalLatency, Slot: "p99", Weight: 0.4},
				}},
				{Use: stagger.UseHold, Level: 0.05, Per: "rollout", Evidence: 1},
				{Use: stagger.UseShed, Level: 0.005, Per: "rollout"},
				{Use: stagger.UseSplit, Level: 0.001, Per: "rollout", Evidence: 0.02},
				{Use: stagger.UseHealthy, Level: 0.05, Per: "stage"},
				{Use: stagger.UsePlacebo, Level: 0.01, Per: "rollout", Evidence: 0.1},
				{Use: stagger.UsePast, Level: 1, Per: "30 days", Evidence: 0.3},
			},
		},
		Next: "rolls back when the suspicion is proved, goes on when it clears",
	}
}

func TestEmptyDashboardTeachesTheFirstRollout(t *testing.T) {
	w := newWorld(t)
	p, _ := w.get(t, "/", http.StatusOK)
	host := strings.TrimPrefix(w.url, "http://")
	p.wants(t, "Services", "shop", "baseline v1", "Your first rollout", "stagger start -f rollout.yaml --wait --server http://"+host)

	codes := p.tags("pre")
	start, err := config.ParseRollout("rollout.yaml", []byte(codes[0].FirstChild.FirstChild.Data))
	if err != nil || start.Service != "shop" || start.Candidate != "v2" {
		t.Errorf("the file that is taught: %+v, %v", start, err)
	}
}

func TestServicesShowWhatIsUnderWay(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	p, _ := w.get(t, "/", http.StatusOK)
	p.wants(t, "◆ waiting", "looks bad, not yet proved", "v1 → v2", "Faster <basket> totals", "Recent rollouts")
	if strings.Contains(p.source, "<basket>") {
		t.Error("a summary is not escaped")
	}
	if got := streamOf(p); got != "/api/v1/events?after=4" {
		t.Errorf("stream %q", got)
	}
}

// streamOf returns the event stream that a page follows, "" for none.
func streamOf(p page) string {
	for _, n := range p.all(func(n *html.Node) bool { return attribute(n, "id") == "stream" }) {
		return attribute(n, "hx-sse:connect")
	}
	return ""
}

func TestRolloutFollowsItsOwnStream(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	p, _ := w.get(t, rolloutPath, http.StatusOK)
	p.wants(t, "shop v1 → v2", "waiting", "Faster <basket> totals")
	if got := streamOf(p); got != "/api/v1/rollouts/shop-20261123-120000-4f2a/events?after=4" {
		t.Errorf("stream %q", got)
	}
}

func TestLivePartIsThatOfTheWholePage(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	whole, _ := w.get(t, "/", http.StatusOK)
	part, _ := w.get(t, "/?part=live", http.StatusOK)
	if strings.Contains(part.source, "<html") || !strings.Contains(whole.source, part.source) {
		t.Error("the live part is not what is in the page")
	}
}

func TestSettledRolloutHasNoStream(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	r, err := w.Store.Rollout(t.Context(), "shop-20261123-120000-4f2a")
	must(t, err)
	r.Phase, r.Hold, r.Weight, r.EndedAt = stagger.PhaseRolledBack, "", 0, apitest.Epoch.Add(time.Minute)
	enter(t, w, &r, stagger.EventRolledBack, "the evidence is beyond doubt")
	p, _ := w.get(t, "/rollouts/"+r.ID, http.StatusOK)
	if streamOf(p) == "" {
		t.Error("no stream while the traffic has yet to follow")
	}
	r.Converged = apitest.Epoch.Add(62 * time.Second)
	enter(t, w, &r, stagger.EventConverged, "no request met v2")
	p, _ = w.get(t, "/rollouts/"+r.ID, http.StatusOK)
	p.wants(t, "✘ rolled back", "took 1m")
	if streamOf(p) != "" {
		t.Errorf("stream %q", streamOf(p))
	}
}

// TestPagesAreSound holds what every page owes to people and browsers.
func TestPagesAreSound(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	over(t, w, "shop-old", "desk", apitest.Epoch.Add(-time.Hour), 3)
	for path, status := range map[string]int{
		"/": 200, "/?q=nothing+like+it": 200, rolloutPath: 200, historyPath: 200, "/rollouts/shop-old/history?at=3": 200, rolloutPath + "/report": 200,
		"/compare": 200, "/compare?a=shop-old&b=shop-20261123-120000-4f2a:tenth": 200, "/outcomes": 200,
		"/rollouts/none": 404, "/rollouts/none/history": 404, "/rollouts/none/report": 404, "/compare?a=none&b=none": 404, "/none": 404,
	} {
		p, header := w.get(t, path, status)
		if csp := header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", path, csp)
		}
		if h1 := p.tags("h1"); len(h1) != 1 || len(p.tags("main")) != 1 || len(p.tags("title")) < 1 {
			t.Errorf("%s: %d h1", path, len(h1))
		}
		ids := map[string]bool{}
		for _, n := range p.all(func(*html.Node) bool { return true }) {
			sound(t, path, n)
			if id := attribute(n, "id"); id != "" && ids[id] {
				t.Errorf("%s: id %s is there twice", path, id)
			} else {
				ids[id] = true
			}
		}
		for _, n := range p.all(func(n *html.Node) bool { return attribute(n, "aria-labelledby") != "" }) {
			if !ids[attribute(n, "aria-labelledby")] {
				t.Errorf("%s: nothing is labelled %s", path, attribute(n, "aria-labelledby"))
			}
		}
	}
}

// sound checks one element: nothing inline that the policy forbids, nothing
// from elsewhere, and no picture without words.
func sound(t *testing.T, path string, n *html.Node) {
	t.Helper()
	for _, a := range n.Attr {
		if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
			t.Errorf("%s: <%s> has %s", path, n.Data, a.Key)
		}
		if slices.Contains([]string{"src", "href"}, a.Key) && !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") {
			t.Errorf("%s: <%s> goes to %s", path, n.Data, a.Val)
		}
	}
	if n.Data == "script" && (attribute(n, "src") == "" || n.FirstChild != nil) {
		t.Errorf("%s: a script is inline", path)
	}
	if n.Data == "svg" && attribute(n, "aria-hidden") != "true" && (attribute(n, "role") != "img" || attribute(n, "aria-label") == "") {
		t.Errorf("%s: a picture has no words", path)
	}
}

func TestStaticFilesMayBeKept(t *testing.T) {
	w := newWorld(t)
	p, _ := w.get(t, "/", http.StatusOK)
	for _, address := range []string{attribute(p.tags("script")[0], "src"), attribute(p.tags("link")[1], "href")} {
		_, header := w.get(t, address, http.StatusOK)
		if !strings.Contains(header.Get("Cache-Control"), "immutable") || !strings.HasPrefix(header.Get("Content-Type"), "text/") {
			t.Errorf("%s: %v", address, header)
		}
	}
	w.get(t, "/static/none.js", http.StatusNotFound)
	w.get(t, "/static/..%2Fdashboard.go", http.StatusNotFound)
}

// brokenStore fails as a disk does.
type brokenStore struct{ *store.Store }

func (brokenStore) Rollouts(context.Context, store.Filter) ([]stagger.Rollout, error) {
	return nil, errors.New("disk on fire")
}

func TestBrokenStoreIsAPageOfItsOwn(t *testing.T) {
	h := dashboard.New(dashboard.Config{Store: brokenStore{apitest.Open(t)}, Services: apitest.Services})
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	if recorder.Code != http.StatusInternalServerError || !strings.Contains(recorder.Body.String(), "Something went wrong") {
		t.Errorf("%d: %s", recorder.Code, recorder.Body)
	}
}
