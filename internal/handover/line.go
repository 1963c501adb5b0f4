package handover

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"time"

	"github.com/stagger-dev/stagger"
)

// word is what is said over the line.
type word string

const (
	prepared word = "prepared"
	yours    word = "yours"
	ready    word = "ready"
	failed   word = "failed"
	split    word = "split"
	done     word = "done"
)

// message is one word and what goes with it.
type message struct {
	Word   word            `json:"word"`
	Splits []stagger.Split `json:"splits,omitempty"`
	Error  string          `json:"error,omitempty"`
}

// line is how the two talk. One side uses it at a time.
type line struct {
	conn net.Conn
	in   *json.Decoder
	out  *json.Encoder
}

func newLine(c net.Conn) *line { return &line{c, json.NewDecoder(c), json.NewEncoder(c)} }

func (l *line) say(m message) error {
	_ = l.conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
	if err := l.out.Encode(m); err != nil {
		return fmt.Errorf("say %s: %w", m.Word, err)
	}
	return nil
}

// hear waits for a message until ctx ends.
func (l *line) hear(ctx context.Context) (message, error) {
	stop := context.AfterFunc(ctx, func() { _ = l.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() {
			_ = l.conn.SetReadDeadline(time.Time{})
		}
	}()
	var m message
	if err := l.in.Decode(&m); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return m, fmt.Errorf("hear the other process: %w", err)
	}
	return m, nil
}

// expect waits for one word.
func (l *line) expect(ctx context.Context, w word) (message, error) {
	m, err := l.hear(ctx)
	if err == nil && m.Word != w {
		err = unexpected(m, w)
	}
	return m, err
}

func unexpected(m message, want word) error {
	if m.Word == failed {
		return fmt.Errorf("the other process says: %s", m.Error)
	}
	return fmt.Errorf("the other process says %q instead of %q", m.Word, want)
}
