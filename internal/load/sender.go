package load

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/stagger-dev/stagger/internal/scenario"
)

// sender makes requests over connections that it keeps open.
type sender struct {
	targets   []*url.URL
	transport *http.Transport
	plain     *plain // nil where everything goes through the transport
	dialer    *net.Dialer
	timeout   time.Duration
	version   string // the answer's header that names the version
}

// errRemote is a connection that would have left this machine.
var errRemote = errors.New("the target is not this machine")

func newSender(ctx context.Context, j Job, s scenario.Scenario) (*sender, error) {
	out := &sender{timeout: s.Timeout, version: http.CanonicalHeaderKey(s.Version)}
	for _, target := range s.Targets {
		u, err := url.Parse(target)
		if err != nil {
			return nil, fmt.Errorf("load: %w", err)
		}
		if !j.Remote {
			if err := isHere(ctx, u.Hostname()); err != nil {
				return nil, err
			}
		}
		out.targets = append(out.targets, u)
	}
	out.dialer = &net.Dialer{Timeout: s.Timeout}
	if !j.Remote {
		// A name may mean something else by now.
		out.dialer.Control = func(_, address string, _ syscall.RawConn) error {
			if at, err := netip.ParseAddrPort(address); err != nil || !at.Addr().Unmap().IsLoopback() {
				return errRemote
			}
			return nil
		}
	}
	out.transport = &http.Transport{
		DialContext:         out.dialer.DialContext,
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: j.Insecure}, //nolint:gosec // asked for, for certificates of one's own
		MaxIdleConns:        s.InFlight,
		MaxIdleConnsPerHost: s.InFlight,
		MaxConnsPerHost:     s.InFlight,
		IdleConnTimeout:     time.Minute,
		TLSHandshakeTimeout: s.Timeout,
		DisableCompression:  true,
		WriteBufferSize:     4 << 10,
		ReadBufferSize:      8 << 10,
		Protocols:           new(http.Protocols),
	}
	if j.dial != nil {
		out.transport.DialContext = j.dial
	}
	if !s.HTTP2 {
		out.plain = &plain{
			dial: out.transport.DialContext, timeout: s.Timeout, idle: make(map[string][]*line), open: make(map[*line]struct{}),
		}
	}
	out.transport.Protocols.SetHTTP1(!s.HTTP2)
	out.transport.Protocols.SetHTTP2(s.HTTP2)
	out.transport.Protocols.SetUnencryptedHTTP2(s.HTTP2)
	return out, nil
}

// isHere says whether a host is this machine and nothing else.
func isHere(ctx context.Context, host string) error {
	if address, err := netip.ParseAddr(host); err == nil {
		if address.Unmap().IsLoopback() {
			return nil
		}
		return fmt.Errorf("%s: %w", host, errRemote)
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	for _, address := range addresses {
		if !address.Unmap().IsLoopback() {
			return fmt.Errorf("%s: %w", host, errRemote)
		}
	}
	return nil
}

// IsRemote says whether a job was refused as its target is not this machine.
func IsRemote(err error) bool { return errors.Is(err, errRemote) }

func (s *sender) close() {
	s.transport.CloseIdleConnections()
	if s.plain != nil {
		s.plain.cut()
	}
}

// planned is a request as far as it can be made beforehand.
type planned struct {
	method string
	host   string // "" for the target's
	path   scenario.Template
	body   scenario.Template
	header http.Header // nil if values are filled in
	fields []scenario.Field
	agent  string
	expect scenario.Expect
	manner scenario.Manner

	// For plain: the header as it is written, if it is always the same, whether a
	// body of nothing has its length told, whether the request may be sent twice,
	// and what http.ReadResponse must know of it.
	lines       []byte
	wantsLength bool
	repeatable  bool
	asked       *http.Request
}

func plan(r scenario.Request, agent string) planned {
	p := planned{method: r.Method, path: r.Path, body: r.Body, fields: r.Header, agent: agent, expect: r.Expect, manner: r.Manner}
	if p.method == "" {
		p.method = http.MethodGet
	}
	first, second := p.fill(scenario.Values{}), p.fill(scenario.Values{User: 1, Number: 1, Random: 1})
	if same(first, second) {
		p.header, p.host = first, first.Get("Host") // nobody changes it, so all requests share it
	}
	p.know()
	return p
}

// know fills in what plain must know.
func (p *planned) know() {
	if p.header != nil {
		p.lines = appendHeader(nil, p.header)
	}
	switch p.method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		p.wantsLength = true
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		p.repeatable = true
	}
	p.asked = &http.Request{Method: p.method}
}

