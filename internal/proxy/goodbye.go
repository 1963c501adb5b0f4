package proxy

import (
	"io"
	"sync"
	"time"
)

// goodbye is the frame by which a server of HTTP/2 says that it takes no more
// requests (RFC 9113, section 6.8), with the highest number a stream can have: it
// refuses none of those that are on their way. net/http says it with the number
// it has seen last, and the client has to repeat what it sent meanwhile.
const goodbye = "\x00\x00\x08\x07\x00\x00\x00\x00\x00" + "\x7f\xff\xff\xff" + "\x00\x00\x00\x00"

// frames follows what is written on a connection of HTTP/2, so that the goodbye
// can be said between two frames.
type frames struct {
	to io.Writer

	mu     sync.Mutex // held while writing; guards the rest
	begun  bool       // the first frame has gone, as it must
	head   [9]byte    // of the frame that goes out
	got    int        // bytes of head
	left   int        // bytes of what follows it
	block  bool       // the fields of a message go on in the next frame
	wanted bool
	said   bool
}

// write writes p, and the goodbye when its time has come.
func (f *frames) write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.to.Write(p)
	f.follow(p[:n])
	if err == nil {
		err = f.say()
	}
	return n, err
}

// leave says the goodbye as soon as it can be said.
func (f *frames) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wanted = true
	_ = f.say() // a connection that fails is found out by who uses it
}

// say says the goodbye if it is wanted and may be said here.
func (f *frames) say() error {
	if !f.wanted || f.said || !f.begun || f.block || f.got > 0 || f.left > 0 {
		return nil
	}
	f.said = true
	_, err := io.WriteString(f.to, goodbye)
	return err
}

// The types and flags of frames that tell where a message's fields end.
const (
	frameHeaders      = 1
	framePush         = 5
	frameContinuation = 9
	flagEndHeaders    = 4
)

// follow goes through the frames in p.
func (f *frames) follow(p []byte) {
	for len(p) > 0 {
		if f.left > 0 {
			n := min(f.left, len(p))
			f.left -= n
			p = p[n:]
			continue
		}
		n := copy(f.head[f.got:], p)
		f.got += n
		p = p[n:]
		if f.got < len(f.head) {
			return
		}
		f.got, f.begun = 0, true
		f.left = int(f.head[0])<<16 | int(f.head[1])<<8 | int(f.head[2])
		switch f.head[3] {
		case frameHeaders, framePush, frameContinuation:
			f.block = f.head[4]&flagEndHeaders == 0
		}
	}
}

// streams are the connections of HTTP/2 of one listener.
type streams struct {
	mu      sync.Mutex
	known   map[*conn]*frames
	leaving bool
}

// add begins to follow the frames of a connection.
func (s *streams) add(c *conn) *frames {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &frames{to: c.Conn, wanted: s.leaving}
	if c.gone {
		return f
	}
	if s.known == nil {
		s.known = make(map[*conn]*frames)
	}
	s.known[c] = f
	return f
}

func (s *streams) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.gone = true
	delete(s.known, c)
}

// leave says goodbye on all connections, now and to come. One whose client
// takes nothing holds nobody up.
func (s *streams) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = true
	for c, f := range s.known {
		go func() {
			_ = c.SetWriteDeadline(time.Now().Add(writeTimeout))
			f.leave()
		}()
	}
}
