package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/auth"
	"github.com/stagger-dev/stagger/internal/store"
)

const (
	progressPace  = 250 * time.Millisecond // at most so often a stream tells of progress
	heartbeatPace = 15 * time.Second
	writePatience = 10 * time.Second // a client that takes nothing for so long is dropped
	progressAge   = time.Minute      // older progress is no news
)

const streamDescription = `Server-sent events. A message "event" holds one event of the history; its id is its place in the log of all rollouts, and a client that comes back with Last-Event-ID misses none and gets none twice. A message "progress" holds how a rollout does now, at most four times a second; it has no id. A comment comes every 15 seconds.`

// StreamQuery says after which event a stream begins.
type StreamQuery struct {
	LastEventID string `header:"Last-Event-ID" doc:"The id of the last event that was received."`
	After       string `query:"after" doc:"The same, for clients that cannot set the header."`
}

type rolloutStreamQuery struct {
	ByID
	StreamQuery
}

func (s *server) registerStreams(api huma.API) {
	huma.Register(api, streamOperation("/events", "stream-events",
		"Follow all rollouts; without an id, from now on"),
		func(ctx context.Context, in *StreamQuery) (*huma.StreamResponse, error) {
			return s.open(ctx, "", *in)
		})
	huma.Register(api, streamOperation("/rollouts/{id}/events", "stream-rollout-events",
		"Follow one rollout; without an id, from its beginning"),
		func(ctx context.Context, in *rolloutStreamQuery) (*huma.StreamResponse, error) {
			if _, err := s.Store.Rollout(ctx, in.ID); err != nil {
				return nil, s.problem(ctx, err)
			}
			return s.open(ctx, in.ID, in.StreamQuery)
		})
}

func streamOperation(path, id, summary string) huma.Operation {
	return needs(auth.Viewer, huma.Operation{
		OperationID: id, Method: http.MethodGet, Path: "/api/v1" + path, Summary: summary, Description: streamDescription,
		Responses: map[string]*huma.Response{"200": {
			Description: "The stream; it does not end by itself.",
			Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}},
		}},
		Errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable},
	})
}

// open finds where to begin and takes a place among the streams.
func (s *server) open(ctx context.Context, rollout string, q StreamQuery) (*huma.StreamResponse, error) {
	after, err := s.begin(ctx, rollout, q)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	select {
	case s.streams <- struct{}{}:
	default:
		return nil, s.problem(ctx, &stagger.Error{
			Code: stagger.CodeUnavailable, Message: fmt.Sprintf("%d clients follow events already; try again later", cap(s.streams)),
		})
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer func() { <-s.streams }()
		r, w := humago.Unwrap(ctx)
		f := follower{
			store: s.Store, rollout: rollout, after: after,
			out: w, control: http.NewResponseController(w),
		}
		if err := f.run(r.Context()); err != nil && r.Context().Err() == nil {
			s.Log.Debug("event stream ended", "client", r.RemoteAddr, "cause", err)
		}
	}}, nil
}

// begin is the log id after which a stream begins.
func (s *server) begin(ctx context.Context, rollout string, q StreamQuery) (int64, error) {
	given := q.LastEventID
	if given == "" {
		given = q.After
	}
	last, err := s.Store.Last(ctx)
	if err != nil {
		return 0, err
	}
	if given == "" {
		if rollout == "" {
			return last, nil
		}
		return 0, nil
	}
	after, err := strconv.ParseInt(given, 10, 64)
	if err != nil || after < 0 {
		return 0, &stagger.Error{Code: stagger.CodeInvalid, Message: fmt.Sprintf("the event id %q is not a number", given)}
	}
	if after > last {
		return 0, &stagger.Error{
			Code: stagger.CodeConflict, Message: fmt.Sprintf("the event id %d is ahead of the history, which ends at %d: it is from another store; begin anew", after, last),
		}
	}
	return after, nil
}

// follower writes one stream. It keeps a place in the log and no queue, so a
// slow client costs nothing but its connection.
type follower struct {
	store   Store
	rollout string // "" for all
	after   int64  // the log entry written last
	told    map[string]time.Time
	out     http.ResponseWriter
	control *http.ResponseController
}

// run writes until the client goes away, is too slow, or the store fails.
func (f *follower) run(ctx context.Context) error {
	changed, cancel := f.store.Watch()
	defer cancel()
	if err := f.greet(); err != nil {
		return err
	}
	heartbeat := time.NewTicker(heartbeatPace)
	defer heartbeat.Stop()
	pace := time.NewTicker(progressPace)
	defer pace.Stop()
	for {
		if err := f.writeLog(ctx); err != nil {
			return err
		}
		if err := f.wait(ctx, changed, pace.C, heartbeat.C); err != nil {
			return err
		}
	}
}

// wait returns when the log may have grown; meanwhile it tells of progress and
// that the stream lives.
func (f *follower) wait(ctx context.Context, changed <-chan struct{}, pace, heartbeat <-chan time.Time) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
			return nil
		case <-pace:
			if err := f.writeProgress(ctx); err != nil {
				return err
			}
		case <-heartbeat:
			if err := f.write(": still here\n\n"); err != nil {
				return err
			}
		}
	}
}

// greet begins the stream. The id lets a client that is cut off before the
// first event come back to this very place.
func (f *follower) greet() error {
	// The server's limit on reading a request must not end the stream. Writers
	// that know no deadlines need none.
	if err := f.control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	header := f.out.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // proxies in between pass it on at once
	f.out.WriteHeader(http.StatusOK)
	return f.write("retry: 1000\nid: %d\n\n", f.after)
}

func (f *follower) writeLog(ctx context.Context) error {
	for {
		entries, err := f.entries(ctx)
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, e := range entries {
			body, err := json.Marshal(e.Event)
			if err != nil {
				return err
			}
			if err := f.write("id: %d\nevent: event\ndata: %s\n\n", e.ID, body); err != nil {
				return err
			}
			f.after = e.ID
		}
	}
}

func (f *follower) entries(ctx context.Context) ([]store.LogEntry, error) {
	if f.rollout == "" {
		return f.store.Log(ctx, f.after, 0)
	}
	return f.store.RolloutLog(ctx, f.rollout, f.after, 0)
}

// writeProgress tells what is new since it was told last.
func (f *follower) writeProgress(ctx context.Context) error {
	all, err := f.store.AllProgress(ctx)
	if err != nil {
		return err
	}
	before := f.told
	f.told = make(map[string]time.Time, len(all)) // forgets those that are forgotten
	for _, p := range all {
		f.told[p.Rollout] = p.At
		if f.rollout != "" && p.Rollout != f.rollout || before[p.Rollout].Equal(p.At) || time.Since(p.At) > progressAge {
			continue
		}
		body, err := json.Marshal(p)
		if err != nil {
			return err
		}
		if err := f.write("event: progress\ndata: %s\n\n", body); err != nil {
			return err
		}
	}
	return nil
}

// write sends one message at once, or fails when the client does not take it.
func (f *follower) write(format string, args ...any) error {
	if err := f.control.SetWriteDeadline(time.Now().Add(writePatience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := fmt.Fprintf(f.out, format, args...); err != nil {
		return err
	}
	return f.control.Flush()
}
