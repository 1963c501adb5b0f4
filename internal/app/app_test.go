package app_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/client"
	"github.com/stagger-dev/stagger/internal/app"
	"github.com/stagger-dev/stagger/internal/config"
	"github.com/stagger-dev/stagger/internal/controller"
	"github.com/stagger-dev/stagger/internal/engine"
	"github.com/stagger-dev/stagger/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is an app in front of real backends.
type world struct {
	*app.App
	Client *client.Client
	Path   string // of the store
}

// backend answers every request with its name.
func backend(t *testing.T, name string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) }))
	t.Cleanup(s.Close)
	return s.URL
}

// server is the configuration of a service shop with these versions, of which
// v1 is the baseline.
func server(t *testing.T, path string, versions map[string]string) config.Server {
	t.Helper()
	var list strings.Builder
	for name, url := range versions {
		fmt.Fprintf(&list, "      %s: {upstreams: [%q]}\n", name, url)
	}
	c, err := config.ParseServer("stagger.yaml", fmt.Appendf(nil, `
listeners: [{name: web, address: "127.0.0.1:0"}]
admin: {address: "127.0.0.1:0"}
store: {path: %q}
services:
  - name: shop
    baseline: v1
    health: {path: /, interval: 1s, timeout: 1s}
    versions:
%s`, path, list.String()))
	must(t, err)
	return c
}

func start(t *testing.T, c config.Server) *world {
	t.Helper()
	a := app.New(c, app.Options{Version: "1.2.3"})
	must(t, a.Start(t.Context()))
	t.Cleanup(func() { must(t, a.Stop(context.Background())) })
	api, err := client.New(a.AdminURL())
	must(t, err)
	return &world{App: a, Client: api, Path: c.Store.Path}
}

// open starts an app with the versions v1, v2 and v3.
func open(t *testing.T) *world {
	t.Helper()
	return start(t, server(t, filepath.Join(t.TempDir(), "stagger.db"), map[string]string{
		"v1": backend(t, "v1"), "v2": backend(t, "v2"), "v3": backend(t, "v3"),
	}))
}

// trial is a start of candidate with one stage, which takes ada and waits.
func trial(candidate string) stagger.Command {
	return stagger.Command{
		Verb: stagger.VerbStart, Actor: "ada", Reason: "because",
		Start: &stagger.Start{Service: "shop", Candidate: candidate, Plan: stagger.Plan{
			Key:  stagger.Key{Header: "X-User"},
			Seed: "seed",
			Stages: []stagger.Stage{{
				Name: "ada", Weight: stagger.WeightPercent, Rules: []stagger.Rule{{Header: "X-User", Equals: "ada"}},
				MinTime: time.Minute, AtTimebox: stagger.TimeboxHold, MinSamples: 100,
			}},
			Guardrails: []stagger.Guardrail{{
				Signal: stagger.SignalErrors, Tolerance: 1.5, Floor: 0.0005, Healthy: 0.002, Alpha: 0.01, Action: stagger.ActionRollback,
			}},
			Bake: stagger.Bake{Time: time.Minute}, Shed: stagger.Shed{Probe: stagger.WeightPercent, Patience: time.Minute},
			Blind: stagger.Blind{After: time.Minute},
		}},
	}
}

func (w *world) do(t *testing.T, c stagger.Command) stagger.Rollout {
	t.Helper()
	r, err := w.Client.Do(t.Context(), c)
	must(t, err)
	return r
}

// wait returns the rollout as soon as it is as wanted.
func (w *world) wait(t *testing.T, id string, wanted func(stagger.Rollout) bool) stagger.Rollout {
	t.Helper()
	var last stagger.Rollout
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		r, err := w.Client.Rollout(t.Context(), id)
		must(t, err)
		if last = r; wanted(r) {
			return r
		}
	}
	t.Fatalf("the rollout stays %s at %s: %s", last.Phase, last.Weight, last.Reason)
	return last
}

