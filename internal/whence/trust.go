package whence

import "net/netip"

// Trust says whose word about others is taken. The zero value trusts nobody.
type Trust struct {
	Networks []netip.Prefix
	// Local trusts what comes over a unix socket: its file's permissions say who
	// that can be.
	Local bool
}

// Holds says whether the one at an address is trusted; the zero address is the
// other end of a unix socket.
func (t Trust) Holds(a netip.Addr) bool {
	if !a.IsValid() {
		return t.Local
	}
	a = a.Unmap().WithZone("")
	for _, n := range t.Networks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// Nobody says whether nobody is trusted.
func (t Trust) Nobody() bool { return len(t.Networks) == 0 && !t.Local }
