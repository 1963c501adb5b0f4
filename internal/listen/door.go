package listen

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/stagger-dev/stagger/internal/whence"
)

// Door is where connections come in. Its fields are not changed once it is
// bound.
type Door struct {
	Name      string   // by which inherited sockets are found, and counted
	Label     string   // how errors call it; the name in quotes when empty
	Key       string   // the key that has the address in the configuration
	Addresses []string // host:port, port 0 takes any free one; or unix:/a/path

	Preface  Mode         // whether the PROXY protocol is spoken
	Trusted  whence.Trust // who may speak it
	Identity *Identity    // nil for no TLS
	Sockets  *Sockets     // where sockets may be inherited from; nil for nowhere

	Patience time.Duration // until a connection is greeted at most; 10 s
	Pending  int           // connections being greeted at once, more wait; 1024
	Log      *slog.Logger  // nil for none

	mu      sync.Mutex // guards bound
	bound   []net.Listener
	refused refusals
}

// Mode says whether connections begin with the PROXY protocol.
type Mode uint8

// The modes. A preface counts only when one who is trusted writes it.
const (
	Off      Mode = iota // it is not spoken
	Optional             // those who are trusted may begin with it
	Required             // a connection that does not begin with it is closed
)

// The defaults of a door.
const (
	defaultPatience = 10 * time.Second
	defaultPending  = 1024
)

// Bind takes the addresses, all or none, without letting anybody in yet. A door
// that is bound stays so. Its errors are *stagger.Error.
func (d *Door) Bind(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.bound != nil {
		return nil
	}
	var bound []net.Listener
	for _, address := range d.Addresses {
		l, err := d.bind(ctx, address)
		if err != nil {
			for _, l := range bound {
				_ = l.Close()
			}
			return err
		}
		bound = append(bound, l)
	}
	d.bound = bound
	return nil
}

// Open binds the door if it is not, and returns what lets connections in, one
// for each address. Closing them closes the door.
func (d *Door) Open(ctx context.Context) ([]net.Listener, error) {
	if err := d.Bind(ctx); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	open := make([]net.Listener, 0, len(d.bound))
	for _, l := range d.bound {
		if d.Preface != Off || d.Identity != nil {
			l = newGate(d, l)
		}
		open = append(open, l)
	}
	d.bound = nil
	return open, nil
}

// Close gives up addresses that were bound and not opened.
func (d *Door) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.bound {
		_ = l.Close()
	}
	d.bound = nil
}

func (d *Door) log() *slog.Logger {
	if d.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return d.Log
}

// Greeting returns how many connections of a listener are being greeted.
func Greeting(l net.Listener) int {
	if g, ok := l.(*gate); ok {
		return int(g.greeting.Load())
	}
	return 0
}

// Retire ends a listener whose socket somebody else has taken over: what is
// accepted already still comes out, and the socket's file stays.
func Retire(l net.Listener) {
	switch l := l.(type) {
	case *gate:
		l.retire()
	case *net.UnixListener:
		l.SetUnlinkOnClose(false)
		_ = l.Close()
	default:
		_ = l.Close()
	}
}
