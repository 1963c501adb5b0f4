package proxy

import "github.com/stagger-dev/stagger/internal/proxy/wire"

// malformed says what is wrong with a request.
type malformed string

// Error implements error.
func (m malformed) Error() string { return "malformed request: " + string(m) }

// framing follows the messages of an HTTP/1.1 connection and refuses what two
// readers could take for different things, the matter of request smuggling:
// two lengths, a length and chunks, folded lines, bare line feeds, spaces
// before a colon. net/http mends some of these silently, and by then nobody
// can tell. It reads bytes in any pieces and keeps a few words of state.
type framing struct {
	state state
	err   error

	line    [16]byte // the request line as far as it fits
	lineLen int
	last8   uint64 // the last bytes of the request line: the version

	name     [20]byte // the field name in lower case
	nameLen  int
	value    [24]byte // the field value as far as it fits
	valueLen int

	trailer  bool // the fields read now follow the body
	length   int64
	hasTE    bool
	hasCL    bool
	upgrade  bool
	left     int64 // bytes of body or chunk to come
	digits   int   // of a chunk's size
	extended int   // bytes of a chunk's extension
}

// state is what the next byte belongs to.
type state uint8

const (
	inLine state = iota
	inLineEnd
	inName
	inValue
	inValueEnd
	inHeadEnd
	inBody
	inChunkSize
	inChunkExtension
	inChunkSizeEnd
	inChunk
	inChunkEnd
	inChunkEndLF
	// unframed is not HTTP/1.1 any more: HTTP/2, or what follows an Upgrade.
	unframed
)

// The versions of HTTP as the last eight bytes of a request line.
const (
	http10 uint64 = 'H'<<56 | 'T'<<48 | 'T'<<40 | 'P'<<32 | '/'<<24 | '1'<<16 | '.'<<8 | '0'
	http11 uint64 = http10 + 1
)

// maxExtension bounds a chunk's extension.
const maxExtension = 256

// http2 says whether the connection has turned out to be one of HTTP/2.
func (f *framing) http2() bool { return f.state == unframed && f.lineLen > 0 }

// feed takes bytes and returns how many are in order. An error concerns the
// byte after those and stays.
func (f *framing) feed(p []byte) (int, error) {
	i := 0
	for i < len(p) && f.err == nil {
		switch f.state {
		case unframed:
			return len(p), nil
		case inBody, inChunk:
			i += f.skip(len(p) - i)
		default:
			i += f.run(p[i:])
			if i == len(p) {
				break
			}
			if f.err = f.step(p[i]); f.err == nil {
				i++
			}
		}
	}
	return i, f.err
}

// run takes the bytes that change no state, all at once: most of a head is
// inside a line.
func (f *framing) run(p []byte) int {
	n := 0
	switch f.state {
	case inLine:
		for n < len(p) && wire.Text(p[n]) {
			n++
		}
		f.keepLine(p[:n])
	case inValue:
		n = f.runValue(p)
	case inName:
		for n < len(p) && wire.Token(p[n]) {
			if f.nameLen < len(f.name) {
				f.name[f.nameLen] = wire.Lower(p[n])
			}
			f.nameLen++
			n++
		}
	default:
	}
	return n
}

// runValue keeps the beginning of a header's value, without the blanks before
// it.
func (f *framing) runValue(p []byte) int {
	n := 0
	if f.valueLen == 0 {
		for n < len(p) && (p[n] == ' ' || p[n] == '\t') {
			n++
		}
	}
	begin := n
	for n < len(p) && (wire.Text(p[n]) || p[n] == '\t') {
		n++
	}
	if f.valueLen < len(f.value) {
		copy(f.value[f.valueLen:], p[begin:n])
	}
	f.valueLen += n - begin
	return n
}

// keepLine keeps the beginning of a request line and its last bytes.
func (f *framing) keepLine(p []byte) {
	if f.lineLen < len(f.line) {
		copy(f.line[f.lineLen:], p)
	}
	f.lineLen += len(p)
	for _, c := range p[max(0, len(p)-8):] {
		f.last8 = f.last8<<8 | uint64(c)
	}
}

// skip passes over at most n bytes of content.
func (f *framing) skip(n int) int {
	n = int(min(int64(n), f.left))
	f.left -= int64(n)
	if f.left == 0 {
		if f.state == inChunk {
			f.state = inChunkEnd
		} else {
			f.endMessage()
		}
	}
	return n
}

// step takes one byte that is not content.
func (f *framing) step(c byte) error {
	switch f.state {
	case inLine:
		return f.stepLine(c)
	case inLineEnd:
		return f.endLine(c)
	case inName:
		return f.stepName(c)
	case inValue:
		return f.stepValue(c)
	case inValueEnd:
		return f.expect(c, '\n', inName)
	case inHeadEnd:
		return f.endHead(c)
	case inChunkSize:
		return f.stepChunkSize(c)
	case inChunkExtension:
		return f.stepChunkExtension(c)
	case inChunkSizeEnd:
		return f.endChunkSize(c)
	case inChunkEnd:
		return f.expect(c, '\r', inChunkEndLF)
	case inChunkEndLF:
		return f.expect(c, '\n', inChunkSize)
	case inBody, inChunk, unframed:
	}
	return nil
}

