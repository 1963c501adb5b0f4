package e2e_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
)

// met counts who asked a version for what.
type met struct {
	url   string
	pages atomic.Int64
}

// answering is a version that serves a page at once, /slow in three seconds, and
// at /echo says whatever it hears.
func answering(t *testing.T, name string) *met {
	t.Helper()
	m := &met{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			time.Sleep(3 * time.Second)
		case "/echo":
			conn, buffered, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
			_, _ = io.Copy(conn, buffered)
			return
		default:
			m.pages.Add(1)
		}
		_, _ = io.WriteString(w, name)
	}))
	t.Cleanup(server.Close)
	m.url = server.URL
	return m
}

// handoverShop is a shop whose program can be replaced.
func handoverShop(t *testing.T) (s *shop, program string, v1, v2 *met) {
	t.Helper()
	s = bareShop(t)
	v1, v2 = answering(t, "v1"), answering(t, "v2")
	write(t, filepath.Join(s.dir, "stagger.yaml"), fmt.Sprintf(`
listeners: [{name: web, address: "127.0.0.1:%d"}]
admin: {address: "127.0.0.1:%d"}
services:
  - name: shop
    baseline: v1
    versions: {v1: {upstreams: [%q]}, v2: {upstreams: [%q]}}
`, s.webPort, s.adminPort, v1.url, v2.url))
	program = filepath.Join(s.dir, "stagger")
	install(t, program, binary)
	s.server = launch(t, s.dir, "serve-1", program, "serve", "-c", "stagger.yaml", "--linger", "60s")
	s.server.says(t, "stagger serves")
	return s, program, v1, v2
}

// install puts a program in its place as a package does: another file, so that
// the one that runs is not touched.
func install(t *testing.T, program, from string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program+".new", content, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(program+".new", program); err != nil {
		t.Fatal(err)
	}
}

// strangers ask over a new connection each time, one after the other, until ctx
// ends; they return how many asked and what went wrong.
func strangers(ctx context.Context, url string) (asked int, failed error) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	for ; ctx.Err() == nil; asked++ {
		response, err := client.Get(url)
		if err != nil {
			return asked, err
		}
		_, err = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK {
			return asked, fmt.Errorf("%s, %w", response.Status, err)
		}
	}
	return asked, nil
}

var successorPID = regexp.MustCompile(`another process serves.* pid=(\d+)`)

