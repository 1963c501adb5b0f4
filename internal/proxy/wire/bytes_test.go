package wire

import "testing"

func TestEightBytesAreTextWhenEachIs(t *testing.T) {
	for place := range 8 {
		for c := range 256 {
			// Beside bytes that are as near to what is no text as text can be.
			for _, beside := range []byte{' ', '~', 0x80, 0xff} {
				eight := uint64(0)
				for i := range 8 {
					b := beside
					if i == place {
						b = byte(c)
					}
					eight |= uint64(b) << (8 * i)
				}
				if got := allText(eight); got != Text(byte(c)) {
					t.Fatalf("byte %#x at %d beside %#x: all are text is %t", c, place, beside, got)
				}
			}
		}
	}
}

// TestALineEndsAtItsFirstControlCharacter wherever that stands, as bytes are
// taken eight at a time.
func TestALineEndsAtItsFirstControlCharacter(t *testing.T) {
	for before := range 20 {
		for after := range 20 {
			line := make([]byte, 0, 64)
			for range before {
				line = append(line, 'a')
			}
			line = append(line, '\t')
			for range after {
				line = append(line, 'b')
			}
			at := len(line)
			for what, rest := range map[string]bool{"\r\n": true, "\r\nnext: line\r\n": true, "\r": false, "\n": false, "\x00\r\n": false, "\x7f\r\n": false, "\rabcdefgh\r\n": false, "": false} {
				if end, ok := lineEnd(append(line, what...), 0); end != at || ok != rest {
					t.Fatalf("%d and %d bytes and %q: the end is %d, %t", before, after, what, end, ok)
				}
			}
		}
	}
}