// answers waits until the named version answers ada: what is recorded comes
// into force a moment later.
func (w *world) answers(t *testing.T, name string) {
	t.Helper()
	body := ""
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if _, body = get(t, w.ProxyURL("web"), "X-User", "ada"); body == name {
			return
		}
	}
	t.Errorf("%q answers, not %q", body, name)
}

// measures waits until the metrics have all of this: a tick is sealed and looked
// at a while after its requests.
func (w *world) measures(t *testing.T, wanted ...string) {
	t.Helper()
	var lacking []string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		_, metrics := get(t, w.AdminURL()+"/metrics")
		lacking = slices.DeleteFunc(slices.Clone(wanted), func(one string) bool { return strings.Contains(metrics, one) })
		if len(lacking) == 0 {
			return
		}
	}
	t.Errorf("the metrics lack %s", strings.Join(lacking, "\n"))
}

func progressing(r stagger.Rollout) bool { return r.Phase == stagger.PhaseProgressing }

// get returns status and body of a page.
func get(t *testing.T, url string, header ...string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	must(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Do(request)
	must(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	must(t, err)
	return response.StatusCode, string(body)
}

func TestTrafficFollowsTheRollout(t *testing.T) {
	w := open(t)
	w.answers(t, "v1")
	r := w.do(t, trial("v2"))
	w.wait(t, r.ID, progressing)
	w.answers(t, "v2")
	w.measures(t,
		fmt.Sprintf(`stagger_rollout_weight_ratio{candidate="v2",rollout=%q,service="shop"} 0.01`, r.ID),
		fmt.Sprintf(`stagger_rollout_phase_info{candidate="v2",hold="",phase="progressing",rollout=%q,service="shop",stage="ada"} 1`, r.ID),
		fmt.Sprintf(`stagger_rollout_verdict_info{advice="none",outcome="inconclusive",rollout=%q,service="shop"} 1`, r.ID),
		fmt.Sprintf(`stagger_rollout_evidence_ratio{for="rollback",rollout=%q,service="shop",signal="errors",slot=""} 0`, r.ID),
	)
	w.do(t, stagger.Command{Verb: stagger.VerbRollback, Rollout: r.ID, Actor: "ada", Reason: "enough"})
	w.wait(t, r.ID, func(r stagger.Rollout) bool { return r.Phase == stagger.PhaseRolledBack })
	w.answers(t, "v1")
}

func TestAdminPortHasEveryFace(t *testing.T) {
	w := open(t)
	get(t, w.ProxyURL("web"))
	counted := `stagger_requests_total{outcome="2xx",route="all",service="shop",version="v1"} 1`
	w.measures(t, counted)
	for path, want := range map[string]string{
		"/":                 ">Services</h1>",
		"/healthz":          "",
		"/readyz":           "",
		"/api/openapi.json": `"openapi": "3.1`,
		"/api/v1/services":  `"shop"`,
		"/metrics":          counted,
	} {
		status, body := get(t, w.AdminURL()+path)
		if status != http.StatusOK && status != http.StatusNoContent || !strings.Contains(body, want) {
			t.Errorf("%s: status %d, and no %q among %d bytes", path, status, want, len(body))
		}
	}
	_, body := get(t, w.AdminURL()+"/metrics", "Accept", "application/openmetrics-text; version=1.0.0")
	if !strings.HasSuffix(body, "# EOF\n") {
		t.Error("the metrics have no OpenMetrics form")
	}
}

// TestHistoryReplaysToWhatIsKept does several things to two rollouts, one of
// which supersedes the other, and folds what was recorded.
func TestHistoryReplaysToWhatIsKept(t *testing.T) {
	w := open(t)
	first := w.do(t, trial("v2"))
	w.wait(t, first.ID, progressing)
	w.do(t, stagger.Command{Verb: stagger.VerbPause, Rollout: first.ID, Actor: "ada", Reason: "lunch"})
	w.do(t, stagger.Command{Verb: stagger.VerbResume, Rollout: first.ID, Actor: "ada", Reason: "back"})
	second := w.do(t, trial("v3"))
	if second.Baseline != "v1" {
		t.Errorf("the second goes back to %s, not to the original baseline", second.Baseline)
	}
	w.wait(t, second.ID, progressing)
	w.do(t, stagger.Command{Verb: stagger.VerbAbort, Rollout: second.ID, Actor: "ada", Reason: "enough"})
	for id, want := range map[string]stagger.Phase{first.ID: stagger.PhaseSuperseded, second.ID: stagger.PhaseAborted} {
		history, err := w.Client.History(t.Context(), id)
		must(t, err)
		replayed, err := engine.Replay(history)
		must(t, err)
		kept, err := w.Client.Rollout(t.Context(), id)
		must(t, err)
		if diff := cmp.Diff(kept, replayed); diff != "" || kept.Phase != want {
			t.Errorf("%s is %s; the history replays to something else (-kept +replayed):\n%s", id, kept.Phase, diff)
		}
	}
	proof, err := w.Client.Verify(t.Context())
	if err != nil || proof.Broken != nil {
		t.Errorf("the chain does not hold: %+v, %v", proof, err)
	}
}

func TestStartIsRefused(t *testing.T) {
	w := open(t)
	for name, c := range map[string]struct {
		change func(*stagger.Start)
		want   string
	}{
		"the candidate is the baseline": {func(s *stagger.Start) { s.Candidate = "v1" }, "v1"},
		"no such version":               {func(s *stagger.Start) { s.Candidate = "v9" }, "v9"},
		"no such service":               {func(s *stagger.Start) { s.Service = "shed" }, "shed"},
		"too fine a weight":             {func(s *stagger.Start) { s.Plan.Stages[0].Weight = stagger.WeightFull + 1 }, "weight"},
	} {
		t.Run(name, func(t *testing.T) {
			command := trial("v2")
			c.change(command.Start)
			_, err := w.Client.Do(t.Context(), command)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v; it should tell of %q", err, c.want)
			}
		})
	}
	if list, err := w.Client.Rollouts(t.Context(), client.Filter{}); err != nil || len(list) > 0 {
		t.Errorf("something was kept: %v, %v", list, err)
	}
}

// TestUnreachableCandidateMeetsNobody starts a rollout to a version that does
// not answer.
func TestUnreachableCandidateMeetsNobody(t *testing.T) {
	w := start(t, server(t, filepath.Join(t.TempDir(), "stagger.db"), map[string]string{
		"v1": backend(t, "v1"), "v2": "http://" + closedPort(t),
	}))
	r := w.do(t, trial("v2"))
	var p stagger.Progress
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(p.Next, "v2") && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		p, _ = w.Client.Progress(t.Context(), r.ID) // there is none before somebody has looked
	}
	r, err := w.Client.Rollout(t.Context(), r.ID)
	must(t, err)
	if r.Phase != stagger.PhasePending || r.Weight != 0 {
		t.Errorf("the rollout is %s at %s: %s", r.Phase, r.Weight, r.Reason)
	}
	if !strings.Contains(p.Next, "v2") {
		t.Errorf("what comes next does not tell what is waited for: %q", p.Next)
	}
	w.answers(t, "v1")
}

