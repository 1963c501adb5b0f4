package proxy

import (
	"bytes"
	"strings"
	"time"

	"github.com/stagger-dev/stagger/internal/capture"
	"github.com/stagger-dev/stagger/internal/proxy/wire"
)

// record takes a request to the capture of its service, if there is one and it
// chooses the request: see traffic.record. So much of the body is here; the
// tape it returns is for the rest, nil if there is none. Nothing of the
// courier's bytes is kept, as what comes next overwrites them.
func (c *courier) record(head []byte, here int, now time.Time) *tape {
	tap := c.traffic.tap.Load()
	if tap == nil {
		return nil
	}
	user := c.traffic.chooser.Subject(&c.asked)
	if !tap.chooses(user) {
		return nil
	}
	r := &c.request
	raw := capture.Raw{
		At: now.Sub(tap.began), Method: string(r.Method.Of(head)), Host: string(r.Host.Of(head)), User: strings.Clone(user),
		BodyLength: max(r.Length, 0),
	}
	raw.Path, raw.Query = targetOf(head, r)
	for i := range r.Fields {
		f := &r.Fields[i]
		name, value := f.Name.Of(head), f.Value.Of(head)
		if wire.Equal(name, "content-type") && bytes.HasPrefix(value, []byte("application/grpc")) {
			tap.skipped.Add(1)
			return nil
		}
		if tap.masker.Wants(view(name)) {
			raw.Header = append(raw.Header, capture.Header{Name: string(name), Value: string(value)})
		}
	}
	t := &tape{tap: tap, raw: raw}
	t.take(head[r.Size : r.Size+here])
	if int64(here) == raw.BodyLength {
		t.end()
		return nil
	}
	return t
}

// targetOf returns path and query as they came over the wire.
func targetOf(head []byte, r *wire.Request) (path, query string) {
	path = string(r.Path.Of(head))
	return path, strings.TrimPrefix(string(r.Target.Of(head))[len(path):], "?")
}
