package proxy

import (
	"context"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"
)

// link is a connection to an upstream. At most one courier has it.
type link struct {
	net.Conn
	raw   syscall.RawConn
	since time.Time // idle from here on
}

// maxRest is how long a link may be idle.
const maxRest = time.Minute

// links are the idle connections to one endpoint. The one used last is taken
// first, so that those too many are the ones that grow old.
//
// Invariant: of a link in here every answer was read to its end, and nothing
// more.
type links struct {
	mu    sync.Mutex
	idle  []*link
	limit int
	shut  bool
}

// take returns an idle link, nil if there is none.
func (s *links) take() *link {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.idle) - 1
	if n < 0 {
		return nil
	}
	one := s.idle[n]
	s.idle[n] = nil
	s.idle = s.idle[:n]
	return one
}

// put gives a link back, or closes it when there are enough.
func (s *links) put(one *link, now time.Time) {
	one.since = now
	s.mu.Lock()
	kept := !s.shut && len(s.idle) < s.limit
	if kept {
		s.idle = append(s.idle, one)
	}
	s.mu.Unlock()
	if !kept {
		_ = one.Close()
	}
}

// rest closes what has been idle for too long. The oldest stand first.
func (s *links) rest(now time.Time) {
	s.mu.Lock()
	n := 0
	for n < len(s.idle) && now.Sub(s.idle[n].since) > maxRest {
		n++
	}
	old := slices.Clone(s.idle[:n])
	s.idle = slices.Delete(s.idle, 0, n)
	s.mu.Unlock()
	for _, one := range old {
		_ = one.Close()
	}
}

// open lets links be kept; close closes the idle ones and keeps no more.
func (s *links) open() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shut = false
}

func (s *links) close() {
	s.mu.Lock()
	old := s.idle
	s.idle, s.shut = nil, true
	s.mu.Unlock()
	for _, one := range old {
		_ = one.Close()
	}
}

// rest closes the links of all endpoints that have been idle for too long.
func (p *pool) rest(now time.Time) {
	for _, e := range p.endpoints {
		e.links.rest(now)
	}
}

// connect makes a new link.
func (e *endpoint) connect(timeout time.Duration) (*link, error) {
	dialer := net.Dialer{Timeout: timeout, KeepAlive: 15 * time.Second}
	c, err := dialer.DialContext(context.Background(), "tcp", e.address)
	if err != nil {
		return nil, err
	}
	raw, err := rawOf(c)
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return &link{Conn: c, raw: raw}, nil
}

// rawOf returns what peeking needs.
func rawOf(c net.Conn) (syscall.RawConn, error) {
	own, ok := c.(syscall.Conn)
	if !ok {
		return nil, syscall.EINVAL
	}
	return own.SyscallConn()
}