func same(a, b http.Header) bool {
	for name, values := range a {
		for i, value := range values {
			if b[name][i] != value {
				return false
			}
		}
	}
	return true
}

// fill makes the header.
func (p *planned) fill(v scenario.Values) http.Header {
	h := make(http.Header, len(p.fields)+1)
	h["User-Agent"] = []string{p.agent}
	for _, f := range p.fields {
		name := http.CanonicalHeaderKey(f.Name)
		if name == "User-Agent" {
			delete(h, name)
		}
		h[name] = append(h[name], f.Value.Fill(v))
	}
	if cookies := h["Cookie"]; len(cookies) > 1 {
		h["Cookie"] = []string{strings.Join(cookies, "; ")}
	}
	return h
}

// result is what became of a request.
type result struct {
	status  int    // 0 without an answer
	version string // that answered
	failure string // "" for none
	cut     bool   // the run ended first: it says nothing
}

// send makes a request and reads its answer to the end.
func (s *sender) send(ctx context.Context, p *planned, v scenario.Values, target int) result {
	if s.plain != nil && p.manner == (scenario.Manner{}) && s.targets[target].Scheme == "http" {
		return s.sendPlain(ctx, p, v, s.targets[target])
	}
	within, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	request := s.request(p, v, s.targets[target]).WithContext(within)
	var response *http.Response
	var err error
	if p.manner.HTTP10 && request.URL.Scheme == "http" {
		response, err = s.sendOld(within, request)
	} else {
		response, err = s.transport.RoundTrip(request)
	}
	if err != nil {
		return result{failure: blame(err), cut: ctx.Err() != nil}
	}
	r := result{status: response.StatusCode}
	if s.version != "" {
		r.version = response.Header.Get(s.version)
	}
	if p.manner.Leave {
		cancel()
		_ = response.Body.Close()
		r.failure = unexpected(p.expect, r.status)
		return r
	}
	found, err := look(response.Body, p.expect.Contains)
	_ = response.Body.Close() // it was read
	switch {
	case err != nil:
		return result{failure: blame(err), cut: ctx.Err() != nil, version: r.version}
	case !found:
		r.failure = "body"
	}
	if wrong := unexpected(p.expect, r.status); wrong != "" {
		r.failure = wrong
	}
	return r
}

// sendPlain is send over plain.
func (s *sender) sendPlain(ctx context.Context, p *planned, v scenario.Values, target *url.URL) result {
	response, line, err := s.plain.send(ctx, p, v, target) //nolint:bodyclose // it is read, and what it comes over is kept or closed
	if err != nil {
		return result{failure: blame(err), cut: ctx.Err() != nil}
	}
	r := result{status: response.StatusCode}
	if s.version != "" {
		r.version = response.Header.Get(s.version)
	}
	found, err := s.plain.finish(line, target, response, p.expect.Contains)
	switch {
	case err != nil:
		return result{failure: blame(err), cut: ctx.Err() != nil, version: r.version}
	case !found:
		r.failure = "body"
	}
	if wrong := unexpected(p.expect, r.status); wrong != "" {
		r.failure = wrong
	}
	return r
}

func unexpected(e scenario.Expect, status int) string {
	if e.Takes(status) {
		return ""
	}
	return fmt.Sprintf("status %d", status)
}

// buffers are what bodies are read into.
var buffers = sync.Pool{New: func() any { return new([scenario.MaxLook]byte) }}

