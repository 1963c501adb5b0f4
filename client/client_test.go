package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/client"
	"github.com/stagger-dev/stagger/internal/api"
	"github.com/stagger-dev/stagger/internal/api/apitest"
	"github.com/stagger-dev/stagger/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// connect is a client of s.
func connect(t *testing.T, s *apitest.Server, options ...client.Option) *client.Client {
	t.Helper()
	c, err := client.New(s.URL, append(options, client.WithHTTPClient(s.HTTP))...)
	must(t, err)
	return c
}

// start is a command that starts a rollout.
func start(id string) stagger.Command {
	s := apitest.Start()
	return stagger.Command{ID: id, Verb: stagger.VerbStart, Start: &s, Actor: "ada", Reason: "try it"}
}

func TestWholeLifeOfARollout(t *testing.T) {
	s := apitest.New(t)
	c := connect(t, s)
	r, err := c.Do(t.Context(), start(""))
	must(t, err)
	share := stagger.Percent(12.5)
	for _, command := range []stagger.Command{
		{Verb: stagger.VerbPause, Reason: "lunch"},
		{Verb: stagger.VerbResume},
		{Verb: stagger.VerbPromote, All: true},
		{Verb: stagger.VerbWeight, Weight: &share},
		{Verb: stagger.VerbAbort, Reason: "enough"},
		{Verb: stagger.VerbReview, Judgement: stagger.JudgementFalseAlarm, Reason: "nothing was wrong"},
	} {
		command.Rollout, command.Actor = r.ID, "ada"
		r, err = c.Do(t.Context(), command)
		must(t, err)
	}
	stored, err := s.Store.Rollout(t.Context(), r.ID)
	must(t, err)
	for name, got := range map[string]func() (stagger.Rollout, error){
		"the last answer": func() (stagger.Rollout, error) { return r, nil },
		"by id":           func() (stagger.Rollout, error) { return c.Rollout(t.Context(), r.ID) },
		"in the list": func() (stagger.Rollout, error) {
			list, err := c.Rollouts(t.Context(), client.Filter{Service: "shop", Limit: 1})
			return list[0], err
		},
	} {
		got, err := got()
		must(t, err)
		if diff := cmp.Diff(stored, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if active, err := c.Rollouts(t.Context(), client.Filter{Active: true}); len(active) != 0 || err != nil {
		t.Errorf("active: %v, %v", active, err)
	}
	proof, err := c.Verify(t.Context())
	must(t, err)
	if !proof.Intact() || proof.Events != 7 {
		t.Errorf("proof: %+v", proof)
	}
	services, err := c.Services(t.Context())
	must(t, err)
	if len(services) != 1 || services[0].Baseline != "v1" || services[0].Service.Name != "shop" {
		t.Errorf("services: %+v", services)
	}
	if version, err := c.Version(t.Context()); version != "1.2.3" || err != nil {
		t.Errorf("version %q, %v", version, err)
	}
	_, err = c.Progress(t.Context(), r.ID)
	wantError(t, err, stagger.CodeNotFound, "nothing is known yet")
}

// wantError checks the code and a part of the sentence.
func wantError(t *testing.T, err error, code stagger.Code, part string) {
	t.Helper()
	e, ok := errors.AsType[*stagger.Error](err)
	if !ok || e.Code != code || !strings.Contains(e.Message, part) {
		t.Errorf("got %q: %v; want %q: %q", stagger.CodeOf(err), err, code, part)
	}
}

func TestErrorsKeepTheServersCode(t *testing.T) {
	s := apitest.New(t)
	c := connect(t, s)
	_, err := c.Do(t.Context(), start(""))
	must(t, err)

	_, err = c.Do(t.Context(), start(""))
	wantError(t, err, stagger.CodeConflict, "still under way")
	bad := start("")
	bad.Start.Candidate = "v9"
	_, err = c.Do(t.Context(), bad)
	wantError(t, err, stagger.CodeInvalid, `no version "v9"`)
	_, err = c.Do(t.Context(), stagger.Command{Verb: stagger.VerbPause, Rollout: "r9"})
	wantError(t, err, stagger.CodeNotFound, "there is no rollout r9")
	_, err = c.Do(t.Context(), stagger.Command{Verb: stagger.VerbPause})
	wantError(t, err, stagger.CodeInvalid, "a rollout for the rest")
	_, err = c.Rollout(t.Context(), "a/../b?c")
	wantError(t, err, stagger.CodeNotFound, "there is no rollout a/../b?c")
}

func TestTokenIsShown(t *testing.T) {
	s := apitest.New(t, func(c *api.Config) { c.Token = "s3cret" })
	_, err := connect(t, s).Services(t.Context())
	wantError(t, err, stagger.CodeDenied, "token is missing or wrong")
	_, err = connect(t, s, client.WithToken("s3cret")).Services(t.Context())
	must(t, err)
}

func TestNoServer(t *testing.T) {
	var listen net.ListenConfig
	l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	address := "http://" + l.Addr().String()
	must(t, l.Close())
	c, err := client.New(address)
	must(t, err)
	want := "no Stagger server answers at " + address + "; start one with 'stagger serve'"
	_, err = c.Services(t.Context())
	wantError(t, err, stagger.CodeUnavailable, want)
	err = c.Stream(t.Context(), "", "", func(client.Message) error { return nil })
	wantError(t, err, stagger.CodeUnavailable, want)

	for _, bad := range []string{"", "localhost:8899", "ftp://x", "http://"} {
		_, err := client.New(bad)
		wantError(t, err, stagger.CodeInvalid, "is not the address of a server")
	}
}

func TestSomebodyElseAnswers(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v1/version" {
			http.NotFound(w, r)
			return
		}
		_, _ = fmt.Fprintln(w, "<html>hello</html>")
	}))
	defer other.Close()
	c := connect(t, &apitest.Server{URL: other.URL, HTTP: other.Client()})
	_, err := c.Version(t.Context())
	wantError(t, err, stagger.CodeUnavailable, "not a Stagger server (404 Not Found)")
	_, err = c.Services(t.Context())
	wantError(t, err, stagger.CodeUnavailable, "not a Stagger server")
}

