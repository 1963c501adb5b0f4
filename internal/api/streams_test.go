package api_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api"
	"github.com/stagger-dev/stagger/internal/api/apitest"
)

// listen opens a stream and returns its lines and what ends it.
func listen(t *testing.T, s *apitest.Server, path string, headers ...string) (lines *bufio.Scanner, hangUp func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+path, nil)
	must(t, err)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	response, err := s.HTTP.Do(r) //nolint:bodyclose // hangUp closes it
	must(t, err)
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("status %d, %s", response.StatusCode, response.Header.Get("Content-Type"))
	}
	return bufio.NewScanner(response.Body), func() {
		cancel()
		_ = response.Body.Close() // it is cut off
	}
}

// ids reads the ids of the next n events.
func ids(t *testing.T, lines *bufio.Scanner, n int) string {
	t.Helper()
	var list []string
	id := ""
	for len(list) < n && lines.Scan() {
		line := lines.Text()
		if rest, ok := strings.CutPrefix(line, "id: "); ok {
			id = rest
		}
		if line == "event: event" {
			list = append(list, id)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(list, " ")
}

func TestStreamResumesWithoutLossOrDoubling(t *testing.T) {
	s := apitest.NewIdle(t)
	s.Begin(t, "r1")
	s.Add(t, "r1", 4)
	lines, hangUp := listen(t, s, "/api/v1/rollouts/r1/events")
	if got := ids(t, lines, 3); got != "1 2 3" {
		t.Fatalf("first: %s", got)
	}
	hangUp()
	s.Add(t, "r1", 2)
	lines, hangUp = listen(t, s, "/api/v1/rollouts/r1/events", "Last-Event-ID: 3")
	defer hangUp()
	if got := ids(t, lines, 4); got != "4 5 6 7" {
		t.Fatalf("again: %s", got)
	}
	s.Add(t, "r1", 2) // while it listens
	if got := ids(t, lines, 2); got != "8 9" {
		t.Fatalf("live: %s", got)
	}
}

func TestStreamOfAllBeginsNowAndSaysWhere(t *testing.T) {
	s := apitest.NewIdle(t)
	s.Begin(t, "r1")
	s.Add(t, "r1", 4)
	lines, hangUp := listen(t, s, "/api/v1/events")
	defer hangUp()
	for range 2 {
		lines.Scan()
	}
	if lines.Text() != "id: 5" {
		t.Errorf("the stream begins with %q", lines.Text())
	}
	s.Add(t, "r1", 1)
	if got := ids(t, lines, 1); got != "6" {
		t.Errorf("got %s", got)
	}
	whole, hangUp2 := listen(t, s, "/api/v1/events?after=0")
	defer hangUp2()
	if got := ids(t, whole, 6); got != "1 2 3 4 5 6" {
		t.Errorf("from the beginning: %s", got)
	}
}

func TestStreamRefuses(t *testing.T) {
	s := apitest.NewIdle(t, func(c *api.Config) { c.Streams = 1 })
	wantProblem(t, call(t, s, "GET", "/api/v1/events", "", "Last-Event-ID: x"), 422, stagger.CodeInvalid, "not a number")
	wantProblem(t, call(t, s, "GET", "/api/v1/events", "", "Last-Event-ID: 7"), 409, stagger.CodeConflict, "another store")
	_, hangUp := listen(t, s, "/api/v1/events")
	wantProblem(t, call(t, s, "GET", "/api/v1/events", ""), 503, stagger.CodeUnavailable, "try again")
	hangUp()
}

func TestStreamPacesProgress(t *testing.T) {
	inBubble(t, func(t *testing.T, s *apitest.Server) {
		s.Begin(t, "r1")
		lines, hangUp := listen(t, s, "/api/v1/rollouts/r1/events")
		defer hangUp()
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() { // far more often than it is told
			defer close(stopped)
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-time.After(10 * time.Millisecond):
					_ = s.Store.SaveProgress(context.Background(), stagger.Progress{Rollout: "r1", At: time.Now()}) // never fails
				}
			}
		}()
		defer func() { close(stop); <-stopped }()
		begin, told := time.Now(), 0
		for told < 8 && lines.Scan() {
			if lines.Text() == "event: progress" {
				told++
			}
		}
		if took := time.Since(begin); took < 1900*time.Millisecond || took > 2200*time.Millisecond {
			t.Errorf("eight messages in %v, want four a second", took)
		}
	})
}

func TestStreamBeatsWhileNothingHappens(t *testing.T) {
	inBubble(t, func(t *testing.T, s *apitest.Server) {
		lines, hangUp := listen(t, s, "/api/v1/events")
		defer hangUp()
		begin := time.Now()
		for beats := 0; beats < 4 && lines.Scan(); {
			if strings.HasPrefix(lines.Text(), ":") {
				beats++
			}
		}
		if took := time.Since(begin); took != time.Minute {
			t.Errorf("four heartbeats in %v, want one every 15 s", took)
		}
	})
}

func TestStreamTellsProgressOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, s *apitest.Server) {
		s.Begin(t, "r1")
		must(t, s.Store.SaveProgress(t.Context(), stagger.Progress{Rollout: "r1", At: time.Now()}))
		must(t, s.Store.SaveProgress(t.Context(), stagger.Progress{Rollout: "other", At: time.Now()}))
		lines, hangUp := listen(t, s, "/api/v1/rollouts/r1/events")
		defer hangUp()
		told := 0
		for lines.Scan() && !strings.HasPrefix(lines.Text(), ":") { // until the first heartbeat
			if lines.Text() == "event: progress" {
				told++
			}
		}
		if told != 1 {
			t.Errorf("told %d times, want once", told)
		}
	})
}

func TestSlowClientIsDropped(t *testing.T) {
	inBubble(t, func(t *testing.T, s *apitest.Server) {
		_, hangUp := listen(t, s, "/api/v1/events") // and reads nothing
		defer hangUp()
		s.Begin(t, "r1")
		s.Add(t, "r1", 100)
		wantProblem(t, call(t, s, "GET", "/api/v1/events", ""), 503, stagger.CodeUnavailable, "try again")
		time.Sleep(writeLimit)
		synctest.Wait()
		_, hangUp2 := listen(t, s, "/api/v1/events") // its place is free again
		hangUp2()
	})
}

const writeLimit = 11 * time.Second

// inBubble runs f in virtual time against a server whose network is in memory
// and unbuffered. The server's read timeout is shorter than the streams last.
func inBubble(t *testing.T, f func(*testing.T, *apitest.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := apitest.Open(t)
		network := &pipes{accepted: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{
			Handler:     apitest.Handler(s, func(c *api.Config) { c.Streams = 1 }),
			ReadTimeout: 10 * time.Second, ReadHeaderTimeout: time.Second,
		}
		done := make(chan error, 1)
		go func() { done <- server.Serve(network) }()
		transport := &http.Transport{DialContext: network.dial, DisableKeepAlives: true}
		t.Cleanup(func() {
			must(t, server.Close())
			if err := <-done; !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
			transport.CloseIdleConnections()
			synctest.Wait()
		})
		f(t, &apitest.Server{URL: "http://localhost", Store: s, HTTP: &http.Client{Transport: transport}})
	})
}

// pipes is a network in memory.
type pipes struct {
	accepted chan net.Conn
	closed   chan struct{}
	once     sync.Once
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.accepted <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.closed:
		return nil, fmt.Errorf("dial: %w", net.ErrClosed)
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accepted:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }
