package listen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/stagger-dev/stagger"
)

const unixPrefix = "unix:"

// split returns the network of an address and the address there.
func split(address string) (network, place string) {
	if path, ok := strings.CutPrefix(address, unixPrefix); ok {
		return "unix", path
	}
	return "tcp", address
}

func (d *Door) bind(ctx context.Context, address string) (net.Listener, error) {
	network, place := split(address)
	l, err := d.Sockets.take(d.Name, network, place)
	if l != nil || err != nil {
		return l, err
	}
	var config net.ListenConfig
	l, err = config.Listen(ctx, network, place)
	if errors.Is(err, syscall.EADDRINUSE) && network == "unix" && isLeftOver(ctx, place) {
		_ = os.Remove(place)
		l, err = config.Listen(ctx, network, place)
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, d.refuse(stagger.CodeConflict, "%s is in use already; choose another %s or stop what holds it", address, d.key())
	case err != nil:
		return nil, d.refuse(stagger.CodeInvalid, "cannot listen on %s: %v", address, cause(err))
	}
	d.Sockets.opened(d.Name, address, l)
	return l, nil
}

// isLeftOver says whether nobody answers at the file of a socket.
func isLeftOver(ctx context.Context, path string) bool {
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "unix", path)
	if err == nil {
		_ = c.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

func (d *Door) key() string {
	if d.Key == "" {
		return "address"
	}
	return d.Key
}

func (d *Door) refuse(code stagger.Code, format string, args ...any) error {
	label := d.Label
	if label == "" {
		label = fmt.Sprintf("listener %q", d.Name)
	}
	return &stagger.Error{Code: code, Message: label + ": " + fmt.Sprintf(format, args...)}
}

// cause drops the address that a net.OpError repeats.
func cause(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}
