package load

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/stagger-dev/stagger/internal/scenario"
)

// plain makes ordinary HTTP/1.1 requests over connections of its own: one
// goroutine, one write and one read for each. The transport of net/http hands
// every request through two more goroutines, which costs as much again; what is
// not ordinary still goes through that.
type plain struct {
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	timeout time.Duration

	mu     sync.Mutex
	idle   map[string][]*line // by address, the last used last
	open   map[*line]struct{}
	closed bool
}

// line is a connection. It belongs to one request at a time.
type line struct {
	net.Conn

	in    *bufio.Reader
	out   []byte
	since time.Time // that it is idle
}

// stale is how long a connection may have been idle for a request that must not
// be sent twice: the target may close it just then.
const stale = 2 * time.Second

// take returns a connection, and whether it was used before.
func (p *plain) take(ctx context.Context, address string, fresh bool) (l *line, used bool, err error) {
	if !fresh {
		if l := p.idleOf(address); l != nil {
			return l, true, nil
		}
	}
	conn, err := p.dial(ctx, "tcp", address)
	if err != nil {
		return nil, false, err
	}
	l = &line{Conn: conn, in: bufio.NewReaderSize(conn, 4<<10)}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = conn.Close()
		return nil, false, net.ErrClosed
	}
	p.open[l] = struct{}{}
	return l, false, nil
}

func (p *plain) idleOf(address string) *line {
	p.mu.Lock()
	defer p.mu.Unlock()
	lines := p.idle[address]
	if len(lines) == 0 {
		return nil
	}
	l := lines[len(lines)-1]
	p.idle[address] = lines[:len(lines)-1]
	return l
}

func (p *plain) give(address string, l *line) {
	l.since = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle[address] = append(p.idle[address], l)
}

func (p *plain) drop(l *line) {
	_ = l.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, l)
}

// cut ends every request under way, and everything that is open.
func (p *plain) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for l := range p.open {
		_ = l.Close()
	}
}

// send makes a request and returns its answer with the connection it comes over;
// the caller reads the body and then gives or drops that.
func (p *plain) send(ctx context.Context, q *planned, v scenario.Values, target *url.URL) (*http.Response, *line, error) {
	address, until := addressOf(target), time.Now().Add(p.timeout)
	for fresh := false; ; fresh = true {
		l, used, err := p.take(ctx, address, fresh)
		if err != nil {
			return nil, nil, err
		}
		if used && !q.repeatable && time.Since(l.since) > stale {
			p.drop(l)
			continue
		}
		_ = l.SetDeadline(until)
		response, begun, err := l.exchange(q, v, target)
		if err == nil {
			return response, l, nil
		}
		p.drop(l)
		if !used || begun || !q.repeatable || isTimeout(err) {
			return nil, nil, err
		}
	}
}

// exchange writes a request and reads the head of its answer. It has begun when
// something of that came.
func (l *line) exchange(q *planned, v scenario.Values, target *url.URL) (response *http.Response, begun bool, err error) {
	l.out = q.append(l.out[:0], v, target)
	_, failed := l.Write(l.out)
	if cap(l.out) > 64<<10 {
		l.out = nil
	}
	if _, err := l.in.Peek(1); err != nil {
		// A target that answers without reading all may break the writing off.
		return nil, false, errors.Join(failed, err)
	}
	for {
		response, err = http.ReadResponse(l.in, q.asked)
		if err != nil || response.StatusCode >= 200 || response.StatusCode == http.StatusSwitchingProtocols {
			return response, true, err
		}
	}
}

// append writes the request as it goes over the wire.
func (p *planned) append(b []byte, v scenario.Values, target *url.URL) []byte {
	b = append(append(b, p.method...), ' ')
	b = append(append(b, p.path.Fill(v)...), " HTTP/1.1\r\nHost: "...)
	header, host := p.header, p.host
	if header == nil {
		header = p.fill(v)
		host = header.Get("Host")
	}
	if host == "" {
		host = target.Host
	}
	b = append(append(b, host...), "\r\n"...)
	if p.lines != nil {
		b = append(b, p.lines...)
	} else {
		b = appendHeader(b, header)
	}
	body := p.body.Fill(v)
	if body != "" || p.wantsLength {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, int64(len(body)), 10)
		b = append(b, "\r\n"...)
	}
	return append(append(b, "\r\n"...), body...)
}

// appendHeader writes fields, but for those that the request itself says.
func appendHeader(b []byte, h http.Header) []byte {
	for name, values := range h {
		if name == "Host" || name == "Content-Length" || name == "Transfer-Encoding" {
			continue
		}
		for _, value := range values {
			b = append(append(b, name...), ": "...)
			b = append(append(b, value...), "\r\n"...)
		}
	}
	return b
}

// finish reads what is left of an answer and keeps the connection if that can
// be used again.
func (p *plain) finish(l *line, target *url.URL, r *http.Response, text string) (found bool, err error) {
	found, err = look(r.Body, text)
	if err != nil || r.Close || l.in.Buffered() > 0 || r.StatusCode == http.StatusSwitchingProtocols {
		p.drop(l)
		return found, err
	}
	p.give(addressOf(target), l)
	return found, nil
}

// addressOf returns host:port.
func addressOf(target *url.URL) string {
	if target.Port() != "" {
		return target.Host
	}
	return net.JoinHostPort(target.Hostname(), "80")
}
