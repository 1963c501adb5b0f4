package wire

// The bounds of what is between chunks.
const (
	maxExtension = 256      // bytes of one chunk's extension
	maxTrailer   = 64 << 10 // bytes of the trailer
	maxSize      = 15       // digits of a chunk's size
)

// Chunks follows a chunked body (RFC 9112, section 7.1) that is passed on as it
// is. The zero value is at its beginning. It keeps a few words of state, so
// bytes may come in any pieces.
//
// Invariant: whatever Feed has counted is a prefix of a well-formed body, and
// Done is true exactly when it is all of it.
type Chunks struct {
	state   chunkState
	left    int64 // of the chunk
	digits  int
	counted int  // bytes of the extension, or of the trailer
	named   bool // the trailer line has a name
}

type chunkState uint8

const (
	atSize chunkState = iota
	inExtension
	atSizeLF
	inData
	atDataCR
	atDataLF
	atTrailer
	inTrailer
	atTrailerLF
	atLastLF
	done
)

// Done says whether the body has ended.
func (c *Chunks) Done() bool { return c.state == done }

// Feed takes bytes and returns how many belong to the body and are in order.
// It is not ok when the next byte is wrong; the body cannot be completed then.
func (c *Chunks) Feed(p []byte) (n int, ok bool) {
	for n < len(p) && c.state != done {
		if c.state == inData {
			k := min(c.left, int64(len(p)-n))
			n += int(k)
			if c.left -= k; c.left == 0 {
				c.state = atDataCR
			}
			continue
		}
		if !c.step(p[n]) {
			return n, false
		}
		n++
	}
	return n, true
}

func (c *Chunks) step(b byte) bool {
	switch c.state {
	case atSize:
		return c.size(b)
	case inExtension:
		return c.extension(b)
	case atSizeLF:
		return b == '\n' && c.begin()
	case atDataCR:
		return c.expect(b, '\r', atDataLF)
	case atDataLF:
		return c.expect(b, '\n', atSize)
	case atTrailer, inTrailer:
		return c.trailer(b)
	case atTrailerLF:
		return c.expect(b, '\n', atTrailer)
	case atLastLF:
		return c.expect(b, '\n', done)
	case inData, done:
	}
	return false
}

func (c *Chunks) expect(b, want byte, next chunkState) bool {
	c.state = next
	return b == want
}

func (c *Chunks) size(b byte) bool {
	if n, ok := digit(b); ok {
		c.left = c.left<<4 | n
		c.digits++
		return c.digits <= maxSize
	}
	switch {
	case c.digits == 0:
		return false
	case b == '\r':
		c.state = atSizeLF
	case b == ';':
		c.state = inExtension
	default:
		return false
	}
	return true
}

func (c *Chunks) extension(b byte) bool {
	if b == '\r' {
		c.state = atSizeLF
		return true
	}
	c.counted++
	return (Text(b) || b == '\t') && c.counted <= maxExtension
}

// begin is after the line with the size.
func (c *Chunks) begin() bool {
	c.digits, c.counted = 0, 0
	if c.state = inData; c.left == 0 {
		c.state = atTrailer
	}
	return true
}

// trailer takes fields up to the empty line.
func (c *Chunks) trailer(b byte) bool {
	if c.counted++; c.counted > maxTrailer {
		return false
	}
	switch {
	case c.state == atTrailer && b == '\r':
		c.state = atLastLF
		return true
	case c.state == atTrailer:
		c.state, c.named = inTrailer, false
		return token[b]
	case !c.named:
		c.named = b == ':'
		return c.named || token[b]
	case b == '\r':
		c.state = atTrailerLF
		return true
	}
	return Text(b) || b == '\t'
}