// flaky stands before a server and cuts connections.
func flaky(t *testing.T, s *apitest.Server, cut func(w http.ResponseWriter, r *http.Request, next http.Handler)) *apitest.Server {
	t.Helper()
	target, err := url.Parse(s.URL)
	must(t, err)
	next := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     s.HTTP.Transport,
		FlushInterval: -1,
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { cut(w, r, next) }))
	t.Cleanup(func() {
		front.CloseClientConnections()
		front.Close()
	})
	return &apitest.Server{URL: front.URL, Store: s.Store, HTTP: front.Client()}
}

// TestBrokenConnectionRepeatsTheCommandOnce loses answers after the server
// carried the command out.
func TestBrokenConnectionRepeatsTheCommandOnce(t *testing.T) {
	s := apitest.New(t)
	var tries atomic.Int32
	front := flaky(t, s, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if tries.Add(1) > 2 {
			next.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	})
	r, err := connect(t, front).Do(t.Context(), start(""))
	must(t, err)
	if tries.Load() != 3 {
		t.Errorf("%d tries, want 3", tries.Load())
	}
	list, err := s.Store.Rollouts(t.Context(), store.Filter{})
	must(t, err)
	if len(list) != 1 || list[0].ID != r.ID {
		t.Errorf("rollouts: %+v", list)
	}
}

func TestConnectionThatKeepsBreaking(t *testing.T) {
	front := flaky(t, apitest.NewIdle(t), func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) })
	_, err := connect(t, front).Services(t.Context())
	wantError(t, err, stagger.CodeUnavailable, "the connection to "+front.URL+" broke")
}

func TestDoWaitsForASlowController(t *testing.T) {
	s := apitest.NewIdle(t, func(c *api.Config) { c.Patience = time.Millisecond })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := connect(t, s).Do(ctx, start("k1"))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	s.CarryOut(t)
	r, err := connect(t, s).Do(t.Context(), start("k1"))
	must(t, err)
	if r.ID != "shop-1" {
		t.Errorf("rollout %s", r.ID)
	}
}

func TestEvidenceIsThatOfTheRollout(t *testing.T) {
	s := apitest.New(t)
	c := connect(t, s)
	if _, err := c.Evidence(t.Context(), "nobody/knows"); stagger.CodeOf(err) != stagger.CodeNotFound {
		t.Errorf("of a rollout that is not there: %v", err)
	}
	r, err := c.Do(t.Context(), start(""))
	must(t, err)
	if p, err := c.Evidence(t.Context(), r.ID); err != nil || len(p.At) != 0 {
		t.Errorf("before there is any: %+v, %v", p, err)
	}
	want := stagger.Path{
		Step: time.Second, At: []time.Time{apitest.Epoch}, Advice: []stagger.Advice{stagger.AdviseHold},
		Slots: []stagger.PathSlot{{
			Signal: stagger.SignalLatency, Slot: "p99", Tolerance: 1.1, Estimate: []float64{1.2}, Low: []float64{1.01}, High: []float64{0},
			Suspect: []float64{1}, Rollback: []float64{0.4}, Healthy: []float64{0},
		}},
	}
	kept, err := json.Marshal(want)
	must(t, err)
	must(t, s.Store.SavePath(t.Context(), r.ID, kept))
	p, err := c.Evidence(t.Context(), r.ID)
	must(t, err)
	if diff := cmp.Diff(want, p); diff != "" {
		t.Error(diff)
	}
}

func TestHistoryReadsEveryPage(t *testing.T) {
	s := apitest.NewIdle(t)
	s.Begin(t, "r1")
	s.Add(t, "r1", 1200)
	history, err := connect(t, s).History(t.Context(), "r1")
	must(t, err)
	if len(history) != 1201 {
		t.Fatalf("%d events, want 1201", len(history))
	}
	for i, e := range history {
		if e.Seq != uint64(i)+1 {
			t.Fatalf("event %d has seq %d", i, e.Seq)
		}
	}
}

var errEnough = errors.New("enough")

// TestStreamSurvivesBrokenConnections cuts every connection in the middle of
// a message and sees every event exactly once, in order.
func TestStreamSurvivesBrokenConnections(t *testing.T) {
	const events = 40
	s := apitest.NewIdle(t)
	s.Begin(t, "r1")
	s.Add(t, "r1", events/2-1)
	var connections atomic.Int32
	front := flaky(t, s, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		budget := 2500 * int(connections.Add(1)) // bytes; grows so that it ends
		next.ServeHTTP(&cutter{ResponseWriter: w, left: budget}, r)
	})
	must(t, s.Store.SaveProgress(t.Context(), stagger.Progress{Rollout: "r1", At: time.Now(), Observed: 0.5}))

	var seqs []uint64
	more := false
	err := connect(t, front).Stream(t.Context(), "r1", "", func(m client.Message) error {
		if m.Event == nil {
			return nil
		}
		seqs = append(seqs, m.Event.Seq)
		if len(seqs) == events/4 && !more {
			more = true
			s.Add(t, "r1", events/2)
		}
		if len(seqs) == events {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	for i, seq := range seqs {
		if seq != uint64(i)+1 {
			t.Fatalf("order: %v", seqs)
		}
	}
	if connections.Load() < 3 {
		t.Errorf("only %d connections: nothing was cut", connections.Load())
	}
}

// cutter breaks the connection after so many bytes.
type cutter struct {
	http.ResponseWriter

	left int
}

func (c *cutter) Write(b []byte) (int, error) {
	if len(b) > c.left {
		_, _ = c.ResponseWriter.Write(b[:c.left])
		_ = http.NewResponseController(c.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= len(b)
	return c.ResponseWriter.Write(b)
}

func (c *cutter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func TestStreamTellsProgress(t *testing.T) {
	s := apitest.NewIdle(t)
	s.Begin(t, "r1")
	must(t, s.Store.SaveProgress(t.Context(), stagger.Progress{Rollout: "r1", At: time.Now(), Observed: 0.5}))
	var got stagger.Progress
	err := connect(t, s).Stream(t.Context(), "r1", "1", func(m client.Message) error {
		if m.Progress == nil || m.ID != "" {
			return fmt.Errorf("unexpected: %+v", m)
		}
		got = *m.Progress
		return errEnough
	})
	if !errors.Is(err, errEnough) || got.Observed != 0.5 {
		t.Errorf("%v: %+v", err, got)
	}
}

func TestStreamEndsWithItsContext(t *testing.T) {
	s := apitest.NewIdle(t)
	s.Begin(t, "r1")
	ctx, cancel := context.WithCancel(t.Context())
	err := connect(t, s).Stream(ctx, "r1", "", func(client.Message) error {
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	err = connect(t, s).Stream(t.Context(), "r9", "", func(client.Message) error { return nil })
	wantError(t, err, stagger.CodeNotFound, "there is no rollout r9")
}

// TestSilentConnectionIsGivenUp runs in virtual time against a network that
// lets heartbeats pass for two minutes and an event, and then falls silent. The
// second connection's event ends it: 120 s, 45 s of silence, 120 s.
func TestSilentConnectionIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		network := roundTrip(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r.Header.Get("Last-Event-ID"))
			body := strings.NewReader("id: 7\nevent: event\ndata: {\"seq\":1}\n\n")
			reader := io.MultiReader(&beats{left: 8}, body, silent{r.Context()})
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(reader)}, nil
		})
		c, err := client.New("http://localhost", client.WithHTTPClient(&http.Client{Transport: network}))
		must(t, err)
		begin := time.Now()
		err = c.Stream(t.Context(), "", "", func(client.Message) error {
			if len(asked) == 2 {
				return errEnough
			}
			return nil
		})
		if took := time.Since(begin); !errors.Is(err, errEnough) || took < 285*time.Second || took > 286*time.Second {
			t.Errorf("%v after %v", err, took)
		}
		if diff := cmp.Diff([]string{"", "7"}, asked); diff != "" {
			t.Error(diff)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// beats is a connection over which nothing comes but heartbeats.
type beats struct{ left int }

func (b *beats) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	b.left--
	time.Sleep(15 * time.Second)
	return copy(p, ": beat\n\n"), nil
}

// silent is a connection over which nothing comes any more.
type silent struct{ ctx context.Context }

func (s silent) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}
