package listen

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Socket is a listening socket that goes from one process to another.
type Socket struct {
	// Name is that of the door, as systemd's FileDescriptorName= has it.
	Name string `json:"name"`
	// Address is as the door's configuration has it; empty when nobody said, and
	// then the socket's own counts.
	Address string `json:"address,omitempty"`

	file *os.File
}

// Sockets are those that a process was given, and those it can give away.
type Sockets struct {
	mu    sync.Mutex // guards all
	given []Socket
	held  []held
}

// held is a listener that is open, or was.
type held struct {
	Socket
	listener net.Listener
}

// firstGiven is the first descriptor that systemd hands over.
const firstGiven = 3

// maxGiven bounds the sockets that are taken over.
const maxGiven = 256

// Activated returns the sockets that systemd hands over by the variables of
// sd_listen_fds(3). They are for this process alone, so the variables are
// removed.
func Activated() (*Sockets, error) {
	pid, n, names := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_FDNAMES")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		_ = os.Unsetenv(name)
	}
	s := &Sockets{}
	if pid != strconv.Itoa(os.Getpid()) || n == "" {
		return s, nil
	}
	count, err := strconv.Atoi(n)
	if err != nil || count < 0 || count > maxGiven {
		return nil, fmt.Errorf("LISTEN_FDS is %q; it must be a number up to %d", n, maxGiven)
	}
	all := strings.Split(names, ":")
	for i := range count {
		one := Socket{}
		if i < len(all) {
			one.Name = all[i]
		}
		s.Give(one, os.NewFile(uintptr(firstGiven+i), one.Name))
	}
	return s, nil
}

// Give adds a socket that was handed over.
func (s *Sockets) Give(one Socket, file *os.File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	closeOnExec(file)
	one.file = file
	s.given = append(s.given, one)
}

// take returns the socket of a door's address, nil if none was given.
func (s *Sockets) take(name, network, place string) (net.Listener, error) {
	if s == nil {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(name, network, place)
	if i < 0 {
		return nil, nil
	}
	one := s.given[i]
	l, err := net.FileListener(one.file)
	if err != nil {
		return nil, fmt.Errorf("the socket %q that was handed over is none to listen on: %w", one.Name, err)
	}
	_ = one.file.Close()
	s.given = slices.Delete(s.given, i, i+1)
	address := place
	if network == "unix" {
		address = unixPrefix + place
	}
	s.held = append(s.held, held{Socket{Name: name, Address: address}, l})
	return l, nil
}

// find looks for the address first, and then for the name.
func (s *Sockets) find(name, network, place string) int {
	byAddress := slices.IndexFunc(s.given, func(one Socket) bool {
		if one.Address != "" {
			n, p := split(one.Address)
			return one.Name == name && n == network && p == place
		}
		return listensOn(one.file, network, place)
	})
	if byAddress >= 0 {
		return byAddress
	}
	return slices.IndexFunc(s.given, func(one Socket) bool { return one.Address == "" && one.Name == name })
}

// listensOn says whether a socket is bound to an address.
func listensOn(file *os.File, network, place string) bool {
	l, err := net.FileListener(file)
	if err != nil {
		return false
	}
	defer func() { _ = l.Close() }()
	a := l.Addr()
	if a.Network() != network {
		return false
	}
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return a.String() == place
	}
	host, port, err := net.SplitHostPort(place)
	if err != nil || port != strconv.Itoa(tcp.Port) {
		return false
	}
	ip := net.ParseIP(host)
	return ip.Equal(tcp.IP) || (host == "" || ip.IsUnspecified()) && tcp.IP.IsUnspecified()
}

// opened keeps a listener, so that its socket can be handed on.
func (s *Sockets) opened(name, address string, l net.Listener) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = append(s.held, held{Socket{Name: name, Address: address}, l})
}

// Rest closes the sockets that nobody has taken and returns what they were.
func (s *Sockets) Rest() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, one := range s.given {
		names = append(names, strings.TrimSpace(one.Name+" "+one.Address))
		_ = one.file.Close()
	}
	s.given = nil
	return names
}

// Copies returns another descriptor of every socket that is open; they are the
// caller's to close.
func (s *Sockets) Copies() ([]Socket, []*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sockets []Socket
	var files []*os.File
	for _, h := range s.held {
		source, ok := h.listener.(interface{ File() (*os.File, error) })
		if !ok {
			continue
		}
		file, err := source.File()
		if errors.Is(err, net.ErrClosed) {
			continue
		}
		if err != nil {
			for _, f := range files {
				_ = f.Close()
			}
			return nil, nil, fmt.Errorf("copy the socket of %s: %w", h.Name, err)
		}
		sockets, files = append(sockets, h.Socket), append(files, file)
	}
	return sockets, files, nil
}
