package cli_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api"
	"github.com/stagger-dev/stagger/internal/api/apitest"
	"github.com/stagger-dev/stagger/internal/cli"
	"github.com/stagger-dev/stagger/internal/judge"
	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/proxy"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"stagger": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := cli.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, faces())
		stop()
		os.Exit(code)
	}})
}

// faces are those of a program whose server and demo only say that they run.
func faces() cli.Faces {
	return cli.Faces{
		Serve: func(_ context.Context, o cli.ServeOptions) error {
			_, err := fmt.Printf("serves %s at level %s, JSON %t\n", o.Config, o.LogLevel, o.LogJSON)
			return err
		},
		Demo: func(_ context.Context, o cli.DemoOptions) error {
			_, err := fmt.Fprintf(o.Out, "tells %s at %g/s with seed %d, JSON %t, plain %t\n", o.Scenario, o.Rate, o.Seed, o.JSON, o.Plain)
			return err
		},
		DemoDefaults: cli.DemoOptions{Scenario: "errors", Rate: 800, Seed: 1},
		Scenarios:    []cli.Scenario{{Name: "healthy", Summary: "both alike"}, {Name: "errors", Summary: "it fails"}},
		Version:      "1.2.3",
		Now:          func() time.Time { return apitest.Epoch.Add(90 * time.Second) },
	}
}

// TestScripts runs the program itself against a real API on a real store.
func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	cases, err := filepath.Abs(filepath.Join("..", "recording", "testdata", "cases"))
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(script), ".txtar"), func(t *testing.T) {
			p := behind(t)
			s := apitest.New(t, func(c *api.Config) {
				if strings.Contains(script, "token") {
					c.Token = "s3cret"
				}
				if strings.Contains(script, "load") {
					c.Capture = p.Capture
				}
			})
			if strings.Contains(script, "evidence") {
				gather(t, s)
			}
			testscript.Run(t, testscript.Params{
				Files: []string{script},
				Setup: func(e *testscript.Env) error {
					e.Setenv("STAGGER_SERVER", s.URL)
					e.Setenv("STAGGER_ACTOR", "ada")
					e.Setenv("TZ", "UTC")
					e.Setenv("CASES", cases)
					e.Setenv("SHOP", "http://"+p.Addr("web").String())
					return nil
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"exits": exits,
					"capturing": func(ts *testscript.TestScript, _ bool, _ []string) {
						for deadline := time.Now().Add(30 * time.Second); len(p.Captures()) == 0; time.Sleep(time.Millisecond) {
							if time.Now().After(deadline) {
								ts.Fatalf("nothing is being captured")
							}
						}
					},
				},
			})
		})
	}
}

// behind runs a proxy of the shop, whose two versions answer with their names.
func behind(t *testing.T) *proxy.Proxy {
	t.Helper()
	shop := stagger.Service{Name: "shop", Baseline: "v1", Listener: "web", VersionHeader: "Stagger-Version", Routes: []stagger.Route{{Name: "all", Path: "/"}}}
	for _, name := range []string{"v1", "v2"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/broken" {
				w.WriteHeader(http.StatusInternalServerError)
			}
			_, _ = fmt.Fprintln(w, name)
		}))
		t.Cleanup(server.Close)
		shop.Versions = append(shop.Versions, stagger.Version{Name: name, Upstreams: []string{server.URL}})
	}
	p, err := proxy.New(proxy.Config{
		Listeners: []proxy.Listener{{Name: "web", Address: "127.0.0.1:0"}}, Services: []stagger.Service{shop},
	}, meter.New(meter.Options{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	split := stagger.Split{Service: "shop", Baseline: "v1", Candidate: "v2", Weight: stagger.Percent(50), Key: stagger.Key{Header: "X-User"}, Seed: "s"}
	if err := p.Apply(t.Context(), split); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = p.Stop(ctx)
	})
	return p
}

// gather keeps evidence of the rollout that the script is to start, p99 getting
// worse until it is suspected.
func gather(t *testing.T, s *apitest.Server) {
	t.Helper()
	trail, v := judge.NewTrail(), stagger.Verdict{}
	for i := range 60 {
		x := float64(i) / 60
		v = stagger.Verdict{
			At: apitest.Epoch.Add(time.Duration(i) * time.Second), Outcome: stagger.OutcomeInconclusive, Advice: stagger.AdviseNothing,
			Findings: []stagger.Finding{{
				Signal: stagger.SignalLatency, Slot: "p99", Tolerance: 1.05, Estimate: 1 + 0.1*x, Low: 1 - 0.3*(1-x), High: 1.2 + 0.3*(1-x),
				Suspect: min(1.2*x, 1), Rollback: 0.6 * x,
			}},
			Ledger: []stagger.Account{
				{Use: stagger.UseRollback, Level: 0.01, Per: "rollout", Evidence: 0.6 * x},
				{Use: stagger.UseShed, Level: 0.005, Per: "rollout"},
			},
		}
		if v.Findings[0].Suspect >= 1 {
			v.Advice = stagger.AdviseHold
		}
		trail.Add(v)
	}
	path, err := trail.State()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Store.SavePath(t.Context(), "shop-1", path); err != nil {
		t.Fatal(err)
	}
	if err := s.Store.SaveProgress(t.Context(), stagger.Progress{Rollout: "shop-1", At: v.At, Verdict: v}); err != nil {
		t.Fatal(err)
	}
}

// exits runs the program and wants an exit code: exits CODE ARGS...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: exits CODE ARGS...")
	}
	err := ts.Exec("stagger", args[1:]...)
	got := 0
	if err != nil {
		if _, scanErr := fmt.Sscanf(err.Error(), "exit status %d", &got); scanErr != nil {
			ts.Fatalf("%v", err)
		}
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("stagger %s: exit code %d, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}
