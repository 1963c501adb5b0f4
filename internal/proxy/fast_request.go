package proxy

import (
	"encoding/json"
	"unsafe"

	"github.com/stagger-dev/stagger/internal/proxy/wire"
	"github.com/stagger-dev/stagger/internal/whence"
)

// view returns the bytes as a string without copying them. Nobody may keep it:
// the bytes are overwritten by the next request.
func view(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b)) //nolint:gosec // lives no longer than the call it is made for
}

// plainAttributes reads from the bytes of a head what the cohort asks for.
type plainAttributes struct {
	request *wire.Request
	head    []byte
	conn    *conn
	rules   *whence.Rules
	claims  map[string]json.RawMessage // nil until asked for
}

// Header implements cohort.Attributes. The first field of the name counts.
func (a *plainAttributes) Header(name string) string {
	for i := range a.request.Fields {
		f := &a.request.Fields[i]
		if wire.Same(f.Name.Of(a.head), name) {
			return view(f.Value.Of(a.head))
		}
	}
	return ""
}

// Cookie implements cohort.Attributes. The first cookie of the name counts.
func (a *plainAttributes) Cookie(name string) string {
	for i := range a.request.Fields {
		f := &a.request.Fields[i]
		if !wire.Equal(f.Name.Of(a.head), "cookie") {
			continue
		}
		if value, ok := cookie(view(f.Value.Of(a.head)), name); ok {
			return value
		}
	}
	return ""
}

// Claim implements cohort.Attributes.
func (a *plainAttributes) Claim(name string) string {
	if a.claims == nil {
		a.claims = claims(a.Header("Authorization"))
	}
	return claim(a.claims[name])
}

// isHopByHop says whether a field is one of hopByHop.
func isHopByHop(name []byte) bool {
	switch len(name) {
	case 2:
		return wire.Equal(name, "te")
	case 7:
		return wire.Equal(name, "trailer") || wire.Equal(name, "upgrade")
	case 10:
		return wire.Equal(name, "connection") || wire.Equal(name, "keep-alive")
	case 14:
		return wire.Equal(name, "http2-settings") || wire.Equal(name, "stagger-shadow")
	case 16:
		return wire.Equal(name, "proxy-connection")
	case 17:
		return wire.Equal(name, "transfer-encoding")
	case 18:
		return wire.Equal(name, "proxy-authenticate")
	case 19:
		return wire.Equal(name, "proxy-authorization")
	}
	return false
}

// isListed says whether a field is named by one called Connection. Those that
// frame and route are not the client's to take away.
func isListed(head []byte, fields []wire.Field, name []byte) bool {
	if wire.Equal(name, "host") || wire.Equal(name, "content-length") {
		return false
	}
	for i := range fields {
		if wire.Equal(fields[i].Name.Of(head), "connection") && wire.Listed(fields[i].Value.Of(head), view(name)) {
			return true
		}
	}
	return false
}

// outbound writes the request as the upstream gets it, see forward: the bytes
// received without what concerned the client's connection, and who asked.
//
// Of the body come the bytes that are here.
func (c *courier) outbound(head []byte, here int) {
	r := &c.request
	out := c.out[:0]
	from := 0 // of what goes on as it is
	for i := range r.Fields {
		f := &r.Fields[i]
		name := f.Name.Of(head)
		if isHopByHop(name) || c.hides(name) || c.tells(name) || r.Listing && isListed(head, r.Fields, name) {
			out = append(out, head[from:f.Line.From]...)
			from = f.Line.To
		}
	}
	out = append(out, head[from:r.Size-len("\r\n")]...)
	if r.Length < 0 && wantsLength(r.Method.Of(head)) {
		out = append(out, "Content-Length: 0\r\n"...)
	}
	out = c.introduce(out, head)
	out = c.tellDeadline(out)
	out = append(out, "\r\n"...)
	out = append(out, head[r.Size:r.Size+here]...)
	c.out = out
}

// wantsLength says whether a request without a body says so.
func wantsLength(method []byte) bool {
	switch string(method) {
	case "POST", "PUT", "PATCH":
		return true
	}
	return false
}

// isRepeatable says whether a request may be sent again when nobody knows
// whether the first one was acted upon.
func isRepeatable(method []byte) bool {
	switch string(method) {
	case "GET", "HEAD", "OPTIONS", "TRACE":
		return true
	}
	return false
}
