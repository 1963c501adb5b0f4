package proxy

import (
	"sync"

	"github.com/stagger-dev/stagger/internal/proxy/wire"
)

// maxPlain bounds what is read of a client at once: a longer head goes through
// net/http, a longer body is passed on in pieces.
const maxPlain = 16 << 10

// desk is what a courier works with while a request is under way. A connection
// that rests has none, so that it costs little.
type desk struct {
	in       [maxPlain]byte
	from, to int    // in[from:to] was read of the client and not passed on
	out      []byte // what is to be sent
	path     []byte // with escapes undone

	request  wire.Request
	response wire.Response
	arrival  arrival
}

var desks = sync.Pool{New: func() any { return new(desk) }}

// maxKept bounds what a desk keeps of what it had to make larger.
const maxKept = 64 << 10

func takeDesk() *desk {
	d, _ := desks.Get().(*desk)
	return d
}

// leave gives the desk to whoever needs one next.
func (d *desk) leave() {
	d.arrival.leave()
	d.from, d.to = 0, 0
	if cap(d.out) > maxKept {
		d.out = nil
	}
	desks.Put(d)
}
