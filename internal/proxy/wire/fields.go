package wire

import (
	"bytes"
	"encoding/binary"
)

// maxFields bounds the fields of one head. More is no reason to refuse, but
// none to hurry either.
const maxFields = 128

// maxDigits bounds a length, so that it fits an int64.
const maxDigits = 18

// unread says what becomes of a head that did not read to its end: if the end is
// there, something before it is not in order.
func unread(b []byte) Progress {
	if bytes.Contains(b, []byte("\r\n\r\n")) {
		return Unusual
	}
	return Incomplete
}

// endsAt says whether the empty line that ends a head stands at i.
func endsAt(b []byte, i int) bool { return i+1 < len(b) && b[i] == '\r' && b[i+1] == '\n' }

// lineEnd returns where the line that begins at from ends, without CR LF. What
// it passes is text and tabs: a CR or a LF alone is no end and not in order.
func lineEnd(b []byte, from int) (int, bool) {
	i := from
	for i+8 <= len(b) && allText(binary.LittleEndian.Uint64(b[i:])) {
		i += 8
	}
	for i < len(b) && (Text(b[i]) || b[i] == '\t') {
		i++
	}
	return i, endsAt(b, i)
}

// fieldAt reads the field line that begins at from. A line that is folded
// begins with a blank, which is no token, so it has no name.
func fieldAt(b []byte, from int) (f Field, ok bool) {
	i := from
	for i < len(b) && token[b[i]] {
		i++
	}
	if i == from || i == len(b) || b[i] != ':' {
		return f, false
	}
	f.Name = Span{from, i}
	end, ok := lineEnd(b, i+1)
	if !ok {
		return f, false
	}
	f.Line = Span{from, end + 2}
	f.Value = Span{i + 1, end}
	for f.Value.From < f.Value.To && blank(b[f.Value.From]) {
		f.Value.From++
	}
	for f.Value.To > f.Value.From && blank(b[f.Value.To-1]) {
		f.Value.To--
	}
	return f, true
}

// number reads a Content-Length: digits and nothing else.
func number(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > maxDigits {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
