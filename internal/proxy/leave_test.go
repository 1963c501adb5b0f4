package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stagger-dev/stagger/internal/listen"
	"github.com/stagger-dev/stagger/internal/proxy"
)

// succession runs two proxies in a row on one socket: the second is named v2.
func succession(t *testing.T) (old, next *world) {
	t.Helper()
	var sockets, inherited listen.Sockets
	door := func(s *listen.Sockets) proxy.Listener {
		return proxy.Listener{Name: "web", Door: &listen.Door{Name: "web", Addresses: []string{"127.0.0.1:0"}, Sockets: s}}
	}
	old = runOn(t, door(&sockets), proxy.Limits{}, service(version("v1", named(t, "v1"))))
	all, files, err := sockets.Copies()
	if err != nil || len(all) != 1 {
		t.Fatalf("%d sockets, %v", len(all), err)
	}
	inherited.Give(all[0], files[0])
	next = runOn(t, door(&inherited), proxy.Limits{}, service(version("v2", named(t, "v2"))))
	if next.url != old.url {
		t.Fatalf("it listens on %s, not %s", next.url, old.url)
	}
	if left := inherited.Rest(); len(left) > 0 {
		t.Errorf("%v was not taken", left)
	}
	return old, next
}

// TestWhoLeavesCutsNobodyOff: connections that are open get an answer to what
// they ask next, however late, and are told that it is the last.
func TestWhoLeavesCutsNobodyOff(t *testing.T) {
	old, _ := succession(t)
	type asker struct {
		net.Conn
		in *bufio.Reader
	}
	var askers []asker
	ask := func(a asker) (string, bool) {
		_ = a.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(a, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		response, err := http.ReadResponse(a.in, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body), response.Close
	}
	for len(askers) < 10 { // both take connections; these are those of the old one
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", old.Addr("web").String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		if a := (asker{c, bufio.NewReader(c)}); len(askers) < 10 {
			if who, closes := ask(a); closes {
				t.Fatalf("%s closes before anybody leaves", who)
			} else if who == "v1" {
				askers = append(askers, a)
			}
		}
	}
	left := make(chan error, 1)
	go func() { left <- old.Leave(t.Context(), time.Minute) }()
	url := old.url
	for i, a := range askers {
		for ended := time.Now().Add(10 * time.Second); i == 0; time.Sleep(10 * time.Millisecond) {
			// Nobody new gets to the old one once it leaves.
			if _, _, body := get(t, client(t), url); body == "v2" {
				break
			}
			if time.Now().After(ended) {
				t.Fatal("the old proxy takes connections")
			}
		}
		if who, closes := ask(a); who != "v1" || !closes {
			t.Errorf("%s answered, and the connection ends: %v", who, closes)
		}
		select {
		case err := <-left:
			if i < len(askers)-1 {
				t.Fatalf("it left while connections were open: %v", err)
			}
			left <- err
		default:
		}
	}
	if err := <-left; err != nil {
		t.Error(err)
	}
}

func TestWhoLeavesTellsHTTP2(t *testing.T) {
	old, next := succession(t)
	c := client(t, h2c)
	for met := ""; met != "v1"; c = client(t, h2c) {
		if _, _, met = get(t, c, old.url); met == "v1" {
			break
		}
	}
	var failed atomic.Int64
	left := make(chan error, 1)
	go func() { left <- old.Leave(t.Context(), 10*time.Second) }()
	met := map[string]int{}
	for range 200 {
		status, _, body := get(t, c, next.url)
		met[body]++
		if status != http.StatusOK {
			failed.Add(1)
		}
	}
	if err := <-left; err != nil || failed.Load() > 0 {
		t.Errorf("%d failed, %v", failed.Load(), err)
	}
	if met["v1"] == 0 || met["v2"] == 0 {
		t.Error(fmt.Sprint("they met ", met))
	}
}

func TestWhoLeavesWaitsNoLongerThanToldTo(t *testing.T) {
	old, _ := succession(t)
	for who := ""; who != "v1"; {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", old.Addr("web").String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		who = string(body)
	}
	begin := time.Now()
	if err := old.Leave(t.Context(), 200*time.Millisecond); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took < 200*time.Millisecond || took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestWhoLeavesRefusesNoStream sends what cannot be sent again, over HTTP/2 and as
// fast as it goes: a stream that is refused would be an error here.
func TestWhoLeavesRefusesNoStream(t *testing.T) {
	for range 5 {
		old, _ := succession(t)
		c := client(t, h2c)
		for met := ""; met != "v1"; {
			if _, _, met = get(t, c, old.url); met != "v1" {
				c = client(t, h2c)
			}
		}
		var askers sync.WaitGroup
		var done atomic.Int64
		for range 8 {
			askers.Go(func() {
				for range 150 {
					r := request(t, http.MethodPost, old.url, io.MultiReader(strings.NewReader("once")))
					response, err := c.Do(r)
					if err != nil {
						t.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, response.Body)
					_ = response.Body.Close()
					done.Add(1)
				}
			})
		}
		for done.Load() < 100 {
			time.Sleep(time.Millisecond)
		}
		if err := old.Leave(t.Context(), 20*time.Second); err != nil {
			t.Error(err)
		}
		askers.Wait()
	}
}
