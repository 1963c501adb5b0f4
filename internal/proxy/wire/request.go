package wire

// Request is the head of a plain request: HTTP/1.1, a target that is a path,
// exactly one Host, framed by nothing, one Content-Length or chunks, and without
// a wish that changes how the connection is used (Upgrade, Expect, trailers).
// It is reused: Parse begins anew.
type Request struct {
	Method, Target Span
	Path           Span // of Target, without the query
	Host           Span
	Fields         []Field
	Size           int // of the head, the empty line included

	Length  int64 // of the body; -1 without Content-Length
	Chunked bool
	Close   bool // the client wants the connection closed after the answer
	Listing bool // a field Connection names other fields
	Escaped bool // the path has escapes
}

// Parse reads the request at the beginning of b.
func (r *Request) Parse(b []byte) Progress {
	*r = Request{Fields: r.Fields[:0], Length: -1}
	at, ok := r.line(b)
	for ok && !endsAt(b, at) {
		var f Field
		if f, ok = fieldAt(b, at); ok {
			at = f.Line.To
			ok = len(r.Fields) < maxFields && r.take(b, f)
		}
	}
	if !ok {
		return unread(b)
	}
	if r.Host.To == r.Host.From || r.Chunked && r.Length >= 0 {
		return Unusual
	}
	r.Size = at + 2
	return Complete
}

// line reads the request line and returns where the fields begin.
func (r *Request) line(b []byte) (next int, ok bool) {
	i := 0
	for i < len(b) && token[b[i]] {
		i++
	}
	r.Method = Span{0, i}
	if i == 0 || i+1 >= len(b) || b[i] != ' ' || b[i+1] != '/' {
		return 0, false
	}
	i++
	r.Target.From, r.Path.From = i, i
	if i, ok = r.path(b, i); !ok {
		return 0, false
	}
	r.Path.To = i
	if i < len(b) && b[i] == '?' {
		for i < len(b) && b[i] > ' ' && b[i] < 0x7f && b[i] != '#' {
			i++
		}
	}
	r.Target.To = i
	const version = " HTTP/1.1\r\n"
	if len(b)-i < len(version) || string(b[i:i+len(version)]) != version {
		return 0, false
	}
	return i + len(version), string(r.Method.Of(b)) != "CONNECT"
}

// path returns where the path that begins at i ends. Escapes are well-formed.
func (r *Request) path(b []byte, i int) (end int, ok bool) {
	for i < len(b) && pathByte[b[i]] {
		if b[i] == '%' {
			r.Escaped = true
			if _, ok := escape(b[i:]); !ok {
				return 0, false
			}
		}
		i++
	}
	return i, true
}

// take looks at one field and keeps it.
func (r *Request) take(b []byte, f Field) bool {
	r.Fields = append(r.Fields, f)
	value := f.Value.Of(b)
	// By the length of the name: most names are none of these.
	switch name := f.Name.Of(b); f.Name.To - f.Name.From {
	case 2:
		return !Equal(name, "te")
	case 4:
		return !Equal(name, "host") || r.takeHost(b, f)
	case 6:
		return !Equal(name, "expect")
	case 7:
		return !Equal(name, "upgrade") && !Equal(name, "trailer")
	case 10:
		return !Equal(name, "connection") || r.takeConnection(value)
	case 12:
		return !Equal(name, "content-type") || !isGRPC(value)
	case 14:
		return !Equal(name, "content-length") || r.takeLength(value)
	case 17:
		return !Equal(name, "transfer-encoding") || r.takeCoding(value)
	}
	return true
}

func (r *Request) takeHost(b []byte, f Field) bool {
	if r.Host.To > 0 {
		return false
	}
	r.Host = f.Value
	for _, c := range f.Value.Of(b) {
		if !hostByte[c] {
			return false
		}
	}
	return true
}

func (r *Request) takeConnection(value []byte) bool {
	switch {
	case Equal(value, "keep-alive"):
	case Listed(value, "upgrade"):
		return false
	default:
		r.Close = r.Close || Listed(value, "close")
		r.Listing = true
	}
	return true
}

func (r *Request) takeLength(value []byte) bool {
	n, ok := number(value)
	if !ok || r.Length >= 0 {
		return false
	}
	r.Length = n
	return true
}

func (r *Request) takeCoding(value []byte) bool {
	if r.Chunked || !Equal(value, "chunked") {
		return false
	}
	r.Chunked = true
	return true
}

// isGRPC says whether a content type is one of gRPC, whose outcome is told by
// trailers.
func isGRPC(value []byte) bool {
	const kind = "application/grpc"
	return len(value) >= len(kind) && Equal(value[:len(kind)], kind)
}
