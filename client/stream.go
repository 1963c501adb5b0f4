package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/stagger-dev/stagger"
)

const (
	longestPause = 5 * time.Second
	silence      = 45 * time.Second // three heartbeats missed: the connection is dead
	maxLine      = 8 << 20          // bytes of one message
)

// Message is what a stream tells: an event that happened, or how a rollout does
// now.
type Message struct {
	// ID is the place of Event in the log of all rollouts; empty for Progress.
	ID       string
	Event    *stagger.Event
	Progress *stagger.Progress
}

// Stream calls f with each message of one rollout, or of all when rollout is
// empty, until f returns an error, which Stream returns, or ctx ends.
//
// lastID is the ID of the last message that is known; the stream goes on after
// it. When empty, the stream of one rollout begins with its first event and
// that of all with the next. A connection that breaks is made again, and no
// event is lost or told twice. Only the first connection must succeed.
func (c *Client) Stream(ctx context.Context, rollout, lastID string, f func(Message) error) error {
	s := stream{client: c, lastID: lastID, f: f, path: "/events"}
	if rollout != "" {
		s.path = "/rollouts/" + url.PathEscape(rollout) + "/events"
	}
	wait := firstPause
	for {
		s.heard = false
		err := s.follow(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if stop, ok := errors.AsType[*stopError](err); ok {
			return stop.cause
		}
		if s.final(err) {
			return err
		}
		if s.heard {
			wait = firstPause
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
		wait = min(2*wait, longestPause)
	}
}

// stopError carries the error of the caller's function out.
type stopError struct{ cause error }

func (e *stopError) Error() string { return e.cause.Error() }

// stream is a stream over all its connections.
type stream struct {
	client *Client
	path   string
	lastID string
	f      func(Message) error
	open   bool // it was connected once
	heard  bool // something came over this connection
}

// final says whether trying again is of no use.
func (s *stream) final(err error) bool {
	e, ok := errors.AsType[*stagger.Error](err)
	return ok && (e.Code != stagger.CodeUnavailable || !s.open)
}

// follow reads one connection until it ends.
func (s *stream) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	q := request{method: http.MethodGet, path: s.path, lastID: s.lastID}
	return s.client.exchange(ctx, q, func(response *http.Response) error {
		s.open = true
		alive := time.AfterFunc(silence, cancel)
		defer alive.Stop()
		return s.read(response.Body, func() { alive.Reset(silence) })
	})
}

// read takes messages apart as the HTML standard says.
func (s *stream) read(body io.Reader, heard func()) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, maxLine)
	var m raw
	for lines.Scan() {
		heard()
		s.heard = true
		if line := lines.Bytes(); len(line) > 0 {
			m.take(line)
			continue
		}
		if err := s.tell(m); err != nil {
			return err
		}
		m = raw{}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the stream: %w", err)
	}
	return io.EOF
}

// raw is a message as its lines have it.
type raw struct {
	id    string
	kind  string
	data  []byte
	hasID bool
}

func (m *raw) take(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "id":
		m.id, m.hasID = string(value), true
	case "event":
		m.kind = string(value)
	case "data":
		m.data = append(m.data, value...)
	}
}

// tell passes a whole message on. Messages of a kind it does not know are left
// out: a newer server may have more.
func (s *stream) tell(m raw) error {
	message := Message{}
	var err error
	switch {
	case m.kind == "event" && m.data != nil:
		message.ID = m.id
		err = json.Unmarshal(m.data, &message.Event)
	case m.kind == "progress" && m.data != nil:
		err = json.Unmarshal(m.data, &message.Progress)
	}
	if err != nil {
		return s.client.stranger("a message of its stream is no JSON as expected")
	}
	if message.Event != nil || message.Progress != nil {
		if err := s.f(message); err != nil {
			return &stopError{cause: err}
		}
	}
	if m.hasID {
		s.lastID = m.id
	}
	return nil
}
