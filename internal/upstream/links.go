package upstream

import (
	"context"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Link is a connection to an endpoint that carries plain HTTP/1.1. Whoever took
// or made it has it alone.
type Link struct {
	net.Conn // the socket itself, so that it can be spliced
	Raw      syscall.RawConn
	counted  *counted  // Conn, as it is counted
	since    time.Time // idle from here on
}

// Close implements net.Conn.
func (l *Link) Close() error {
	if l.counted == nil {
		return l.Conn.Close()
	}
	return l.counted.Close()
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
	idle  []*Link
	limit int
	shut  bool
}

// Take returns an idle link, nil if there is none.
func (e *Endpoint) Take() *Link { return e.links.take() }

// Put gives a link back, or closes it when there are enough. Every answer over
// it must have been read to its end, and nothing more.
func (e *Endpoint) Put(one *Link, now time.Time) { e.links.put(one, now) }

func (s *links) take() *Link {
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

func (s *links) put(one *Link, now time.Time) {
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

// Connect makes a new link, waiting so long at most. It fails with ErrFull where
// there may be no more connections.
func (e *Endpoint) Connect(timeout time.Duration) (*Link, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	c, err := e.dial(ctx)
	if err != nil {
		return nil, err
	}
	own, ok := c.Conn.(syscall.Conn)
	if !ok {
		_ = c.Close()
		return nil, syscall.EINVAL
	}
	raw, err := own.SyscallConn()
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return &Link{Conn: c.Conn, Raw: raw, counted: c}, nil
}