// closedPort returns an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, l.Close())
	return l.Addr().String()
}

// spy keeps what the controller is given.
type spy struct {
	controller.Source
	mu    sync.Mutex
	ticks []stagger.Tick
}

func (s *spy) Ticks(ctx context.Context, service string, after time.Time) ([]stagger.Tick, error) {
	ticks, err := s.Source.Ticks(ctx, service, after)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ticks = append(s.ticks, ticks...)
	return ticks, err
}

// counted is how often the metric counted, and in how many ticks it was looked at.
func (s *spy) counted(version, metric string) (n uint64, looks int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.ticks {
		for _, o := range t.Observations {
			for _, c := range o.Counts {
				if o.Version == version && c.Metric == metric {
					n += c.N
					looks++
				}
			}
		}
	}
	return n, looks
}

// TestMetricsOfTheServiceReachTheController lets a plan judge what only the
// service knows.
func TestMetricsOfTheServiceReachTheController(t *testing.T) {
	var failed atomic.Int64
	payments := func(failed func() int64) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/metrics" {
				_, _ = fmt.Fprintf(w, "# TYPE payments_failed_total counter\npayments_failed_total %d\n", failed())
			}
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	c := server(t, filepath.Join(t.TempDir(), "stagger.db"), map[string]string{
		"v1": payments(func() int64 { return 40 }), "v2": payments(failed.Load),
	})
	command := trial("v2")
	command.Start.Plan.Guardrails = append(command.Start.Plan.Guardrails, stagger.Guardrail{
		Signal: stagger.SignalCount, Metric: "payments_failed_total", Tolerance: 1.5, Alpha: 0.01, Action: stagger.ActionHold,
	})
	seen := &spy{}
	a := app.New(c, app.Options{Source: func(s controller.Source) controller.Source { seen.Source = s; return seen }})
	must(t, a.Start(t.Context()))
	t.Cleanup(func() { must(t, a.Stop(context.Background())) })
	api, err := client.New(a.AdminURL())
	must(t, err)
	if _, err := api.Do(t.Context(), command); err == nil || !strings.Contains(err.Error(), "exposes no metrics") {
		t.Errorf("a metric that nobody exposes is judged: %v", err)
	}
	c.Services[0].Metrics = stagger.Metrics{Path: "/metrics", Every: time.Second, Timeout: time.Second}
	must(t, a.Reload(c))
	_, err = api.Do(t.Context(), command)
	must(t, err)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if _, looks := seen.counted("v2", "payments_failed_total"); looks > 0 || time.Now().After(deadline) {
			break // from here on the counter is known
		}
	}
	failed.Store(17)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		n, looks := seen.counted("v2", "payments_failed_total")
		of, base := seen.counted("v1", "payments_failed_total")
		if n == 17 && of == 0 && base > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the candidate counts %d in %d ticks, the baseline %d in %d", n, looks, of, base)
		}
	}
	if _, metrics := get(t, a.AdminURL()+"/metrics"); strings.Contains(metrics, `stagger_scrape_failures_total{`) {
		t.Error("a reading is said to have failed")
	}
}

func TestReloadTakesANewVersionIntoUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stagger.db")
	one := backend(t, "v1")
	w := start(t, server(t, path, map[string]string{"v1": one, "v2": backend(t, "v2")}))
	if _, err := w.Client.Do(t.Context(), trial("v4")); err == nil {
		t.Fatal("a version that nobody configured was started")
	}
	must(t, w.Reload(server(t, path, map[string]string{"v1": one, "v2": backend(t, "v2"), "v4": backend(t, "v4")})))
	r := w.do(t, trial("v4"))
	w.wait(t, r.ID, progressing)
	w.answers(t, "v4")
}

// TestRestartGoesOn stops the app in the middle of a rollout and starts it
// again.
func TestRestartGoesOn(t *testing.T) {
	c := server(t, filepath.Join(t.TempDir(), "stagger.db"), map[string]string{"v1": backend(t, "v1"), "v2": backend(t, "v2")})
	first := start(t, c)
	r := first.do(t, trial("v2"))
	first.wait(t, r.ID, progressing)
	must(t, first.Stop(t.Context()))
	if first.Stop(t.Context()) != nil {
		t.Error("a second stop fails")
	}

	second := start(t, c)
	again := second.wait(t, r.ID, progressing)
	if again.Stage != 0 || again.Plan.Seed != r.Plan.Seed || again.Events < r.Events {
		t.Errorf("it goes on at stage %d with seed %q after %d events", again.Stage, again.Plan.Seed, again.Events)
	}
}

