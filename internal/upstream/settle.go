package upstream

import (
	"context"
	"crypto/tls"
	"net/http/httptrace"
	"runtime"
	"time"
)

// Settle makes sure that a connection that net/http uses again has nothing left
// of the answer before: it is to be the request's httptrace.ClientTrace.GotConn.
//
// net/http puts a connection back and then looks at it; what an upstream sent
// beyond its answer ends it. A request that takes the connection between the
// two would get that for its answer. While net/http waits in a Read of the
// connection, it has looked and found nothing; until then Settle holds the
// request up. One that was ended meanwhile is not used: net/http takes another.
func Settle(got httptrace.GotConnInfo) {
	if !got.Reused {
		return
	}
	at := got.Conn
	if secure, ok := at.(*tls.Conn); ok {
		at = secure.NetConn()
	}
	c, ok := at.(*counted)
	if !ok {
		return
	}
	for i := range quickLooks + slowLooks {
		switch {
		case c.waits.Load() || c.closed.Load():
			return
		case i < quickLooks:
			runtime.Gosched()
		default:
			time.Sleep(settlingLook)
		}
	}
	// Better a risk than a standstill.
}

// Settling is ctx for a request that has no trace of its own, with Settle.
func Settling(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: Settle})
}

// How often Settle looks before it sleeps, and how often and how long it does.
const (
	quickLooks   = 100
	slowLooks    = 1000
	settlingLook = time.Millisecond
)

// Read implements net.Conn. It notes that somebody waits.
func (c *counted) Read(p []byte) (int, error) {
	c.waits.Store(true)
	n, err := c.Conn.Read(p)
	c.waits.Store(false)
	return n, err
}
