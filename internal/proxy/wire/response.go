package wire

// Response is the head of an answer. It is reused: Parse begins anew.
type Response struct {
	Reason Span // what the status line says after the version: code and phrase
	Fields []Field
	Size   int // of the head, the empty line included
	Status int

	Length  int64 // of the body; -1 without Content-Length
	Chunked bool  // then Length does not count (RFC 9112, section 6.3)
	Close   bool  // the upstream closes the connection after the answer
	Listing bool  // a field Connection names other fields
}

// Parse reads the answer at the beginning of b. An answer that two readers
// could frame differently is Unusual: lengths that differ, another coding than
// chunked, lines that do not end in CR LF.
func (r *Response) Parse(b []byte) Progress {
	const version = "HTTP/1."
	if n := min(len(b), len(version)); string(b[:n]) != version[:n] {
		return Unusual
	}
	*r = Response{Fields: r.Fields[:0], Length: -1}
	at, ok := r.line(b)
	for ok && !endsAt(b, at) {
		var f Field
		if f, ok = fieldAt(b, at); ok {
			at = f.Line.To
			ok = len(r.Fields) < maxFields*4 && r.take(b, f)
		}
	}
	if !ok {
		return unread(b)
	}
	r.Size = at + 2
	return Complete
}

// line reads the status line and returns where the fields begin.
func (r *Response) line(b []byte) (next int, ok bool) {
	const code = len("HTTP/1.1 ")
	end, ok := lineEnd(b, 0)
	if !ok || end < code+3 || b[7] != '1' && b[7] != '0' || b[8] != ' ' || end > code+3 && b[code+3] != ' ' {
		return 0, false
	}
	r.Close = b[7] == '0' // HTTP/1.0 may offer to keep it; nobody has to accept
	r.Reason = Span{code, end}
	for _, c := range b[code : code+3] {
		if c < '0' || c > '9' {
			return 0, false
		}
		r.Status = r.Status*10 + int(c-'0')
	}
	return end + 2, r.Status >= 100
}

// take looks at one field and keeps it.
func (r *Response) take(b []byte, f Field) bool {
	value := f.Value.Of(b)
	switch name := f.Name.Of(b); f.Name.To - f.Name.From {
	case 10:
		if Equal(name, "connection") && !Equal(value, "keep-alive") {
			r.Close = r.Close || Listed(value, "close")
			r.Listing = true
		}
	case 14:
		if Equal(name, "content-length") {
			return r.takeLength(value, f)
		}
	case 17:
		if Equal(name, "transfer-encoding") {
			if r.Chunked || !Equal(value, "chunked") {
				return false
			}
			r.Chunked = true
		}
	}
	r.Fields = append(r.Fields, f)
	return true
}

// takeLength keeps a length, unless it says again what was said: that is passed
// on once.
func (r *Response) takeLength(value []byte, f Field) bool {
	n, ok := number(value)
	if !ok || r.Length >= 0 {
		return ok && n == r.Length
	}
	r.Length = n
	r.Fields = append(r.Fields, f)
	return true
}

// Bodiless says whether an answer with this status never has a body.
func Bodiless(status int) bool { return status < 200 || status == 204 || status == 304 }
