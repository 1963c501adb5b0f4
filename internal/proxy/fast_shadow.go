package proxy

import (
	"bufio"
	"bytes"
	"net/http"

	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/mirror"
	"github.com/stagger-dev/stagger/internal/proxy/wire"
)

// copying is the copy of the request under way, as the proxy's own transport
// carries it.
type copying struct {
	copy   *mirror.Copy
	chunks wire.Chunks // of the answer's body, which passes as it is framed
	framed bool
}

// beginCopying makes a copy of the request in out, of whose body here bytes are
// there.
func (c *courier) beginCopying(here int) {
	shade := c.traffic.shade
	head := c.out[:len(c.out)-here]
	// One request in many, and by far the plainest way to get it right.
	r, err := http.ReadRequest(bufio.NewReaderSize(bytes.NewReader(head), 512))
	if err != nil {
		shade.trial.Drop(mirror.Unusual)
		return
	}
	length := max(c.request.Length, 0)
	made := shade.begin(mirror.Request{Method: r.Method, URL: *r.URL, Host: r.Host, Header: r.Header, Length: length})
	if made == nil {
		return
	}
	c.copying = &copying{copy: made}
	made.Sent(c.out[len(head):])
}

// copyHead takes in the head of the answer.
func (c *courier) copyHead(head []byte) {
	r := &c.response
	header := make(http.Header, len(r.Fields))
	for i := range r.Fields {
		f := &r.Fields[i]
		if name := f.Name.Of(head); !isHopByHop(name) && !(r.Listing && isListed(head, r.Fields, name)) {
			header.Add(string(name), string(f.Value.Of(head)))
		}
	}
	length := r.Length
	if c.arrival.body.ended {
		length = 0
	}
	c.copying.framed = c.arrival.body.framed == byChunks
	c.copying.copy.Answered(r.Status, header, length)
}

// piece takes in a piece of the answer's body, framed as it is.
func (g *copying) piece(p []byte) {
	if g.framed {
		g.chunks.Data(p, g.copy.Write)
		return
	}
	g.copy.Write(p)
}

// endCopying ends the copy, if there is one.
func (c *courier) endCopying(class meter.Class) {
	if c.copying != nil {
		endCopy(c.copying.copy, class)
		c.copying = nil
	}
}
