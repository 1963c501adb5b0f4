// Package dnstest is a name server on loopback, for tests of what follows names.
package dnstest

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// Server answers with what it was told last.
type Server struct {
	conn net.PacketConn

	mu      sync.Mutex
	hosts   map[string][]netip.Addr
	srv     map[string][]net.SRV
	failing bool
	asked   int
}

// New starts a server that ends with the test. It knows no name.
func New(t testing.TB) *Server {
	t.Helper()
	var listen net.ListenConfig
	conn, err := listen.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{conn: conn, hosts: make(map[string][]netip.Addr), srv: make(map[string][]net.SRV)}
	var serving sync.WaitGroup
	serving.Go(s.serve)
	t.Cleanup(func() {
		_ = conn.Close()
		serving.Wait()
	})
	return s
}

// Resolver asks the server and nobody else.
func (s *Server) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", s.conn.LocalAddr().String())
	}}
}

// Set says where a name leads; nowhere is an answer without any address.
func (s *Server) Set(name string, addresses ...string) {
	list := make([]netip.Addr, 0, len(addresses))
	for _, a := range addresses {
		list = append(list, netip.MustParseAddr(a))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hosts[name+"."] = list
}

// SetSRV says what the SRV records of a name are.
func (s *Server) SetSRV(name string, records ...net.SRV) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.srv[name+"."] = records
}

// Fail makes every answer a failure of the server, or stops that.
func (s *Server) Fail(failing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing = failing
}

// Asked is how many questions there were.
func (s *Server) Asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *Server) serve() {
	buffer := make([]byte, 4096)
	for {
		n, from, err := s.conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		var question dnsmessage.Message
		if question.Unpack(buffer[:n]) != nil || len(question.Questions) != 1 {
			continue
		}
		if answer, err := s.answer(question); err == nil {
			_, _ = s.conn.WriteTo(answer, from)
		}
	}
}

func (s *Server) answer(m dnsmessage.Message) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	q := m.Questions[0]
	name := strings.ToLower(q.Name.String())
	answer := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true, RecursionAvailable: true},
		Questions: m.Questions,
	}
	_, isHost := s.hosts[name]
	_, isSRV := s.srv[name]
	switch {
	case s.failing:
		answer.RCode = dnsmessage.RCodeServerFailure
	case !isHost && !isSRV:
		answer.RCode = dnsmessage.RCodeNameError
	default:
		answer.Answers = s.records(q, name)
	}
	return answer.Pack()
}

func (s *Server) records(q dnsmessage.Question, name string) []dnsmessage.Resource {
	var list []dnsmessage.Resource
	add := func(body dnsmessage.ResourceBody) {
		list = append(list, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1}, Body: body,
		})
	}
	for _, a := range s.hosts[name] {
		switch {
		case q.Type == dnsmessage.TypeA && a.Is4():
			add(&dnsmessage.AResource{A: a.As4()})
		case q.Type == dnsmessage.TypeAAAA && a.Is6():
			add(&dnsmessage.AAAAResource{AAAA: a.As16()})
		}
	}
	for _, r := range s.srv[name] {
		if q.Type == dnsmessage.TypeSRV {
			add(&dnsmessage.SRVResource{
				Priority: r.Priority, Weight: r.Weight, Port: r.Port, Target: dnsmessage.MustNewName(r.Target + "."),
			})
		}
	}
	return list
}