func (f *framing) expect(c, want byte, next state) error {
	if c != want {
		return malformed("a line does not end in CR LF")
	}
	f.state = next
	return nil
}

// stepLine is at the end of what run takes.
func (f *framing) stepLine(c byte) error {
	if c != '\r' {
		return malformed("a control character in the request line")
	}
	f.state = inLineEnd
	return nil
}

func (f *framing) endLine(c byte) error {
	const preface = "PRI * HTTP/2.0"
	if c != '\n' {
		return malformed("a line does not end in CR LF")
	}
	switch {
	case f.last8 == http11 || f.last8 == http10:
		f.state = inName
	case f.lineLen == len(preface) && string(f.line[:len(preface)]) == preface:
		f.state = unframed
	default:
		return malformed("not HTTP/1.1")
	}
	return nil
}

// stepName is at the end of what run takes.
func (f *framing) stepName(c byte) error {
	switch {
	case c == ':' && f.nameLen > 0:
		f.state, f.valueLen = inValue, 0
	case c == '\r' && f.nameLen == 0:
		f.state = inHeadEnd
	default:
		return malformed("a field name that is none, or a folded line")
	}
	return nil
}

// stepValue is at the end of what run takes.
func (f *framing) stepValue(c byte) error {
	if c != '\r' {
		return malformed("a control character in a field")
	}
	f.state = inValueEnd
	return f.endField()
}

// endField looks at a complete field, if it is one that frames.
func (f *framing) endField() error {
	n := f.nameLen
	f.nameLen = 0
	if n > len(f.name) {
		return nil
	}
	switch string(f.name[:n]) {
	case "content-length":
		return f.setLength()
	case "transfer-encoding":
		return f.setChunked()
	case "upgrade":
		f.upgrade = !f.trailer
	}
	return nil
}

// text returns the field's value without spaces at its end; it is not ok when
// the value was too long to keep.
func (f *framing) text() (text string, ok bool) {
	n := f.valueLen
	if n > len(f.value) {
		return "", false
	}
	for n > 0 && (f.value[n-1] == ' ' || f.value[n-1] == '\t') {
		n--
	}
	return string(f.value[:n]), true
}

func (f *framing) setLength() error {
	text, ok := f.text()
	if f.hasCL || f.trailer || !ok || text == "" || len(text) > 18 {
		return malformed("not exactly one Content-Length")
	}
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return malformed("Content-Length is not a number")
		}
		f.length = f.length*10 + int64(c-'0')
	}
	f.hasCL = true
	return nil
}

func (f *framing) setChunked() error {
	text, ok := f.text()
	if f.hasTE || f.trailer || !ok || f.last8 == http10 || !wire.Equal(text, "chunked") {
		return malformed("a Transfer-Encoding other than chunked")
	}
	f.hasTE = true
	return nil
}

// endHead is at the empty line after the fields.
func (f *framing) endHead(c byte) error {
	if c != '\n' {
		return malformed("a line does not end in CR LF")
	}
	switch {
	case f.trailer:
		f.endMessage()
	case f.hasTE && f.hasCL:
		return malformed("both Content-Length and Transfer-Encoding")
	case f.hasTE:
		f.state = inChunkSize
	case f.length > 0:
		f.left, f.state = f.length, inBody
	default:
		f.endMessage()
	}
	return nil
}

// endMessage makes ready for the next.
func (f *framing) endMessage() {
	next := inLine
	if f.upgrade {
		next = unframed
	}
	*f = framing{state: next}
}

func (f *framing) stepChunkSize(c byte) error {
	var digit int64
	switch {
	case '0' <= c && c <= '9':
		digit = int64(c - '0')
	case 'a' <= c && c <= 'f':
		digit = int64(c-'a') + 10
	case 'A' <= c && c <= 'F':
		digit = int64(c-'A') + 10
	case c == '\r' && f.digits > 0:
		f.state = inChunkSizeEnd
		return nil
	case c == ';' && f.digits > 0:
		f.state = inChunkExtension
		return nil
	default:
		return malformed("a chunk's size is not a number")
	}
	if f.digits++; f.digits > 15 {
		return malformed("a chunk is too large")
	}
	f.left = f.left<<4 | digit
	return nil
}

func (f *framing) stepChunkExtension(c byte) error {
	if c == '\r' {
		f.state = inChunkSizeEnd
		return nil
	}
	if f.extended++; c < ' ' && c != '\t' || c == 0x7f || f.extended > maxExtension {
		return malformed("a chunk's extension")
	}
	return nil
}

func (f *framing) endChunkSize(c byte) error {
	if c != '\n' {
		return malformed("a line does not end in CR LF")
	}
	f.digits, f.extended = 0, 0
	if f.left > 0 {
		f.state = inChunk
	} else {
		f.state, f.trailer = inName, true
	}
	return nil
}
