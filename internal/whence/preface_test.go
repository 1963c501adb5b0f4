package whence_test

import (
	"strings"
	"testing"

	"github.com/stagger-dev/stagger/internal/whence"
)

const signature = "\r\n\r\n\x00\r\nQUIT\n"

var (
	v4 = "\xcb\x00\x71\x07" + "\x0a\x00\x00\x01" + "\x1f\x90" + "\x01\xbb"
	v6 = "\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x07" + strings.Repeat("\x00", 15) + "\x01" + "\x1f\x90" + "\x01\xbb"
)

func binary(command, family byte, body string) string {
	return signature + string([]byte{command, family, byte(len(body) >> 8), byte(len(body))}) + body
}

func TestAPrefaceIsReadStrictly(t *testing.T) {
	for _, row := range []struct {
		rule, text, source string
		at                 whence.Progress
	}{
		{"one line for IPv4", "PROXY TCP4 203.0.113.7 10.0.0.1 8080 443\r\n", "203.0.113.7:8080", whence.Whole},
		{"one line for IPv6", "PROXY TCP6 2001:db8::7 ::1 8080 443\r\n", "[2001:db8::7]:8080", whence.Whole},
		{"an address in another's clothes", "PROXY TCP6 ::ffff:203.0.113.7 ::1 8080 443\r\n", "203.0.113.7:8080", whence.Whole},
		{"nobody knows who", "PROXY UNKNOWN\r\n", "", whence.Whole},
		{"nor cares", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "", whence.Whole},
		{"the wrong family", "PROXY TCP4 2001:db8::7 ::1 8080 443\r\n", "", whence.Bad},
		{"two spaces", "PROXY TCP4  203.0.113.7 10.0.0.1 8080 443\r\n", "", whence.Bad},
		{"a zone", "PROXY TCP6 fe80::1%eth0 ::1 8080 443\r\n", "", whence.Bad},
		{"a port with a zero before it", "PROXY TCP4 203.0.113.7 10.0.0.1 08080 443\r\n", "", whence.Bad},
		{"a port that is none", "PROXY TCP4 203.0.113.7 10.0.0.1 65536 443\r\n", "", whence.Bad},
		{"a bare line feed", "PROXY TCP4 203.0.113.7 10.0.0.1 8080 443\n", "", whence.Bad},
		{"a family nobody knows", "PROXY UDP4 203.0.113.7 10.0.0.1 8080 443\r\n", "", whence.Bad},
		{"words missing", "PROXY TCP4 203.0.113.7\r\n", "", whence.Bad},
		{"no end", "PROXY UNKNOWN " + strings.Repeat("x", 200), "", whence.Bad},
		{"not yet", "PROXY TCP4 203.0.113.7", "", whence.Partial},
		{"hardly begun", "PR", "", whence.Partial},
		{"nothing", "", "", whence.Partial},
		{"a request", "GET / HTTP/1.1\r\n", "", whence.Absent},
		{"a request that looks alike", "PROPFIND / HTTP/1.1\r\n", "", whence.Absent},
		{"a greeting of TLS", "\x16\x03\x01", "", whence.Absent},

		{"binary for IPv4", binary(0x21, 0x11, v4), "203.0.113.7:8080", whence.Whole},
		{"binary for IPv6", binary(0x21, 0x21, v6), "[2001:db8::7]:8080", whence.Whole},
		{"a health check", binary(0x20, 0x00, ""), "", whence.Whole},
		{"a health check with addresses", binary(0x20, 0x11, v4), "", whence.Whole},
		{"extensions are passed over", binary(0x21, 0x11, v4+"\x01\x00\x02h2"+"\x04\x00\x00"), "203.0.113.7:8080", whence.Whole},
		{"no family", binary(0x21, 0x00, ""), "", whence.Whole},
		{"a unix socket", binary(0x21, 0x31, strings.Repeat("x", 216)), "", whence.Whole},
		{"datagrams", binary(0x21, 0x12, v4), "", whence.Whole},
		{"an unknown command", binary(0x22, 0x11, v4), "", whence.Bad},
		{"an unknown version", binary(0x11, 0x11, v4), "", whence.Bad},
		{"an unknown family", binary(0x21, 0x41, v4), "", whence.Bad},
		{"an unknown transport", binary(0x21, 0x13, v4), "", whence.Bad},
		{"too short for its addresses", binary(0x21, 0x21, v4), "", whence.Bad},
		{"an extension longer than the rest", binary(0x21, 0x11, v4+"\x01\x00\x03h2"), "", whence.Bad},
		{"an extension cut off", binary(0x21, 0x11, v4+"\x01"), "", whence.Bad},
		{"too long", binary(0x21, 0x11, v4+strings.Repeat("x", 5000)), "", whence.Bad},
		{"binary, not yet", binary(0x21, 0x11, v4)[:20], "", whence.Partial},
		{"binary, hardly begun", signature[:3], "", whence.Partial},
	} {
		t.Run(row.rule, func(t *testing.T) {
			p, size, at := whence.ParsePreface([]byte(row.text + map[bool]string{true: "GET /"}[row.at == whence.Whole]))
			if at != row.at {
				t.Fatalf("progress %d, want %d", at, row.at)
			}
			if at == whence.Whole && size != len(row.text) {
				t.Errorf("%d bytes were taken, want %d", size, len(row.text))
			}
			source := ""
			if p.Source.IsValid() {
				source = p.Source.String()
			}
			if source != row.source {
				t.Errorf("source %q, want %q", source, row.source)
			}
		})
	}
}

// FuzzPreface: no bytes break the reader; every piece of a whole preface but the
// last is partial; and a preface is whole whatever follows it.
func FuzzPreface(f *testing.F) {
	for _, s := range []string{
		"PROXY TCP4 203.0.113.7 10.0.0.1 8080 443\r\n", "PROXY UNKNOWN\r\n", binary(0x21, 0x11, v4), binary(0x21, 0x21, v6+"\x04\x00\x00"), "GET /",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, size, at := whence.ParsePreface(b)
		if at != whence.Whole {
			if size != 0 || p != (whence.Preface{}) {
				t.Fatalf("it is not whole and gives %v of %d bytes", p, size)
			}
			return
		}
		if size > len(b) || size > whence.MaxPreface {
			t.Fatalf("%d of %d bytes were taken", size, len(b))
		}
		for n := range size {
			if _, _, at := whence.ParsePreface(b[:n]); at != whence.Partial {
				t.Fatalf("the first %d bytes of %d are %d, not partial", n, size, at)
			}
		}
		again, n, at := whence.ParsePreface(append(b[:size:size], 'x'))
		if again != p || n != size || at != whence.Whole {
			t.Fatalf("what follows changes it: %v, %d, %d", again, n, at)
		}
		if p.Source.IsValid() != p.Destination.IsValid() || p.Source.Addr().Zone() != "" || p.Source.Addr().Is4In6() {
			t.Fatalf("%v is half known", p)
		}
	})
}
