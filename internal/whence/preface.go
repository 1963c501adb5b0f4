package whence

import (
	"net/netip"
	"strconv"
	"strings"
)

// Preface is what the PROXY protocol says of a connection before its first
// byte. See https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt.
type Preface struct {
	// Source is the client; zero when the proxy speaks for itself (a health
	// check) or the client has no IP address, and then the connection's own
	// address counts.
	Source netip.AddrPort
	// Destination is what the client connected to; zero when Source is.
	Destination netip.AddrPort
}

// MaxPreface is the largest preface that is read, in bytes. What may follow the
// addresses has no use here.
const MaxPreface = 4096

// Progress is how far a preface has come.
type Progress uint8

// The states of reading a preface.
const (
	Partial Progress = iota // more bytes are needed
	Whole                   // it is complete
	Absent                  // these bytes begin something else
	Bad                     // it is one, and breaks the rules
)

const (
	signature1 = "PROXY "
	signature2 = "\r\n\r\n\x00\r\nQUIT\n"
	maxLine    = 107 // of version 1, with its end
)

// ParsePreface reads the preface that b begins with, and says how many bytes it
// takes when it is whole. It is strict: who writes a preface is a program.
func ParsePreface(b []byte) (p Preface, size int, at Progress) {
	switch {
	case begins(b, signature2):
		return parseBinary(b)
	case begins(b, signature1):
		return parseLine(b)
	case begins([]byte(signature2), string(b)), begins([]byte(signature1), string(b)):
		return p, 0, Partial
	}
	return p, 0, Absent
}

func begins(b []byte, with string) bool { return len(b) >= len(with) && string(b[:len(with)]) == with }

// parseLine reads version 1, a line of text.
func parseLine(b []byte) (p Preface, size int, at Progress) {
	text := string(b[:min(len(b), maxLine)])
	line, _, ended := strings.Cut(text, "\r\n")
	if strings.ContainsAny(line, "\n\x00") {
		return p, 0, Bad
	}
	if !ended {
		if len(text) == maxLine {
			return p, 0, Bad
		}
		return p, 0, Partial
	}
	size = len(line) + 2
	words := strings.Split(line, " ")
	if words[1] == "UNKNOWN" {
		return p, size, Whole
	}
	if len(words) != 6 {
		return p, 0, Bad
	}
	source, ok := socket(words[1], words[2], words[4])
	destination, too := socket(words[1], words[3], words[5])
	if !ok || !too {
		return p, 0, Bad
	}
	return Preface{source, destination}, size, Whole
}

// socket reads an address and a port as version 1 writes them.
func socket(family, address, port string) (netip.AddrPort, bool) {
	a, err := netip.ParseAddr(address)
	n, bad := strconv.ParseUint(port, 10, 16)
	switch {
	case err != nil, bad != nil, a.Zone() != "", port != strconv.FormatUint(n, 10):
		return netip.AddrPort{}, false
	case family == "TCP4" && a.Is4(), family == "TCP6" && a.Is6():
		return netip.AddrPortFrom(a.Unmap(), uint16(n)), true
	}
	return netip.AddrPort{}, false
}

// The fields of version 2.
const (
	headSize = 16
	local    = 0x20 // version and command
	proxied  = 0x21
	tcp4     = 0x11 // family and transport
	tcp6     = 0x21
)

// addressSize is how many bytes the addresses of a family take.
var addressSize = [4]int{0, 12, 36, 216}

// parseBinary reads version 2.
func parseBinary(b []byte) (p Preface, size int, at Progress) {
	if len(b) < headSize {
		return p, 0, Partial
	}
	command, family := b[12], b[13]
	length := int(b[14])<<8 | int(b[15])
	size = headSize + length
	switch {
	case command != local && command != proxied,
		family>>4 > 3, family&0xf > 2, size > MaxPreface,
		command == proxied && length < addressSize[family>>4]:
		return p, 0, Bad
	case len(b) < size:
		return p, 0, Partial
	case command == local:
		return p, size, Whole // whatever follows is not to be looked at
	}
	body := b[headSize:size]
	if !extended(body[addressSize[family>>4]:]) {
		return p, 0, Bad
	}
	switch family {
	case tcp4:
		p = Preface{pair(body[0:4], body[8:10]), pair(body[4:8], body[10:12])}
	case tcp6:
		p = Preface{pair(body[0:16], body[32:34]), pair(body[16:32], body[34:36])}
	}
	return p, size, Whole
}

func pair(address, port []byte) netip.AddrPort {
	a, _ := netip.AddrFromSlice(address)
	return netip.AddrPortFrom(a.Unmap(), uint16(port[0])<<8|uint16(port[1]))
}

// extended passes over the extensions, a type, a length and as many bytes each;
// they must fill the rest.
func extended(b []byte) bool {
	for len(b) > 0 {
		if len(b) < 3 {
			return false
		}
		n := 3 + int(b[1])<<8 + int(b[2])
		if len(b) < n {
			return false
		}
		b = b[n:]
	}
	return true
}