// TestPartThatFailsTakesTheOthersDown starts apps of which one part cannot come
// up, and then opens their store, which only one process at a time can.
func TestPartThatFailsTakesTheOthersDown(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { must(t, taken.Close()) }()
	for name, change := range map[string]func(*config.Server){
		"listener": func(c *config.Server) { c.Listeners[0].Address = taken.Addr().String() },
		"admin":    func(c *config.Server) { c.Admin.Address = taken.Addr().String() },
	} {
		t.Run(name, func(t *testing.T) {
			c := server(t, filepath.Join(t.TempDir(), "stagger.db"), map[string]string{"v1": backend(t, "v1"), "v2": backend(t, "v2")})
			change(&c)
			err := app.New(c, app.Options{}).Start(t.Context())
			if err == nil || !strings.Contains(err.Error(), taken.Addr().String()) || !strings.Contains(err.Error(), "in use") {
				t.Errorf("the error does not name the port: %v", err)
			}
			if code := stagger.CodeOf(err); code != stagger.CodeConflict {
				t.Errorf("code %s", code)
			}
			s, err := store.Open(t.Context(), c.Store.Path, store.Options{})
			must(t, err)
			must(t, s.Close())
		})
	}
}

func TestTokenIsAskedFor(t *testing.T) {
	c := server(t, filepath.Join(t.TempDir(), "stagger.db"), map[string]string{"v1": backend(t, "v1"), "v2": backend(t, "v2")})
	c.Admin.Token = "0123456789abcdef"
	w := start(t, c)
	for _, path := range []string{"/", "/metrics", "/api/v1/rollouts", "/readyz"} {
		if status, _ := get(t, w.AdminURL()+path); status != http.StatusUnauthorized {
			t.Errorf("%s without the token: status %d", path, status)
		}
		if status, _ := get(t, w.AdminURL()+path, "Authorization", "Bearer 0123456789abcdef"); status != http.StatusOK {
			t.Errorf("%s with the token: status %d", path, status)
		}
	}
	if status, _ := get(t, w.AdminURL()+"/healthz"); status >= http.StatusBadRequest {
		t.Errorf("/healthz asks for a token: status %d", status)
	}
}

func TestReadFetchesTheToken(t *testing.T) {
	folder := t.TempDir()
	secret := filepath.Join(folder, "token")
	must(t, os.WriteFile(secret, []byte("0123456789abcdef\n"), 0o600))
	t.Setenv("STAGGER_TEST_TOKEN", "fedcba9876543210")
	t.Setenv("STAGGER_TEST_SHORT", "12345")
	for name, c := range map[string]struct{ admin, token, problem string }{
		"none":         {admin: "", token: ""},
		"file":         {admin: "token_file: " + secret, token: "0123456789abcdef"},
		"environment":  {admin: "token_env: STAGGER_TEST_TOKEN", token: "fedcba9876543210"},
		"short":        {admin: "token_env: STAGGER_TEST_SHORT", problem: "5 characters"},
		"not set":      {admin: "token_env: STAGGER_TEST_NONE", problem: "STAGGER_TEST_NONE"},
		"missing file": {admin: "token_file: " + secret + ".not", problem: "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "stagger.yaml")
			must(t, os.WriteFile(file, fmt.Appendf(nil, `
admin: {%s}
services:
  - name: shop
    baseline: v1
    versions:
      v1: {upstreams: ["http://127.0.0.1:1"]}
`, c.admin), 0o600))
			s, err := app.Read(file)
			if c.problem == "" {
				must(t, err)
				if s.Admin.Token != c.token {
					t.Errorf("the token is %q", s.Admin.Token)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.problem) || strings.Contains(err.Error(), "12345") {
				t.Errorf("the error is %v; it should tell of %q and no secret", err, c.problem)
			}
		})
	}
}

func TestReadRefusesWhatIsNoConfiguration(t *testing.T) {
	folder := t.TempDir()
	huge := filepath.Join(folder, "huge.yaml")
	must(t, os.WriteFile(huge, []byte(strings.Repeat("# nothing\n", 2<<20)), 0o600))
	for _, file := range []string{folder, filepath.Join(folder, "missing.yaml"), huge} {
		_, err := app.Read(file)
		var refused *stagger.Error
		if !errors.As(err, &refused) || refused.Code != stagger.CodeInvalid {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
	}
}
