package api

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/auth"
	"github.com/stagger-dev/stagger/internal/capture"
)

const captureDescription = `Requests of a service as they may be kept, to be made again by 'stagger load --replay': JSON Lines, a head, requests and an end. Credentials and cookies are left out; values are masked by their names and looks, and a body that cannot be masked is left out. One capture of a service is under way at a time.`

// CaptureRequest is what is to be captured.
type CaptureRequest struct {
	Share    float64       `json:"share" exclusiveMinimum:"0" maximum:"1" doc:"Of requests, more than 0 and at most 1."`
	Users    bool          `json:"users,omitempty" doc:"Choose users rather than requests: of a user that is chosen every request is kept."`
	For      time.Duration `json:"for,omitempty" doc:"At most so long; a minute when absent, an hour at most."`
	Requests int           `json:"requests,omitempty" minimum:"0" maximum:"1000000" doc:"At most so many."`
	Bytes    int64         `json:"bytes,omitempty" minimum:"0" maximum:"268435456" doc:"At most so much is written; 64 MiB when absent."`
	Body     int           `json:"body,omitempty" minimum:"0" maximum:"1048576" doc:"A larger body is not kept; 64 KiB when absent."`
	Headers  []string      `json:"headers,omitempty" maxItems:"100" doc:"Headers that are kept beside those that tell nothing about anybody."`
	Allow    []string      `json:"allow,omitempty" maxItems:"100" doc:"Names of headers, query keys and JSON keys whose values are not masked by their name."`
}

type captureInput struct {
	Name string `path:"name" doc:"The service."`
	Body CaptureRequest
}

func (s *server) registerCapture(api huma.API) {
	// It shows what users send.
	huma.Register(api, needs(auth.Admin, huma.Operation{
		OperationID: "capture-requests", Method: http.MethodPost, Path: "/api/v1/services/{name}/capture",
		Summary: "Capture requests of a service", Description: captureDescription, MaxBodyBytes: maxBody,
		Responses: map[string]*huma.Response{"200": {
			Description: "The capture; it ends with the line that tells its end.",
			Content:     map[string]*huma.MediaType{"application/jsonl": {Schema: &huma.Schema{Type: huma.TypeString}}},
		}},
		Errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable},
	}), func(ctx context.Context, in *captureInput) (*huma.StreamResponse, error) {
		if s.Capture == nil {
			return nil, s.problem(ctx, &stagger.Error{Code: stagger.CodeUnavailable, Message: "nothing can be captured here"})
		}
		order, err := in.order()
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			r, w := humago.Unwrap(ctx)
			s.Log.Info("capture begun", "service", order.Service, "share", order.Share, "for", order.For.String(), "client", r.RemoteAddr)
			c := capturing{out: w, control: http.NewResponseController(w)}
			c.run(r.Context(), s, order)
		}}, nil
	})
}

func (in *captureInput) order() (capture.Order, error) {
	b := in.Body
	o, err := capture.Order{
		Service: in.Name, Share: b.Share, Users: b.Users, For: b.For, Requests: b.Requests, Bytes: b.Bytes,
		Rules: capture.Rules{Headers: b.Headers, Allow: b.Allow, Body: b.Body},
	}.Complete()
	if err != nil {
		return o, &stagger.Error{Code: stagger.CodeInvalid, Message: err.Error()}
	}
	return o, nil
}

// capturing writes the answer to one capture. What is wrong before the first
// line is a problem document; later the answer breaks off, and so has no end.
type capturing struct {
	out     http.ResponseWriter
	control *http.ResponseController
	buffer  *bufio.Writer // nil until it has begun
	flushed time.Time
}

// flushPace is how long a line waits at most, as long as others follow.
const flushPace = 250 * time.Millisecond

func (c *capturing) run(ctx context.Context, s *server, o capture.Order) {
	err := s.Capture(ctx, o, c.write)
	switch {
	case err != nil && c.buffer == nil:
		writeProblem(c.out, problemOf(s.problem(ctx, err)))
		return
	case err == nil:
		err = c.flush()
	}
	s.Log.Info("capture ended", "service", o.Service, "error", err)
	if err != nil {
		panic(http.ErrAbortHandler) // it must not look complete
	}
}

func (c *capturing) write(line []byte) error {
	if c.buffer == nil {
		if err := c.begin(); err != nil {
			return err
		}
	}
	if _, err := c.buffer.Write(line); err != nil {
		return err
	}
	if time.Since(c.flushed) < flushPace {
		return nil
	}
	return c.flush()
}

func (c *capturing) begin() error {
	// The server's limit on reading a request must not end the answer.
	if err := c.control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	c.buffer = bufio.NewWriterSize(c.out, 64<<10)
	header := c.out.Header()
	header.Set("Content-Type", "application/jsonl")
	header.Set("Cache-Control", "no-store")
	c.out.WriteHeader(http.StatusOK)
	return nil
}

func (c *capturing) flush() error {
	c.flushed = time.Now()
	if err := c.control.SetWriteDeadline(time.Now().Add(writePatience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if err := c.buffer.Flush(); err != nil {
		return err
	}
	return c.control.Flush()
}
