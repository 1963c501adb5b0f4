package proxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/proxy"
)

// blackhole is an address that answers no SYN: its queue is full, and nobody
// takes anything out of it.
func blackhole(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at, _ := name.(*syscall.SockaddrInet4)
	address := fmt.Sprintf("127.0.0.1:%d", at.Port)
	for range 10 { // until one hangs
		d := net.Dialer{Timeout: 100 * time.Millisecond}
		conn, err := d.DialContext(t.Context(), "tcp", address)
		if err != nil {
			return "http://" + address
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	t.Fatal("the queue has no end")
	return ""
}

// TestASynIntoNothingEnds: an upstream that is gone without a word costs the
// time that connecting may take, for many at once as for one, and its version
// alone.
func TestASynIntoNothingEnds(t *testing.T) {
	dead := service(version("v1", blackhole(t)))
	dead.Timeouts.Connect = 300 * time.Millisecond
	dead.Health = stagger.Health{Interval: time.Minute, Timeout: 100 * time.Millisecond}
	alive := service(version("v1", named(t, "v1")))
	alive.Name, alive.Routes = "alive", []stagger.Route{{Name: "alive", Path: "/alive"}}
	w := run(t, proxy.Limits{}, dead, alive)
	c := client(t)
	begin := time.Now()
	var users sync.WaitGroup
	for range 50 {
		users.Go(func() {
			status, _, _ := get(t, c, w.url)
			if status != http.StatusServiceUnavailable && status != http.StatusBadGateway && status != http.StatusGatewayTimeout {
				t.Errorf("status %d", status)
			}
		})
	}
	for range 20 {
		if status, _, _ := get(t, c, w.url+"/alive"); status != http.StatusOK {
			t.Errorf("another service gets %d", status)
		}
	}
	users.Wait()
	if took := time.Since(begin); took > 10*time.Second { // one after the other it would be 15
		t.Errorf("it took %v", took)
	}
	if o := w.observed(t, "v1"); o.Started != 50 || o.Outcomes.OK != 0 || o.Unfinished != 0 {
		t.Errorf("counted %+v", o)
	}
}

// childEnv tells a process that it is the proxy of another test, in front of the
// upstream that it names, and over which transport.
const childEnv = "STAGGER_TEST_PROXY"

// fewFiles is how many descriptors that proxy may have.
const fewFiles = 60

// beChild runs a proxy that has few descriptors, until its input ends. It is
// false in a process that is no child.
func beChild() bool {
	transport, upstream, _ := strings.Cut(os.Getenv(childEnv), " ")
	if upstream == "" {
		return false
	}
	_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: fewFiles, Max: fewFiles})
	p, err := proxy.New(proxy.Config{
		Listeners: []proxy.Listener{{Name: "web", Address: "127.0.0.1:0"}},
		Services:  []stagger.Service{service(version("v1", upstream))},
		NetHTTP:   transport == "net-http",
	}, meter.New(meter.Options{}), nil)
	if err == nil {
		err = p.Start(context.Background())
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(p.Addr("web"))
	_, _ = io.Copy(io.Discard, os.Stdin)
	return true
}

// TestWithoutDescriptorsTheProxyWaits: connections beyond them are not accepted
// or not passed on, and once there are some again everything is as it was.
func TestWithoutDescriptorsTheProxyWaits(t *testing.T) {
	transport := "net-http"
	if fast {
		transport = "own"
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+transport+" "+named(t, "v1"))
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + strings.TrimSpace(address)
	var held []net.Conn
	for range 2 * fewFiles {
		conn := dial(t, url)
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		held = append(held, conn)
	}
	time.Sleep(300 * time.Millisecond) // it is at its end now, and stays there for a while
	for _, conn := range held {
		_ = conn.Close()
	}
	eventually(t, "it to serve again", func() bool {
		r := request(t, http.MethodGet, url, nil)
		response, err := client(t).Do(r)
		if err != nil {
			return false
		}
		defer func() { _ = response.Body.Close() }()
		return response.StatusCode == http.StatusOK
	})
	_ = input.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}
