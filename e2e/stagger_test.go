package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
)

// The exit codes of docs/reference/cli.md.
const (
	exitOK          = 0
	exitInternal    = 1
	exitInvalid     = 2
	exitNotFound    = 3
	exitRefused     = 4
	exitUnavailable = 5
	exitRolledBack  = 10
	exitAborted     = 11
	exitSuperseded  = 12
	exitTimeout     = 13
	exitInterrupted = 130
)

// shop is one service behind stagger: a folder with the two files, and the
// versions.
type shop struct {
	t         *testing.T
	dir       string
	web       string // where clients call
	admin     string // where the command line calls
	webPort   int
	adminPort int
	versions  map[string]*upstream
	server    *process
	runs      int // programs started so far, to name their logs
}

// newShop starts an nginx for every version and writes stagger.yaml; the
// baseline is v1.
func newShop(t *testing.T, behaviours map[string]string) *shop {
	t.Helper()
	s := bareShop(t)
	for name, b := range behaviours {
		s.versions[name] = nginx(t, name, b)
	}
	s.configure()
	return s
}

// bareShop has no versions yet.
func bareShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{t: t, dir: t.TempDir(), webPort: freePort(t), adminPort: freePort(t), versions: map[string]*upstream{}}
	s.web, s.admin = "http://"+address(s.webPort), "http://"+address(s.adminPort)
	return s
}

// configure writes stagger.yaml.
func (s *shop) configure() {
	s.t.Helper()
	versions := map[string]int{}
	for name, u := range s.versions {
		versions[name] = u.port
	}
	write(s.t, filepath.Join(s.dir, "stagger.yaml"), render(s.t, "stagger.yaml", map[string]any{
		"Web": s.webPort, "Admin": s.adminPort, "Baseline": "v1", "Versions": versions,
	}))
}

// serve runs `stagger serve` and waits until it does.
func (s *shop) serve() {
	s.t.Helper()
	s.runs++
	s.server = launch(s.t, s.dir, fmt.Sprintf("serve-%d", s.runs), binary, "serve", "-c", "stagger.yaml")
	s.server.says(s.t, "stagger serves")
}

// kill ends the server as a power cut would.
func (s *shop) kill() {
	s.t.Helper()
	s.server.signal(s.t, syscall.SIGKILL)
}

// plan is how long the rollout takes at least.
type plan struct{ candidate, minTime, bake string }

func quick(candidate string) plan { return plan{candidate: candidate, minTime: "2s", bake: "3s"} }

// rollout writes rollout.yaml.
func (s *shop) rollout(p plan) {
	s.t.Helper()
	write(s.t, filepath.Join(s.dir, "rollout.yaml"), render(s.t, "rollout.yaml", map[string]any{
		"Candidate": p.candidate, "MinTime": p.minTime, "Bake": p.bake,
	}))
}

// result is what one command did.
type result struct {
	code     int
	out, err string
}

func (r result) String() string { return fmt.Sprintf("exit %d\n%s%s", r.code, r.out, r.err) }

// cli runs one command against the shop's server.
func (s *shop) cli(args ...string) result {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, append([]string{"--server", s.admin}, args...)...)
	cmd.Dir = s.dir
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	code := exitCode(cmd.Run())
	if ctx.Err() != nil {
		errs.WriteString("(it was ended after 100s)\n")
	}
	return result{code: code, out: out.String(), err: errs.String()}
}

// must runs one command that has to end with code and to say what it should.
func (s *shop) must(code int, says string, args ...string) result {
	s.t.Helper()
	r := s.cli(args...)
	if r.code != code || !strings.Contains(r.out+r.err, says) {
		s.t.Fatalf("stagger %s: got %v\nwant exit %d and %q", strings.Join(args, " "), r, code, says)
	}
	return r
}

// document runs one command with -o json and reads what it prints.
func document[T any](s *shop, args ...string) T {
	s.t.Helper()
	var v T
	out := s.must(exitOK, "", append(args, "-o", "json")...).out
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		s.t.Fatalf("stagger %s: %v in\n%s", strings.Join(args, " "), err, out)
	}
	return v
}

// begin starts the rollout of rollout.yaml and returns its id.
func (s *shop) begin(args ...string) string {
	s.t.Helper()
	return document[stagger.Rollout](s, append([]string{"start", "-f", "rollout.yaml"}, args...)...).ID
}

// waiting is a `start --wait` that runs beside the test.
func (s *shop) waiting(args ...string) <-chan result {
	done := make(chan result, 1)
	go func() { done <- s.cli(append([]string{"start", "-f", "rollout.yaml", "--wait"}, args...)...) }()
	return done
}

func (s *shop) status(id string) stagger.Rollout {
	s.t.Helper()
	return document[struct{ Rollout stagger.Rollout }](s, "status", id).Rollout
}

func (s *shop) baseline() string {
	s.t.Helper()
	return document[struct{ Services []stagger.ServiceStatus }](s, "services").Services[0].Baseline
}

func (s *shop) history(id string) []stagger.Event {
	s.t.Helper()
	return document[struct{ Events []stagger.Event }](s, "history", id).Events
}

// newest is the rollout that was started last.
func (s *shop) newest() stagger.Rollout {
	s.t.Helper()
	return s.status("shop")
}

// verified checks the hash chain and returns how many events it holds.
func (s *shop) verified() int {
	s.t.Helper()
	s.must(exitOK, "events are as recorded; head ", "verify")
	return document[struct{ Events int }](s, "verify").Events
}

// reaches waits until the history tells of kind at stage, and returns that
// event.
func (s *shop) reaches(id string, kind stagger.EventKind, stage int) stagger.Event {
	s.t.Helper()
	var found stagger.Event
	eventually(s.t, fmt.Sprintf("%s at stage %d of %s", kind, stage, id), 60*time.Second, func() bool {
		for _, e := range s.history(id) {
			if e.Kind == kind && e.Stage == stage {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

// last returns the newest event of a kind.
func last(t *testing.T, events []stagger.Event, kind stagger.EventKind) stagger.Event {
	t.Helper()
	for _, e := range slices.Backward(events) {
		if e.Kind == kind {
			return e
		}
	}
	t.Fatalf("the history has no %s: %s", kind, told(events))
	return stagger.Event{}
}

// told writes a history in a line per event.
func told(events []stagger.Event) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "\n%s %s stage %d at %v: %s", e.At.Format("15:04:05.000"), e.Kind, e.Stage, e.Weight, e.Reason)
	}
	return b.String()
}
