package e2e_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// activate starts the server as systemd does: with sockets that are bound
// already, and variables that name them.
func (s *shop) activate(t *testing.T, names string, sockets ...*os.File) *exec.Cmd {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(s.dir, "activated.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	// The shell knows the process id before the program runs, as systemd does.
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, binary, "serve", "-c", "stagger.yaml")
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = s.dir, log, log, sockets
	cmd.Env = append(os.Environ(), fmt.Sprintf("LISTEN_FDS=%d", len(sockets)), "LISTEN_FDNAMES="+names, "NOTIFY_SOCKET="+filepath.Join(s.dir, "notify"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("the server wrote:\n%s", text)
		}
	})
	return cmd
}

func TestSocketsOfSystemdOutliveARestart(t *testing.T) {
	needs(t)
	t.Parallel()
	s := bareShop(t)
	backend := answering(t, "v1")
	write(t, filepath.Join(s.dir, "stagger.yaml"), fmt.Sprintf(`
listeners: [{name: web, address: "127.0.0.1:1"}] # systemd has another one of this name
admin: {address: "127.0.0.1:%d"}
services:
  - {name: shop, baseline: v1, versions: {v1: {upstreams: [%q]}}}
`, s.adminPort, backend.url))
	var files []*os.File
	for _, port := range []int{s.webPort, s.adminPort, freePort(t)} {
		l, err := net.Listen("tcp", address(port))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		own, _ := l.(*net.TCPListener)
		file, err := own.File()
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		files = append(files, file)
	}
	notified, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(s.dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer notified.Close()

	asked := func() error {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
		response, err := client.Get(s.web)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if body, err := io.ReadAll(response.Body); err != nil || string(body) != "v1" {
			return fmt.Errorf("%s %q: %w", response.Status, body, err)
		}
		return nil
	}
	// Who comes before the server waits for it, before the first start and
	// between two.
	for range 2 {
		early := make(chan error, 1)
		go func() { early <- asked() }()
		time.Sleep(50 * time.Millisecond)
		server := s.activate(t, "web:unnamed:stranger", files...)
		if err := <-early; err != nil {
			t.Error(err)
		}
		if got := datagram(t, notified); got != "READY=1" {
			t.Errorf("systemd was told %q", got)
		}
		s.must(exitOK, "shop", "services") // by its address, not its name
		if err := server.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if got := datagram(t, notified); got != "STOPPING=1" {
			t.Errorf("systemd was told %q", got)
		}
		if err := server.Wait(); err != nil {
			t.Errorf("the server ended: %v", err)
		}
	}
	text, err := os.ReadFile(filepath.Join(s.dir, "activated.log"))
	if err != nil || !strings.Contains(string(text), `fits no listener and is closed" socket=stranger`) {
		t.Errorf("nobody was told of the socket that is not needed: %v", err)
	}
}

func datagram(t *testing.T, c *net.UnixConn) string {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	b := make([]byte, 256)
	n, err := c.Read(b)
	if err != nil {
		t.Error(err)
	}
	return string(b[:n])
}
