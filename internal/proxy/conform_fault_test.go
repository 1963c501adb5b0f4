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

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/proxy"
)

// TestSlowHeadsEndAndOthersAreServed: hundreds of clients dribble a head that
// never ends, and take up no more than their connections, for no longer than a
// head may take.
func TestSlowHeadsEndAndOthersAreServed(t *testing.T) {
	const many = 200
	w := run(t, proxy.Limits{HeaderTimeout: 300 * time.Millisecond, Connections: many + 10}, service(version("v1", named(t, "v1"))))
	var lorises sync.WaitGroup
	for range many {
		conn := dial(t, w.url)
		lorises.Go(func() {
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nX: ")
			go func() { _, _ = io.Copy(io.Discard, conn) }()
			for range 1000 {
				if _, err := io.WriteString(conn, "x"); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
			t.Error("a head of ten seconds is listened to")
		})
	}
	c := client(t)
	for range 20 {
		if status, _, _ := get(t, c, w.url); status != http.StatusOK {
			t.Errorf("status %d meanwhile", status)
		}
	}
	lorises.Wait()
	if o := w.observed(t, "v1"); o.Started != 20 || o.Outcomes != (stagger.Outcomes{OK: 20}) {
		t.Errorf("counted %+v", o)
	}
}

// TestAClientThatReadsNothingHoldsLittle: what the proxy has read of an endless
// answer is what buffers hold, and it ends.
func TestAClientThatReadsNothingHoldsLittle(t *testing.T) {
	const most = 64 << 20
	var sent atomic.Int64
	s := service(version("v1", upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		piece := make([]byte, 64<<10)
		for sent.Load() < 2*most {
			n, err := w.Write(piece)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})))
	s.Timeouts.Idle = 300 * time.Millisecond
	w := run(t, proxy.Limits{}, s)
	conn := dial(t, w.url)
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	eventually(t, "the answer to begin", func() bool { return sent.Load() > 0 })
	if o := w.observed(t, "v1").Outcomes; o != (stagger.Outcomes{ClientAbort: 1}) {
		t.Errorf("counted %+v", o)
	}
	if n := sent.Load(); n > most {
		t.Errorf("%d bytes were taken for a client that reads none", n)
	}
}

// TestASlowClientGetsAllOfIt, piece by piece, as long as it goes on reading.
func TestASlowClientGetsAllOfIt(t *testing.T) {
	const size = 3 << 20
	s := service(version("v1", upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, size))
	})))
	s.Timeouts.Idle = 2 * time.Second // all of it takes longer
	w := run(t, proxy.Limits{}, s)
	response, _, _ := raw(t, w.url, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	n, piece := 0, make([]byte, 64<<10)
	for {
		time.Sleep(50 * time.Millisecond)
		k, err := io.ReadFull(response.Body, piece)
		n += k
		if err != nil {
			break
		}
	}
	if n != size {
		t.Errorf("%d bytes of %d", n, size)
	}
}

// resetting is an upstream that resets each connection at the stage of a request
// that is chosen now.
type resetting struct {
	url   string
	stage atomic.Int32
}

// The stages.
const (
	onAccept int32 = iota
	afterHead
	inHead
	inBody
	inChunk
	never
)

func resets(t *testing.T) *resetting {
	t.Helper()
	var listen net.ListenConfig
	l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	r := &resetting{url: "http://" + l.Addr().String()}
	r.stage.Store(never) // for the probes
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go r.serve(conn)
		}
	}()
	return r
}

func (r *resetting) serve(conn net.Conn) {
	defer func() {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}()
	if r.stage.Load() == onAccept {
		return
	}
	reader := bufio.NewReader(conn)
	for {
		if _, err := http.ReadRequest(reader); err != nil {
			return
		}
		text := map[int32]string{
			inHead: "HTTP/1.1 200 OK\r\nContent-", inBody: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
			inChunk: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", never: hello,
		}[r.stage.Load()]
		if _, err := io.WriteString(conn, text); err != nil || text != hello {
			return
		}
	}
}

// TestAnUpstreamThatResetsIsAnErrorAtOnce, wherever it does, for many at a time;
// and when it is well again nothing is left of it.
func TestAnUpstreamThatResetsIsAnErrorAtOnce(t *testing.T) {
	r := resets(t)
	s := service(version("v1", r.url))
	s.Health.Interval = time.Minute
	w := run(t, proxy.Limits{}, s)
	c := client(t)
	broken := uint64(0)
	for stage := range never {
		r.stage.Store(stage)
		var users sync.WaitGroup
		for range 20 {
			broken++
			users.Go(func() {
				response, err := c.Do(request(t, http.MethodPost, w.url, strings.NewReader("x")))
				if err != nil {
					return // the answer had begun
				}
				defer func() { _ = response.Body.Close() }()
				if body, err := io.ReadAll(response.Body); err == nil && response.StatusCode != http.StatusBadGateway {
					t.Errorf("stage %d: got %d %q", stage, response.StatusCode, body)
				}
			})
		}
		users.Wait()
	}
	r.stage.Store(never)
	for range 20 {
		if status, _, body := get(t, c, w.url); status != http.StatusOK || body != "hello" {
			t.Errorf("when it is well: %d %q", status, body)
		}
	}
	if o := w.observed(t, "v1"); o.Outcomes != (stagger.Outcomes{OK: 20, ConnectError: broken}) {
		t.Errorf("counted %+v", o)
	}
}

// TestAStormOfConnectionsIsBounded: more clients than there may be, at once; the
// half of them hang up before they were heard. The others are all served.
func TestAStormOfConnectionsIsBounded(t *testing.T) {
	w := run(t, proxy.Limits{Connections: 20}, service(version("v1", named(t, "v1"))))
	var served atomic.Int64
	var storm sync.WaitGroup
	const many = 400
	for i := range many {
		storm.Go(func() {
			var d net.Dialer
			conn, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(w.url, "http://"))
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = conn.Close() }()
			_ = conn.SetDeadline(time.Now().Add(time.Minute))
			if i%2 == 0 {
				if tcp, ok := conn.(*net.TCPConn); ok {
					_ = tcp.SetLinger(0) // it is reset
				}
				return
			}
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
			if answer, err := io.ReadAll(conn); err == nil && strings.HasSuffix(string(answer), "v1") {
				served.Add(1)
			}
		})
	}
	storm.Wait()
	if got := served.Load(); got != many/2 {
		t.Errorf("%d of %d were served", got, many/2)
	}
	if o := w.observed(t, "v1"); o.Started != many/2 || o.Outcomes != (stagger.Outcomes{OK: many / 2}) {
		t.Errorf("counted %+v", o)
	}
}

// TestBrokenAnswersDoNotAddUp: whole answers between broken ones are the right
// ones.
func TestBrokenAnswersDoNotAddUp(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/broken") {
			panic(http.ErrAbortHandler)
		}
		_, _ = fmt.Fprint(w, r.URL.Path)
	}))))
	c := client(t)
	var users sync.WaitGroup
	for i := range 8 {
		users.Go(func() {
			for k := range 50 {
				if _, _, body := get(t, c, fmt.Sprintf("%s/%d-%d", w.url, i, k)); body != fmt.Sprintf("/%d-%d", i, k) {
					t.Errorf("got %q", body)
				}
				if status, _, _ := get(t, c, w.url+"/broken"); status != http.StatusBadGateway {
					t.Errorf("status %d", status)
				}
			}
		})
	}
	users.Wait()
	if o := w.observed(t, "v1"); o.Outcomes != (stagger.Outcomes{OK: 400, ConnectError: 400}) {
		t.Errorf("counted %+v", o)
	}
}
