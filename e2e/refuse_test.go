package e2e_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
)

func TestServeRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(s *shop)
		code  int
		says  string
	}{
		{"a port in use", func(s *shop) { s.webPort = held(s.t); s.configure() }, exitRefused, "in use"},
		{"an admin port in use", func(s *shop) { s.adminPort = held(s.t); s.configure() }, exitRefused, "in use"},
		{"a store in a folder that is not there", func(s *shop) { s.storeAt("nowhere/stagger.db") }, exitInvalid, "nowhere does not exist"},
		{"a folder as store", func(s *shop) { s.storeAt(".") }, exitInvalid, "is a directory"},
		{"a file that is no store", func(s *shop) {
			write(s.t, filepath.Join(s.dir, "stagger.db"), strings.Repeat("not a database\n", 1000))
		}, exitInternal, "is damaged or is no Stagger store"},
		{"no configuration", func(s *shop) {
			if err := os.Remove(filepath.Join(s.dir, "stagger.yaml")); err != nil {
				s.t.Fatal(err)
			}
		}, exitInvalid, "stagger.yaml"},
		{"10 MB of YAML", func(s *shop) { write(s.t, filepath.Join(s.dir, "stagger.yaml"), megabytes()) }, exitInvalid, "at most 1048576 are read"},
		{"an admin port for everybody without a token", func(s *shop) {
			s.edit("stagger.yaml", fmt.Sprintf("127.0.0.1:%d", s.adminPort), fmt.Sprintf("0.0.0.0:%d", s.adminPort))
		}, exitInvalid, "token"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := unserved(t)
			c.spoil(s)
			kept := contents(t, s.dir)
			p := launch(t, s.dir, "serve", binary, "serve", "-c", "stagger.yaml")
			if code := p.wait(t, 20*time.Second); code != c.code || !strings.Contains(p.output(), c.says) {
				t.Errorf("exit %d, want %d; want %q in\n%s", code, c.code, c.says, p.output())
			}
			if strings.Contains(p.output(), "goroutine ") {
				t.Error("it panicked")
			}
			now := contents(t, s.dir)
			for name := range kept {
				if now[name] != kept[name] {
					t.Errorf("%s was changed", name)
				}
			}
		})
	}
}

// unserved is a shop with files and without any upstream.
func unserved(t *testing.T) *shop {
	t.Helper()
	s := bareShop(t)
	s.versions["v1"] = &upstream{port: freePort(t)}
	s.versions["v2"] = &upstream{port: freePort(t)}
	s.configure()
	return s
}

// held is a port that somebody else listens on.
func held(t *testing.T) int {
	t.Helper()
	port := freePort(t)
	listener, err := net.Listen("tcp", address(port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return port
}

func (s *shop) storeAt(path string) {
	s.t.Helper()
	s.edit("stagger.yaml", "path: stagger.db", "path: "+path)
}

// edit replaces text in a file of the shop, which must have it.
func (s *shop) edit(file, old, fresh string) {
	s.t.Helper()
	path := filepath.Join(s.dir, file)
	content, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(content), old) {
		s.t.Fatalf("%s has no %q: %v", file, old, err)
	}
	write(s.t, path, strings.ReplaceAll(string(content), old, fresh))
}

// contents reads the files of a folder.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(content)
	}
	return all
}

// megabytes is a valid beginning and then ten million bytes of text.
func megabytes() string {
	return "service: shop\ncandidate: v2\nchange:\n  summary: " + strings.Repeat("a", 10_000_000) + "\n"
}

