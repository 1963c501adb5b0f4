package load

import (
	"context"
	"net"
)

// Over returns the job over another network than the real one.
func (j Job) Over(dial func(ctx context.Context, network, address string) (net.Conn, error)) Job {
	j.dial = dial
	return j
}