// look reads a body to its end, and says whether it holds a text.
func look(body io.Reader, text string) (found bool, err error) {
	if body == http.NoBody {
		return text == "", nil
	}
	buffer, _ := buffers.Get().(*[scenario.MaxLook]byte)
	defer buffers.Put(buffer)
	n, err := io.ReadFull(body, buffer[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, err
	}
	found = text == "" || strings.Contains(string(buffer[:n]), text)
	if err == nil { // it is longer
		_, err = io.CopyBuffer(discard{}, body, buffer[:])
		return found, err
	}
	// ReadFull cannot tell an end from a break; another read can.
	if _, err := body.Read(buffer[:1]); err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return found, nil
}

// discard takes everything; io.Discard would read by itself, without the buffer.
type discard struct{}

// Write implements io.Writer.
func (discard) Write(p []byte) (int, error) { return len(p), nil }

// request makes the request as net/http wants it.
func (s *sender) request(p *planned, v scenario.Values, target *url.URL) *http.Request {
	path := p.path.Fill(v)
	u := &url.URL{Scheme: target.Scheme, Host: target.Host, Opaque: path}
	if strings.HasPrefix(path, "//") {
		// As an opaque one it would be taken for a host.
		u.Opaque = ""
		u.RawPath, u.RawQuery, _ = strings.Cut(path, "?")
		u.Path = u.RawPath
		if plain, err := url.PathUnescape(u.RawPath); err == nil {
			u.Path = plain
		}
	}
	header, host := p.header, p.host
	if header == nil {
		header = p.fill(v)
		host = header.Get("Host")
	}
	r := &http.Request{
		Method: p.method, URL: u, Header: header, Host: host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if body := p.body.Fill(v); body != "" {
		r.ContentLength = int64(len(body))
		r.Body = io.NopCloser(strings.NewReader(body))
		if p.manner.Slow > 0 {
			r.Body = &slow{rest: body, pause: p.manner.Slow / slowPieces, piece: max(len(body)/slowPieces, 1)}
		}
		if p.manner.Chunks {
			r.ContentLength = -1
		}
	}
	return r
}

// sendOld speaks HTTP/1.0, which ends with the connection.
func (s *sender) sendOld(ctx context.Context, r *http.Request) (*http.Response, error) {
	address := r.URL.Host
	if r.URL.Port() == "" {
		address = net.JoinHostPort(r.URL.Hostname(), "80")
	}
	conn, err := s.dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	text := fmt.Sprintf("%s %s HTTP/1.0\r\nHost: %s\r\n", r.Method, r.URL.RequestURI(), r.URL.Host)
	if _, err = io.WriteString(conn, text); err == nil {
		if err = r.Header.Write(conn); err == nil {
			_, err = io.WriteString(conn, "\r\n")
		}
	}
	var response *http.Response
	if err == nil {
		response, err = http.ReadResponse(bufio.NewReader(conn), r)
	}
	if err != nil {
		stop()
		_ = conn.Close()
		return nil, err
	}
	response.Body = &lastBody{ReadCloser: response.Body, conn: conn, stop: stop}
	return response, nil
}

// lastBody ends its connection.
type lastBody struct {
	io.ReadCloser

	conn net.Conn
	stop func() bool
}

// Close implements io.Closer.
func (b *lastBody) Close() error {
	b.stop()
	_ = b.ReadCloser.Close()
	return b.conn.Close()
}

// slowPieces is in how many pieces a slow body comes.
const slowPieces = 20

// slow is a body that takes its time.
type slow struct {
	rest  string
	pause time.Duration
	piece int
}

// Read implements io.Reader.
func (b *slow) Read(p []byte) (int, error) {
	if b.rest == "" {
		return 0, io.EOF
	}
	time.Sleep(b.pause)
	n := copy(p, b.rest[:min(b.piece, len(b.rest))])
	b.rest = b.rest[n:]
	return n, nil
}

// Close implements io.Closer.
func (*slow) Close() error { return nil }