func TestStartRefuses(t *testing.T) {
	needs(t, "nginx")
	t.Parallel()
	s := newShop(t, map[string]string{"v1": serves, "v2": serves})
	s.serve()
	for _, c := range []struct {
		name, file string
		args       []string
		code       int
		says       []string
	}{
		{
			name: "the baseline as candidate", file: "service: shop\ncandidate: v1\n", code: exitRefused,
			says: []string{"v1 is the baseline of shop already; nothing to roll out"},
		},
		{
			name: "a version that is not there", file: "service: shop\ncandidate: v9\n", code: exitInvalid,
			says: []string{`shop has no version "v9"`},
		},
		{
			name: "a service that is not there", file: "service: bakery\ncandidate: v2\n", code: exitInvalid,
			says: []string{`there is no service "bakery"`},
		},
		{name: "stages that contradict each other", file: contradictory, code: exitInvalid, says: []string{
			"rollout.yaml:5:", "1m ends before the least time of 10m", "rollout.yaml:6:", "10% is less than 50%",
			"rollout.yaml:7:", "remove the stage", "3 problems",
		}},
		{
			name: "a key that is not known", file: "service: shop\ncandidate: v2\nplan: {speed: high}\n", code: exitInvalid,
			says: []string{"rollout.yaml:3:8", "speed"},
		},
		{name: "no YAML at all", file: "service: [shop\n", code: exitInvalid, says: []string{"rollout.yaml:"}},
		{name: "an empty file", file: "", code: exitInvalid, says: []string{"the file is empty"}},
		{name: "aliases that explode", file: bomb(), code: exitInvalid, says: []string{"rollout.yaml:"}},
		{name: "10 MB of YAML", file: megabytes(), code: exitInvalid, says: []string{"larger than 4 MiB"}},
		{
			name: "a flag that is not there", file: "service: shop\ncandidate: v2\n", args: []string{"--fast"}, code: exitInvalid,
			says: []string{"--fast"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			write(t, filepath.Join(s.dir, "rollout.yaml"), c.file)
			begin := time.Now()
			r := s.cli(append([]string{"start", "-f", "rollout.yaml"}, c.args...)...)
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
			if r.code != c.code || r.out != "" {
				t.Errorf("got %v, want exit %d and nothing on the standard output", r, c.code)
			}
			for _, says := range c.says {
				if !strings.Contains(r.err, says) {
					t.Errorf("want %q in\n%s", says, r.err)
				}
			}
		})
	}
	if n := s.verified(); n != 0 {
		t.Errorf("%d events were recorded, want none", n)
	}
	s.must(exitNotFound, "stagger list", "status", "nobody")
	s.must(exitInvalid, "no such file", "start", "-f", "missing.yaml")
}

const contradictory = `service: shop
candidate: v2
plan:
  stages:
    - {weight: 50, min_time: 10m, timebox: 1m}
    - {weight: 10}
    - {weight: 100}
`

// bomb is small and would be billions of values with every alias followed.
func bomb() string {
	b := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		item := fmt.Sprintf("*a%d", i)
		b += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(item+", ", 10), ", "))
	}
	return b + "service: shop\ncandidate: v2\n"
}

// A candidate that nobody serves is not refused, as it may come up any moment:
// it waits, says for what, and exposes nobody.
func TestACandidateThatDoesNotAnswerWaits(t *testing.T) {
	needs(t, "nginx", "wrk")
	t.Parallel()
	s := newShop(t, map[string]string{"v1": serves, "v2": serves})
	s.versions["v2"].signal(t, 15)
	s.rollout(plan{candidate: "v2", minTime: "60s", bake: "1s"})
	s.serve()
	clients := s.traffic()
	id := s.begin()
	held := s.reaches(id, stagger.EventHeld, -1)
	if held.Weight != 0 || !strings.Contains(held.Reason, "the candidate v2 has no healthy endpoint") {
		t.Errorf("held at %v: %s", held.Weight, held.Reason)
	}
	clients.whileItRuns(t, time.Second)
	if r := s.status(id); r.Phase != stagger.PhasePending || r.Weight != 0 {
		t.Errorf("the rollout is %s at %v", r.Phase, r.Weight)
	}
	s.versions["v2"].run(t, "v2", serves)
	s.reaches(id, stagger.EventStageEntered, 0)
	clients.whileItRuns(t, time.Second)
	busySince(t, s.versions["v2"], held.At, 20)
	clients.stop(t).fine(t)
}

