//go:build !unix

package handover

import (
	"context"
	"errors"
	"os"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/listen"
)

// Signals ask a process to let a new one take its place; there are none here.
var Signals []os.Signal

// Successor is the process that takes the place of this one; there is none
// here.
type Successor struct{}

// Begin is not offered here.
func Begin(context.Context, string, []string, []listen.Socket, []*os.File) (*Successor, error) {
	return nil, errors.ErrUnsupported
}

// Yield is never called.
func (*Successor) Yield(context.Context, []stagger.Split, func(context.Context, stagger.Split) error) error {
	return errors.ErrUnsupported
}

// PID is never called.
func (*Successor) PID() int { return 0 }

// Follow is never called.
func (*Successor) Follow(context.Context, func(context.Context, stagger.Split) error) {}

// End is never called.
func (*Successor) End() {}
