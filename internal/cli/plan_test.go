package cli_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/client"
	"github.com/stagger-dev/stagger/internal/cli"
)

// witness is a server that has seen one rollout.
type witness struct {
	cli.API

	rollout  stagger.Rollout
	progress stagger.Progress
	watch    *stagger.Watch
}

func (w witness) Rollouts(_ context.Context, f client.Filter) ([]stagger.Rollout, error) {
	if f.Service != w.rollout.Service || f.Active {
		return nil, nil
	}
	return []stagger.Rollout{w.rollout}, nil
}

func (w witness) Progress(_ context.Context, id string) (stagger.Progress, error) {
	if id != w.rollout.ID {
		return stagger.Progress{}, &stagger.Error{Code: stagger.CodeNotFound, Message: "no such rollout"}
	}
	return w.progress, nil
}

func (w witness) Services(context.Context) ([]stagger.ServiceStatus, error) {
	return []stagger.ServiceStatus{{Service: stagger.Service{Name: "shop"}, Watch: w.watch}}, nil
}

// TestAPlanIsForecastFromWhatTheServerSaw asks about rollouts that ended well,
// that ended badly, and that nobody measured.
func TestAPlanIsForecastFromWhatTheServerSaw(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rollout.yaml")
	if err := os.WriteFile(file, []byte("service: shop\ncandidate: v3\nplan: {preset: fast}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	v1 := stagger.Level{Rate: 900, Errors: 0.002, P50: 0.010, P95: 0.040, P99: 0.100}
	v2 := stagger.Level{Rate: 100, Errors: 0.004, P50: 0.020, P95: 0.080, P99: 0.200}
	for name, c := range map[string]struct {
		service  string
		phase    stagger.Phase
		progress stagger.Progress
		code     int
		want     string
	}{
		"rolled back": {
			"shop", stagger.PhaseRolledBack,
			stagger.Progress{Baseline: v1, Candidate: v2},
			0,
			"shop → v3 at 1,000 requests/s\nbaseline: 0.20% errors, p50 10.1ms, p95 40.5ms, p99 101ms (v1 in the last seconds of r1, ",
		},
		"promoted": {
			"shop", stagger.PhasePromoted,
			stagger.Progress{Baseline: v1, Candidate: v2},
			0,
			"baseline: 0.40% errors, p50 20.3ms, p95 81.1ms, p99 201ms (v2 in the last seconds of r1, ",
		},
		"never measured": {"shop", stagger.PhaseAborted, stagger.Progress{}, 3, "stagger: the server measured too little of v1 in r1\nhint: --rps says"},
		"watched now":    {"else", stagger.PhasePromoted, stagger.Progress{}, 0, "shop → v3 at 900 requests/s\nbaseline: 0.20% errors, p50 10.1ms, p95 40.5ms, p99 101ms (v1 in the last seconds, drawn"},
		"unknown":        {"else", stagger.PhasePromoted, stagger.Progress{}, 3, "stagger: the server knows of no rollout of shop\nhint: --rps says"},
	} {
		t.Run(name, func(t *testing.T) {
			f := faces()
			f.Connect = func(string, string) (cli.API, error) {
				r := stagger.Rollout{ID: "r1", Service: c.service, Baseline: "v1", Candidate: "v2", Phase: c.phase}
				w := witness{rollout: r, progress: c.progress}
				if name == "watched now" {
					w.watch = &stagger.Watch{Version: "v1", Level: v1}
				}
				return w, nil
			}
			var out bytes.Buffer
			code := cli.Run(t.Context(), []string{"plan", "-f", file, "--from-server", "--replicates", "1"}, strings.NewReader(""), &out, &out, f)
			if code != c.code || !strings.Contains(out.String(), c.want) {
				t.Errorf("exit code %d, want %d; told\n%s\nwant %q", code, c.code, &out, c.want)
			}
		})
	}
}
