package proxy_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

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
		_ = a.SetDeadline(time.Now().Add(30 * time.Second))
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
		for ended := time.Now().Add(30 * time.Second); i == 0; time.Sleep(10 * time.Millisecond) {
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
	// The client keeps its idle connection, though it does not use it any more.
	go func() { left <- old.Leave(t.Context(), time.Second) }()
	for range 200 {
		status, _, _ := get(t, c, next.url)
		if status != http.StatusOK {
			failed.Add(1)
		}
	}
	if err := <-left; err != nil || failed.Load() > 0 {
		t.Errorf("%d failed, %v", failed.Load(), err)
	}
	if status, _, body := get(t, c, next.url); status != http.StatusOK || body != "v2" {
		t.Errorf("then %s answered with %d", body, status)
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
	if took := time.Since(begin); took < 200*time.Millisecond || took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestWhoLeavesRefusesNoStream asks over HTTP/2 as fast as it goes until it is
// told to stop: every stream that was opened until then is answered.
func TestWhoLeavesRefusesNoStream(t *testing.T) {
	old, _ := succession(t)
	var c *streamer
	for c == nil || c.ask(t) != "v1" { // the first answer tells whose connection it is
		c = newStreamer(t, old.Addr("web").String())
	}
	left := make(chan error, 1)
	begun := time.AfterFunc(50*time.Millisecond, func() { left <- old.Leave(t.Context(), 20*time.Second) })
	defer begun.Stop()
	told := make(chan struct{})
	go func() {
		for stream := c.next; ; stream += 2 {
			select {
			case <-told:
				c.last.Store(stream - 2)
				close(c.stopped)
				return
			default:
			}
			if c.open(stream) != nil {
				t.Errorf("stream %d cannot be opened", stream)
				c.last.Store(stream - 2)
				close(c.stopped)
				return
			}
			time.Sleep(100 * time.Microsecond)
		}
	}()
	answered := c.next - 2
	for away := false; ; {
		frame, err := c.framer.ReadFrame()
		if err != nil {
			t.Fatalf("after %d: %v", answered, err)
		}
		switch frame := frame.(type) {
		case *http2.GoAwayFrame:
			if frame.LastStreamID != 1<<31-1 {
				t.Fatalf("no stream after %d is answered", frame.LastStreamID)
			}
			away = true
			close(told)
			<-c.stopped
		case *http2.RSTStreamFrame:
			t.Fatalf("stream %d was refused: %v", frame.StreamID, frame.ErrCode)
		case *http2.DataFrame:
			if frame.StreamEnded() {
				answered += 2
			}
		}
		if away && answered == c.last.Load() {
			break
		}
	}
	_ = c.conn.Close()
	if err := <-left; err != nil {
		t.Error(err)
	}
}

// streamer speaks HTTP/2 by hand.
type streamer struct {
	conn    net.Conn
	framer  *http2.Framer
	write   sync.Mutex
	next    uint32
	last    atomic.Uint32
	stopped chan struct{}
}

func newStreamer(t *testing.T, address string) *streamer {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	c := &streamer{conn: conn, framer: http2.NewFramer(conn, conn), next: 1, stopped: make(chan struct{})}
	_, _ = io.WriteString(conn, http2.ClientPreface)
	_ = c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
	_ = c.framer.WriteWindowUpdate(0, 1<<20)
	return c
}

// open sends a request.
func (c *streamer) open(stream uint32) error {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}} {
		if err := encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1], Sensitive: true}); err != nil {
			return err
		}
	}
	c.write.Lock()
	defer c.write.Unlock()
	return c.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true,
	})
}

// ask sends a request and returns the body of its answer.
func (c *streamer) ask(t *testing.T) string {
	t.Helper()
	if err := c.open(c.next); err != nil {
		t.Fatal(err)
	}
	c.next += 2
	body := ""
	for {
		frame, err := c.framer.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if data, ok := frame.(*http2.DataFrame); ok {
			if body += string(data.Data()); data.StreamEnded() {
				return body
			}
		}
	}
}
