package wire

// escape returns the byte that the escape at the beginning of b stands for.
func escape(b []byte) (c byte, ok bool) {
	if len(b) < 3 || b[0] != '%' {
		return 0, false
	}
	high, ok1 := digit(b[1])
	low, ok2 := digit(b[2])
	return byte(high<<4 | low), ok1 && ok2
}

// digit returns the value of a hexadecimal digit.
func digit(c byte) (n int64, ok bool) {
	switch {
	case '0' <= c && c <= '9':
		return int64(c - '0'), true
	case 'a' <= c && c <= 'f':
		return int64(c-'a') + 10, true
	case 'A' <= c && c <= 'F':
		return int64(c-'A') + 10, true
	}
	return 0, false
}

// AppendPath appends a path that Parse took with its escapes undone, which is
// what routes are compared with.
func AppendPath(to, path []byte) []byte {
	for i := 0; i < len(path); i++ {
		c := path[i]
		if e, ok := escape(path[i:]); ok {
			c = e
			i += 2
		}
		to = append(to, c)
	}
	return to
}
