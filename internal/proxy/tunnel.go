package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/retry"
)

// switchProtocols joins client and upstream after a 101. The request has its
// answer and is metered; what the two say to each other from here on is a
// conversation of any length.
func (x *exchange) switchProtocols(response *http.Response) {
	upstream, ok := response.Body.(io.ReadWriteCloser)
	if !ok || x.upgrade == "" || !strings.EqualFold(upgradeOf(response.Header), x.upgrade) {
		_ = response.Body.Close()
		x.fail(failSwitch)
		return
	}
	client, buffered, err := x.control.Hijack()
	if err != nil {
		_ = upstream.Close()
		x.fail(failHijack)
		return
	}
	t := &tunnel{client: client, buffered: buffered.Reader, upstream: upstream}
	if !x.proxy.tunnels.add(t) {
		t.close()
		return
	}
	defer x.proxy.tunnels.remove(t)
	// net/http may have left a deadline behind.
	_ = client.SetDeadline(time.Time{})
	if err := x.sendSwitch(buffered.Writer, response); err != nil {
		t.close()
		x.class = meter.ClientAbort
		return
	}
	x.class = meter.Informational
	x.meter(x.class)
	t.run(x.traffic.timeouts.Idle)
}

func (x *exchange) sendSwitch(w *bufio.Writer, response *http.Response) error {
	upgrade := response.Header["Upgrade"]
	stripHopByHop(response.Header)
	response.Header["Connection"] = []string{"Upgrade"}
	response.Header["Upgrade"] = upgrade
	x.nameVersion(response.Header)
	if _, err := fmt.Fprintf(w, "HTTP/1.1 %d %s\r\n", response.StatusCode, http.StatusText(response.StatusCode)); err != nil {
		return err
	}
	if err := response.Header.Write(w); err != nil {
		return err
	}
	if _, err := w.WriteString("\r\n"); err != nil {
		return err
	}
	return w.Flush()
}

// What may go wrong with a switch.
var (
	failSwitch = failure{cause: retry.Broken, status: http.StatusBadGateway, class: meter.ConnectError, text: "the service switched to a protocol nobody asked for"}
	failHijack = failure{cause: retry.Broken, status: http.StatusBadGateway, class: meter.ConnectError, text: "the connection cannot be switched"}
)

// tunnel is two connections joined.
type tunnel struct {
	client   net.Conn
	buffered *bufio.Reader // what was read of the client already
	upstream io.ReadWriteCloser
	once     sync.Once
}

// run copies both ways until both have ended, one has failed, or nothing has
// moved for the idle time.
func (t *tunnel) run(idle time.Duration) {
	timer := time.AfterFunc(idle, t.close)
	defer timer.Stop()
	defer t.close()
	var upwards sync.WaitGroup
	upwards.Go(func() { t.copy(t.upstream, t.fromClient(), timer, idle) })
	t.copy(t.client, t.upstream, timer, idle)
	upwards.Wait()
}

// fromClient reads what is buffered and then the connection.
func (t *tunnel) fromClient() io.Reader {
	if n := t.buffered.Buffered(); n > 0 {
		return io.MultiReader(io.LimitReader(t.buffered, int64(n)), t.client)
	}
	return t.client
}

// copy carries one direction. Its end is passed on as the end of that
// direction only; a failure ends both.
func (t *tunnel) copy(to io.Writer, from io.Reader, timer *time.Timer, idle time.Duration) {
	buffer, _ := pieces.Get().(*[32 << 10]byte)
	defer pieces.Put(buffer)
	for {
		n, err := from.Read(buffer[:])
		if n > 0 {
			timer.Reset(idle)
			if _, failed := to.Write(buffer[:n]); failed != nil {
				t.close()
				return
			}
		}
		if err == nil {
			continue
		}
		half, ok := to.(interface{ CloseWrite() error })
		if !errors.Is(err, io.EOF) || !ok || half.CloseWrite() != nil {
			t.close()
		}
		return
	}
}

// close ends both sides.
func (t *tunnel) close() {
	t.once.Do(func() {
		_ = t.client.Close()
		_ = t.upstream.Close()
	})
}

// tunnels are those that are open; net/http does not know of them any more.
type tunnels struct {
	mu     sync.Mutex
	known  map[*tunnel]struct{}
	closed bool
	empty  chan struct{} // closed when closed and nothing is open
}

// open lets tunnels begin.
func (s *tunnels) open() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = false
}

// add says whether t may begin.
func (s *tunnels) add(t *tunnel) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.known == nil {
		s.known = make(map[*tunnel]struct{})
	}
	s.known[t] = struct{}{}
	return true
}

func (s *tunnels) remove(t *tunnel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, t)
	if s.closed && len(s.known) == 0 {
		close(s.empty)
	}
}

// shut lets no more begin; the channel closes when the last has ended.
func (s *tunnels) shut() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed, s.empty = true, make(chan struct{})
		if len(s.known) == 0 {
			close(s.empty)
		}
	}
	return s.empty
}

// cut ends all that are open and says how many they were.
func (s *tunnels) cut() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.known {
		t.close()
	}
	return len(s.known)
}
