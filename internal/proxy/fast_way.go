package proxy

import (
	"github.com/stagger-dev/stagger/internal/proxy/wire"
	"github.com/stagger-dev/stagger/internal/whence"
)

// hides says whether a field tells of the way and does not go on as it is: see
// introduce, which writes what does.
func (c *courier) hides(name []byte) bool {
	const prefix = "x-forwarded-"
	switch len(name) {
	case 9:
		return wire.Equal(name, "forwarded") || !c.conn.hop.Trusted && wire.Equal(name, "x-real-ip")
	case 15:
		if wire.Equal(name, "x-forwarded-for") {
			return true
		}
	case 16:
		if wire.Equal(name, "x-forwarded-host") {
			return true
		}
	case 17:
		if wire.Equal(name, "x-forwarded-proto") {
			return true
		}
	}
	return !c.conn.hop.Trusted && len(name) > len(prefix) && wire.Equal(name[:len(prefix)], prefix)
}

// introduce adds who asked and for what.
func (c *courier) introduce(out, head []byte) []byte {
	hop := c.conn.hop
	hop.Host = view(c.request.Host.Of(head))
	var told whence.Told
	if hop.Trusted {
		told = c.asked.told()
	}
	for _, f := range fieldsOf(c.lane.rules.Pass(hop, told)) {
		if f.value != "" {
			out = append(append(append(append(out, f.name...), ": "...), f.value...), "\r\n"...)
		}
	}
	return out
}

// Address implements cohort.Attributes.
func (a *plainAttributes) Address() string {
	if !a.conn.hop.Trusted {
		return a.conn.hop.Address
	}
	return textOf(a.rules.Client(a.conn.hop, a.told()))
}

// told returns what a request says of its way, as toldBy does.
func (a *plainAttributes) told() whence.Told {
	return whence.Told{
		For: a.lines("x-forwarded-for"), Proto: a.lines("x-forwarded-proto"),
		Host: a.lines("x-forwarded-host"), Forwarded: a.lines("forwarded"),
	}
}

// lines joins the values of a field.
func (a *plainAttributes) lines(name string) string {
	all := ""
	for i := range a.request.Fields {
		f := &a.request.Fields[i]
		if !wire.Equal(f.Name.Of(a.head), name) || a.request.Listing && isListed(a.head, a.request.Fields, f.Name.Of(a.head)) {
			continue
		}
		if all != "" {
			all += ", "
		}
		all += string(f.Value.Of(a.head))
	}
	return all
}
