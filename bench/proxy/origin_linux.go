package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// origin answers with as many bytes as the path says, /1024, having read what
// it was sent. It knows no more of HTTP than the proxies in front of it need:
// heads of up to 16 KB and bodies of a stated length.
type origin struct {
	listener int
	poller   *poller
	visitors map[int]*visitor
	answers  map[string][]byte // by path
	last     map[string][]byte // the same, where the connection ends then
}

// visitor is one connection.
type visitor struct {
	fd      int
	in      [16 << 10]byte
	n       int    // bytes in it
	next    []byte // the answer to the request that is being read
	owed    int    // of its body, to be read and thrown away
	out     []byte // what could not be written yet
	closing bool
}

func serveOrigin(ctx context.Context, address string) error {
	runtime.LockOSThread()
	listener, err := listenAt(address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	p, err := newPoller()
	if err != nil {
		return err
	}
	o := &origin{
		listener: listener, poller: p, visitors: make(map[int]*visitor),
		answers: make(map[string][]byte), last: make(map[string][]byte),
	}
	for _, l := range loads {
		o.answers[l.path] = answerOf(l.path, "")
		o.last[l.path] = answerOf(l.path, "Connection: close\r\n")
	}
	if err := p.watch(listener, syscall.EPOLL_CTL_ADD, syscall.EPOLLIN); err != nil {
		return err
	}
	for ctx.Err() == nil {
		events, err := p.wait(-1)
		if err != nil {
			return err
		}
		for _, e := range events {
			if int(e.Fd) == listener {
				o.accept()
			} else if v := o.visitors[int(e.Fd)]; v != nil && !o.serve(v) {
				delete(o.visitors, v.fd)
				_ = syscall.Close(v.fd)
			}
		}
	}
	return nil
}

func answerOf(path, more string) []byte {
	n, err := strconv.Atoi(path[1:])
	if err != nil {
		return nil
	}
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nDate: %s\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n%s\r\n",
		time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"), n, more)
	return append([]byte(head), bytes.Repeat([]byte{'x'}, n)...)
}

func (o *origin) accept() {
	for range 64 {
		fd, _, err := syscall.Accept4(o.listener, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		if prompt(fd) != nil || o.poller.watch(fd, syscall.EPOLL_CTL_ADD, syscall.EPOLLIN) != nil {
			_ = syscall.Close(fd)
			continue
		}
		o.visitors[fd] = &visitor{fd: fd}
	}
}

// serve goes on with a visitor that can be read or written. It is false when
// the connection ends.
func (o *origin) serve(v *visitor) bool {
	if len(v.out) > 0 {
		return o.write(v, v.out) && o.answer(v)
	}
	n, err := syscall.Read(v.fd, v.in[v.n:])
	if err != nil {
		return errors.Is(err, syscall.EAGAIN)
	}
	v.n += n
	return n > 0 && o.answer(v)
}

// answer answers whatever is here whole.
func (o *origin) answer(v *visitor) bool {
	for v.n > 0 && len(v.out) == 0 {
		if v.next == nil {
			size := bytes.Index(v.in[:v.n], []byte("\r\n\r\n")) + 4
			if size < 4 {
				return v.n < len(v.in)
			}
			if !o.hear(v, v.in[:size]) {
				return false
			}
			v.drop(size)
		}
		taken := min(v.owed, v.n)
		v.owed -= taken
		v.drop(taken)
		if v.owed > 0 {
			return true
		}
		next := v.next
		v.next = nil
		if !o.write(v, next) {
			return false
		}
	}
	return true
}

func (v *visitor) drop(n int) { v.n = copy(v.in[:], v.in[n:v.n]) }

// hear reads a head: what is asked, how much is still to come, and whether it is
// the last. It is false for what this origin does not know.
func (o *origin) hear(v *visitor, head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte("\r\n"))
	_, rest, _ := bytes.Cut(line, []byte(" "))
	path, _, _ := bytes.Cut(rest, []byte(" "))
	v.next = o.answers[string(path)]
	if v.closing = bytes.Contains(head, []byte("onnection: close\r\n")); v.closing {
		v.next = o.last[string(path)]
	}
	v.owed = 0
	if line[0] == 'G' {
		return v.next != nil
	}
	for _, name := range [][]byte{[]byte("\r\nContent-Length: "), []byte("\r\ncontent-length: ")} {
		if _, rest, found := bytes.Cut(head, name); found {
			length, _, _ := bytes.Cut(rest, []byte("\r\n"))
			n, err := strconv.Atoi(string(length))
			v.owed = n
			return err == nil && v.next != nil
		}
	}
	return false
}

// write sends an answer, and what the client does not take now when it can. It
// is false when the connection ends.
func (o *origin) write(v *visitor, answer []byte) bool {
	waited := len(v.out) > 0
	n, err := syscall.Write(v.fd, answer)
	if err != nil && !errors.Is(err, syscall.EAGAIN) {
		return false
	}
	v.out = answer[max(n, 0):]
	switch waits := len(v.out) > 0; {
	case waits && !waited:
		return o.poller.watch(v.fd, syscall.EPOLL_CTL_MOD, syscall.EPOLLOUT) == nil
	case waited && !waits && o.poller.watch(v.fd, syscall.EPOLL_CTL_MOD, syscall.EPOLLIN) != nil:
		return false
	case !waits:
		return !v.closing
	}
	return true
}
