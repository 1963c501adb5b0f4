package wire

// Token says whether c may stand in a token, such as a field's name (RFC 9110,
// section 5.6.2).
func Token(c byte) bool { return token[c] }

// Text says whether c is no control character.
func Text(c byte) bool { return c >= ' ' && c != 0x7f }

// allText says whether all of eight bytes are Text. Without a branch for each:
// below, the high bit of a byte is set when it is less than a blank, or is DEL,
// which is nothing but its difference from DEL being less than one. A borrow
// reaches the next byte only from one that is less, so it changes no answer.
func allText(eight uint64) bool {
	const (
		ones  = 0x0101010101010101
		highs = 0x80 * ones
	)
	fromDEL := eight ^ 0x7f*ones
	return ((eight-' '*ones)&^eight|(fromDEL-ones)&^fromDEL)&highs == 0
}

// Lower returns an ASCII letter in lower case and any other byte as it is.
func Lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// Equal compares ASCII without regard to case; small is in lower case.
// strings.EqualFold would take the Kelvin sign for a k.
func Equal[S []byte | string](s S, small string) bool {
	if len(s) != len(small) {
		return false
	}
	for i := range len(s) {
		if Lower(s[i]) != small[i] {
			return false
		}
	}
	return true
}

// Same compares ASCII without regard to case, whatever the case of either.
func Same(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range len(b) {
		if Lower(b[i]) != Lower(s[i]) {
			return false
		}
	}
	return true
}

// Listed says whether a comma-separated list names an element, in any case.
// Parameters after a semicolon do not count.
func Listed(list []byte, element string) bool {
	for len(list) > 0 {
		part := list
		list = nil
		for i, c := range part {
			if c == ',' {
				part, list = part[:i], part[i+1:]
				break
			}
		}
		for i, c := range part {
			if c == ';' {
				part = part[:i]
				break
			}
		}
		if Same(trim(part), element) {
			return true
		}
	}
	return false
}

func trim(b []byte) []byte {
	for len(b) > 0 && blank(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && blank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

var token = among("!#$%&'*+-.^_`|~", letters)

// pathByte are the bytes of a path that nobody escapes anew (RFC 3986, section
// 3.3), and the percent sign of those that are escaped.
var pathByte = among("-._~!$&'()*+,;=:@/%", letters)

// hostByte are the bytes of a name, an address and a port.
var hostByte = among("-._:[]", letters)

const letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

func among(sets ...string) (t [256]bool) {
	for _, set := range sets {
		for _, c := range []byte(set) {
			t[c] = true
		}
	}
	return t
}
