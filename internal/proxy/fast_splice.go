package proxy

import (
	"io"
	"net"

	"github.com/stagger-dev/stagger/internal/meter"
)

// From spliceFrom on the kernel moves a body by itself, splicePiece at a time:
// so much must move within the time nothing may stand still.
const (
	spliceFrom  = 64 << 10
	splicePiece = 128 << 10
)

// canSplice says whether both sides are sockets that the kernel moves bytes
// between.
func (c *courier) canSplice() bool {
	_, client := c.client.(*net.TCPConn)
	_, upstream := c.watch.upstream.Load().Conn.(*net.TCPConn)
	return client && upstream
}

// splice passes on the rest of a body.
func (c *courier) splice(left int64) meter.Class {
	upstream := c.watch.upstream.Load()
	client, _ := c.client.(*net.TCPConn)
	for left > 0 {
		if marks := c.watch.enter(moving); marks != 0 {
			return blameMarks(marks)
		}
		n, err := client.ReadFrom(&io.LimitedReader{R: upstream.Conn, N: min(left, splicePiece)})
		marks := c.watch.enter(busy) &^ hungUp
		left -= n
		switch {
		case marks&expired != 0 && !isSilent(upstream.Raw):
			return meter.ClientAbort // there is something, and it was not taken
		case marks != 0:
			return blameMarks(marks)
		case err != nil && hasEnded(c.raw):
			return meter.ClientAbort
		case err != nil || n == 0:
			return meter.ConnectError
		}
	}
	return whole
}