func TestTheSecondRolloutSupersedesTheFirst(t *testing.T) {
	needs(t, "nginx", "wrk")
	t.Parallel()
	s := newShop(t, map[string]string{"v1": serves, "v2": serves, "v3": errorPage})
	s.serve()
	clients := s.traffic()
	s.rollout(plan{candidate: "v2", minTime: "60s", bake: "1s"})
	first := s.waiting()
	id := s.started()
	s.reaches(id, stagger.EventStageEntered, 0)
	clients.whileItRuns(t, time.Second)

	s.rollout(quick("v3"))
	second := s.must(exitRolledBack, "rolled back  shop v1 → v3", "start", "-f", "rollout.yaml", "--wait")
	if r := <-first; r.code != exitSuperseded {
		t.Errorf("the first got %v", r)
	}
	over := time.Now()
	clients.whileItRuns(t, time.Second)
	clients.stop(t)
	superseded := last(t, s.history(id), stagger.EventSuperseded)
	if r := s.newest(); r.Baseline != "v1" || superseded.By != r.ID {
		t.Errorf("the second goes back to %s, and the first gave way to %q:\n%s", r.Baseline, superseded.By, second.out)
	}
	silentSince(t, s.versions["v2"], superseded.At.Add(settle))
	silentSince(t, s.versions["v3"], over)
	busySince(t, s.versions["v1"], over, 100)
	s.verified()
}

func TestOfStartsAtOnceOneIsActive(t *testing.T) {
	needs(t, "nginx")
	t.Parallel()
	s := newShop(t, map[string]string{"v1": serves, "v2": serves, "v3": serves})
	s.rollout(plan{candidate: "v2", minTime: "60s", bake: "1s"})
	s.serve()
	const starts = 8
	results := make(chan result, starts)
	for i := range starts {
		go func() { results <- s.cli("start", "-f", "rollout.yaml", "--candidate", []string{"v2", "v3"}[i%2]) }()
	}
	accepted := 0
	for range starts {
		switch r := <-results; {
		case r.code == exitOK:
			accepted++
		case r.code != exitRefused || !strings.Contains(r.err, "is being rolled out already"):
			t.Errorf("got %v", r)
		}
	}
	phases := map[stagger.Phase]int{}
	for _, r := range document[struct{ Rollouts []stagger.Rollout }](s, "list").Rollouts {
		phases[r.Phase]++
		if r.Baseline != "v1" {
			t.Errorf("%s goes back to %s", r.ID, r.Baseline)
		}
	}
	active := document[struct{ Rollouts []stagger.Rollout }](s, "list", "--active").Rollouts
	if len(active) != 1 || accepted < 1 || phases[stagger.PhaseSuperseded] != accepted-1 {
		t.Errorf("%d starts were accepted, %d are active, and in all there are %v", accepted, len(active), phases)
	}
	s.verified()
}

func TestAStartThatIsRepeatedStartsOnce(t *testing.T) {
	needs(t, "nginx")
	t.Parallel()
	s := newShop(t, map[string]string{"v1": serves, "v2": serves})
	s.rollout(plan{candidate: "v2", minTime: "60s", bake: "1s"})
	s.serve()
	id := s.begin("--key", "build-17")
	s.kill()
	s.serve()
	if again := s.begin("--key", "build-17"); again != id {
		t.Errorf("the same key started %s and %s", id, again)
	}
	s.must(exitOK, "", "abort", id)
	s.must(exitAborted, "aborted", "start", "-f", "rollout.yaml", "--wait", "--key", "build-17")
}

// One server at a time writes a store.
func TestAStoreInUseIsRefused(t *testing.T) {
	s := unserved(t)
	s.serve()
	first := s.server
	s.webPort, s.adminPort = freePort(t), freePort(t)
	s.configure()
	p := launch(t, s.dir, "second", binary, "serve", "-c", "stagger.yaml")
	if code := p.wait(t, 20*time.Second); code != exitRefused || !strings.Contains(p.output(), "in use by another Stagger process") {
		t.Errorf("exit %d:\n%s", code, p.output())
	}
	if !first.runs() {
		t.Error("the first server ended")
	}
}
