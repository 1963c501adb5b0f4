package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/stagger-dev/stagger"
)

const (
	attempts   = 4
	firstPause = 100 * time.Millisecond // doubled after each attempt
	maxAnswer  = 64 << 20               // bytes
)

// request is one request, to be sent as often as it takes.
type request struct {
	method string
	path   string // below /api/v1
	query  url.Values
	key    string // makes it safe to send again
	body   []byte
	lastID string // of a stream
}

// exchange sends q and hands the answer to read, unless it is an error.
func (c *Client) exchange(ctx context.Context, q request, read func(*http.Response) error) error {
	response, err := c.send(ctx, q)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // all that matters was read
	return read(response)
}

// send sends q until an answer begins to arrive. It repeats what broke on the
// way, which is safe: q reads only, or has a key. Errors that the server
// answers with come back as *stagger.Error.
func (c *Client) send(ctx context.Context, q request) (*http.Response, error) {
	wait := firstPause
	for attempt := 1; ; attempt++ {
		response, err := c.once(ctx, q)
		if err == nil {
			return c.accept(response)
		}
		if interrupted(err) && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if !broken(err) || attempt == attempts {
			return nil, c.unreachable(err)
		}
		if err := pause(ctx, wait); err != nil {
			return nil, err
		}
		wait *= 2
	}
}

func (c *Client) once(ctx context.Context, q request) (*http.Response, error) {
	target := c.base + "/api/v1" + q.path
	if len(q.query) > 0 {
		target += "?" + q.query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, q.method, target, bytes.NewReader(q.body))
	if err != nil {
		return nil, err
	}
	if q.body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range map[string]string{"Idempotency-Key": q.key, "Last-Event-ID": q.lastID} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	return c.http.Do(r)
}

// broken says whether a connection was there and broke, so that trying again
// may help. A server that cannot be reached at all is not worth the wait.
func broken(err error) bool {
	dial, ok := errors.AsType[*net.OpError](err)
	return !ok || dial.Op != "dial"
}

func (c *Client) unreachable(err error) error {
	message := fmt.Sprintf("no Stagger server answers at %s; start one with 'stagger serve'", c.base)
	if broken(err) {
		message = fmt.Sprintf("the connection to %s broke: %v", c.base, err)
	}
	return &stagger.Error{Code: stagger.CodeUnavailable, Message: message}
}

// accept turns an answer that is an error into one.
func (c *Client) accept(response *http.Response) (*http.Response, error) {
	if response.StatusCode < http.StatusBadRequest {
		return response, nil
	}
	defer func() { _ = response.Body.Close() }() // it was read as far as it matters
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	var problem struct {
		Code   stagger.Code `json:"code"`
		Detail string       `json:"detail"`
	}
	err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&problem)
	if kind != "application/problem+json" || err != nil || problem.Code == "" {
		return nil, c.stranger(response.Status)
	}
	return nil, &stagger.Error{Code: problem.Code, Message: problem.Detail}
}

func (c *Client) stranger(what string) error {
	return &stagger.Error{
		Code:    stagger.CodeUnavailable,
		Message: fmt.Sprintf("what answers at %s is not a Stagger server (%s); check the address", c.base, what),
	}
}

// decode reads the body of an answer into v.
func (c *Client) decode(from io.Reader, v any) error {
	body, err := io.ReadAll(io.LimitReader(from, maxAnswer))
	if err != nil {
		if interrupted(err) {
			return err
		}
		return c.unreachable(err)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return c.stranger("its answer is no JSON as expected")
	}
	return nil
}
