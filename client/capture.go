package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/stagger-dev/stagger"
)

// Capture says what of a service's requests is to be captured. What is zero
// takes the server's default.
type Capture struct {
	Share    float64       `json:"share"`              // of requests, more than 0 and at most 1
	Users    bool          `json:"users,omitempty"`    // choose users, and keep all of theirs
	For      time.Duration `json:"for,omitempty"`      // at most
	Requests int           `json:"requests,omitempty"` // at most
	Bytes    int64         `json:"bytes,omitempty"`    // of what is written, at most
	Body     int           `json:"body,omitempty"`     // bytes of a body that is kept
	Headers  []string      `json:"headers,omitempty"`  // that are kept beside the usual ones
	Allow    []string      `json:"allow,omitempty"`    // names whose values are not masked by name
}

// Capture copies requests of a service to the writer as they come, JSON Lines
// that 'stagger load --replay' makes again, until the capture ends. It is sent
// once: a capture that breaks off is not begun anew.
func (c *Client) Capture(ctx context.Context, service string, what Capture, to io.Writer) error {
	body, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("ask for a capture: %w", err)
	}
	response, err := c.once(ctx, request{method: http.MethodPost, path: "/services/" + url.PathEscape(service) + "/capture", body: body})
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return c.unreachable(err)
	}
	if response, err = c.accept(response); err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it was read to its end, or failed
	last := &tail{}
	if _, err := io.Copy(io.MultiWriter(to, last), response.Body); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &stagger.Error{Code: stagger.CodeUnavailable, Message: fmt.Sprintf("the capture broke off: %v", err)}
	}
	if !bytes.HasPrefix(last.line, []byte(`{"end":`)) {
		return &stagger.Error{Code: stagger.CodeUnavailable, Message: "the capture broke off: its end is missing"}
	}
	return nil
}

// tail remembers how the last line begins.
type tail struct {
	line  []byte
	ended bool
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	for _, b := range p {
		if t.ended {
			t.line, t.ended = t.line[:0], false
		}
		if b == '\n' {
			t.ended = true
		} else if len(t.line) < 16 {
			t.line = append(t.line, b)
		}
	}
	return len(p), nil
}
