// Package wire reads the heads and chunks of HTTP/1.1 (RFC 9112) out of bytes
// that are there already. It knows no connection and allocates nothing: what it
// finds are places in the buffer it was given.
//
// It does not mend. A request that leaves anything to be interpreted is
// Unusual, and its reader leaves it to somebody more patient.
package wire

// Progress is how far reading came.
type Progress uint8

// What reading may come to.
const (
	Incomplete Progress = iota // so far nothing is wrong, and the end is not here yet
	Complete
	Unusual // malformed, or well-formed and not for this package
)

// Span is a place in a buffer: the bytes from From up to, not including, To.
type Span struct{ From, To int }

// Of returns the bytes of b at s.
func (s Span) Of(b []byte) []byte { return b[s.From:s.To] }

// Field is one field line: Line spans it with its CR LF, Value is without the
// blanks around it.
type Field struct{ Name, Value, Line Span }