// handOver sends SIGUSR2 to a process and returns the one that has taken its
// place.
func (s *shop) handOver(t *testing.T, pid int) int {
	t.Helper()
	before := len(successorPID.FindAllString(s.server.output(), -1))
	if err := syscall.Kill(pid, syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	var all [][]string
	eventually(t, "another process serves", 30*time.Second, func() bool {
		all = successorPID.FindAllStringSubmatch(s.server.output(), -1)
		return len(all) > before
	})
	next, err := strconv.Atoi(all[len(all)-1][1])
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func TestAnotherProcessTakesOverUnderLoadAndNoRequestFails(t *testing.T) {
	needs(t, "wrk")
	t.Parallel()
	s, program, v1, v2 := handoverShop(t)
	s.rollout(plan{candidate: "v2", minTime: "60s", bake: "1s"})
	id := s.begin()
	s.must(exitOK, "", "weight", id, "50")
	clients := s.traffic()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var others sync.WaitGroup
	others.Go(func() {
		asked, err := strangers(ctx, s.web)
		if err != nil || asked < 100 {
			t.Errorf("after %d new connections: %v", asked, err)
		}
	})
	tunnel := s.echo(t)
	tunnel.says(t, "before")
	clients.whileItRuns(t, time.Second)
	slow := make(chan error, 1)
	go func() { slow <- s.slow() }()
	time.Sleep(100 * time.Millisecond) // it is under way

	install(t, program, binary)
	first := s.server.pid
	second := s.handOver(t, first)
	if second == first {
		t.Fatal("it is the same process")
	}
	before := []int64{v1.pages.Load(), v2.pages.Load()}
	t.Run("the rollout goes on where it was", func(t *testing.T) {
		if w := s.status(id).Weight; w != stagger.Percent(50) {
			t.Errorf("the weight is %v", w)
		}
	})
	t.Run("what was under way ends well", func(t *testing.T) {
		if err := <-slow; err != nil {
			t.Error(err)
		}
	})
	t.Run("an upgraded connection lives on", func(t *testing.T) { tunnel.says(t, "after") })
	clients.whileItRuns(t, 2*time.Second)
	for i, m := range []*met{v1, v2} {
		if n := m.pages.Load() - before[i]; n < 100 {
			t.Errorf("version %d was met %d times by the new process", i+1, n)
		}
	}
	third := s.handOver(t, second)
	clients.whileItRuns(t, time.Second)
	t.Run("the old process ends when its connections have", func(t *testing.T) {
		if !s.server.runs() {
			t.Error("it ended while a connection was open")
		}
		tunnel.says(t, "at last")
		tunnel.Close()
		if code := s.server.wait(t, 30*time.Second); code != exitOK {
			t.Errorf("exit code %d", code)
		}
	})
	stop()
	others.Wait()
	clients.stop(t).fine(t)
	s.verified()
	if err := syscall.Kill(third, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the last one has ended", 20*time.Second, func() bool { return !dials(s.webPort) && !dials(s.adminPort) })
}

// TestWhatTheNewProcessTakesAwayTheOldOneTakesAway: a connection that the old
// process still has meets no version of weight 0.
func TestWhatTheNewProcessTakesAwayTheOldOneTakesAway(t *testing.T) {
	needs(t)
	t.Parallel()
	s, _, _, _ := handoverShop(t)
	s.rollout(plan{candidate: "v2", minTime: "60s", bake: "1s"})
	id := s.begin()
	s.must(exitOK, "", "weight", id, "100")
	var old []*bufio.ReadWriter
	for range 20 {
		c := s.dial(t)
		eventually(t, "the candidate is met", 10*time.Second, func() bool { return ask(t, c) == "v2" })
		old = append(old, c)
	}
	s.handOver(t, s.server.pid)
	s.must(exitOK, "", "rollback", id)
	eventually(t, "it is rolled back", 10*time.Second, func() bool { return s.status(id).Weight == 0 })
	for _, c := range old {
		if got := ask(t, c); got != "v1" {
			t.Errorf("a connection of the old process met %s", got)
		}
	}
}

func TestAProgramThatDoesNotStartChangesNothing(t *testing.T) {
	needs(t, "wrk")
	t.Parallel()
	s, program, _, _ := handoverShop(t)
	clients := s.traffic()
	const goesOn = "no other process takes over; this one goes on"
	for i, broken := range []string{
		"no program at all",
		"#!/bin/sh\nexit 1\n",
		// It gets as far as to take the place, and fails then.
		"#!/bin/sh\n" + `printf '{"word":"prepared"}\n' >&3; head -c 20 <&3 >/dev/null; exit 1` + "\n",
	} {
		write(t, program+".broken", broken)
		install(t, program, program+".broken")
		if err := syscall.Kill(s.server.pid, syscall.SIGUSR2); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the old process goes on", 30*time.Second, func() bool {
			return strings.Count(s.server.output(), goesOn) == i+1
		})
		s.must(exitOK, "v1", "services")
	}
	t.Run("nor does a file that is wrong", func(t *testing.T) {
		install(t, program, binary)
		write(t, filepath.Join(s.dir, "stagger.yaml"), "services: [")
		_ = syscall.Kill(s.server.pid, syscall.SIGUSR2)
		eventually(t, "the old process goes on", 30*time.Second, func() bool { return strings.Count(s.server.output(), goesOn) == 4 })
		s.must(exitOK, "v1", "services")
	})
	clients.stop(t).fine(t)
}

// slow asks for what takes three seconds.
func (s *shop) slow() error {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	response, err := client.Get(s.web + "/slow")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if !strings.HasPrefix(string(body), "v") {
		return fmt.Errorf("%s %q: %w", response.Status, body, err)
	}
	return nil
}

// wire is a connection that was upgraded to an echo.
type wire struct {
	net.Conn
	in *bufio.Reader
}

func (s *shop) echo(t *testing.T) *wire {
	t.Helper()
	conn, err := net.Dial("tcp", address(s.webPort))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_, _ = io.WriteString(conn, "GET /echo HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	w := &wire{conn, bufio.NewReader(conn)}
	response, err := http.ReadResponse(w.in, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", response, err)
	}
	return w
}

// says sends a word and hears it again.
func (w *wire) says(t *testing.T, word string) {
	t.Helper()
	_ = w.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(w, word+"\n")
	if got, err := w.in.ReadString('\n'); err != nil || got != word+"\n" {
		t.Errorf("it said %q (%v), want %q", got, err, word)
	}
}

// dial opens a connection to ask over.
func (s *shop) dial(t *testing.T) *bufio.ReadWriter {
	t.Helper()
	conn, err := net.Dial("tcp", address(s.webPort))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return bufio.NewReadWriter(bufio.NewReader(conn), bufio.NewWriter(conn))
}

// ask asks for the page over a connection and returns the answer's body.
func ask(t *testing.T, c *bufio.ReadWriter) string {
	t.Helper()
	_, _ = c.WriteString("GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
	_ = c.Flush()
	response, err := http.ReadResponse(c.Reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
