package cli_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/stagger-dev/stagger/internal/api"
	"github.com/stagger-dev/stagger/internal/api/apitest"
	"github.com/stagger-dev/stagger/internal/cli"
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
			s := apitest.New(t, func(c *api.Config) {
				if strings.Contains(script, "token") {
					c.Token = "s3cret"
				}
			})
			testscript.Run(t, testscript.Params{
				Files: []string{script},
				Setup: func(e *testscript.Env) error {
					e.Setenv("STAGGER_SERVER", s.URL)
					e.Setenv("STAGGER_ACTOR", "ada")
					e.Setenv("TZ", "UTC")
					e.Setenv("CASES", cases)
					return nil
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
			})
		})
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
