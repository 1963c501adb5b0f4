package load_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"log"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/stagger-dev/stagger/internal/capture"
	"github.com/stagger-dev/stagger/internal/load"
	"github.com/stagger-dev/stagger/internal/recording"
	"github.com/stagger-dev/stagger/internal/scenario"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pipes is a network of one address, in memory, so that time can be virtual.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

// Addr implements net.Listener.
func (*pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

// job is one against a target in this machine.
func job(rate float64, length time.Duration, requests ...scenario.Request) load.Job {
	if len(requests) == 0 {
		requests = []scenario.Request{{Name: "home", Weight: 1, Path: scenario.NewTemplate("/")}}
	}
	return load.Job{Scenario: scenario.Scenario{
		Targets: []string{"http://127.0.0.1"}, Shape: scenario.Shape{{Length: length, From: rate, To: rate}}, Seed: 1,
		InFlight: 2000, Timeout: 10 * time.Second, Version: "Stagger-Version", Requests: requests,
	}}
}

// inVirtualTime runs a job against a handler.
func inVirtualTime(t *testing.T, j load.Job, h http.HandlerFunc) (report load.Report) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		server := &http.Server{Handler: h, ReadHeaderTimeout: time.Hour}
		go func() { _ = server.Serve(p) }()
		var err error
		if report, err = j.Over(p.dial).Run(t.Context(), nil); err != nil {
			t.Error(err)
		}
		_ = server.Close()
	})
	return report
}

// TestAStallShowsAsItWouldForUsers holds a target that answers in a millisecond,
// and not at all during one second of ten. A client that waits for one answer
// before it asks again would see one slow answer of thousands; users come all
// the same: a tenth of them wait, half a second on average.
func TestAStallShowsAsItWouldForUsers(t *testing.T) {
	var begun time.Time
	var once sync.Once
	report := inVirtualTime(t, job(200, 10*time.Second), func(http.ResponseWriter, *http.Request) {
		once.Do(func() { begun = time.Now() })
		if at := time.Since(begun); at > 5*time.Second && at < 6*time.Second {
			time.Sleep(6*time.Second - at)
		}
		time.Sleep(time.Millisecond)
	})
	if report.Ended < 1800 || report.Failed != 0 || report.Dropped != 0 {
		t.Fatalf("%d ended, %d failed, %d dropped", report.Ended, report.Failed, report.Dropped)
	}
	stalled := 0.0
	for _, b := range report.Latency.Histogram.Buckets {
		if b.Index > 32*-5 { // more than 31 ms
			stalled += float64(b.Count)
		}
	}
	if share := stalled / float64(report.Ended); share < 0.07 || share > 0.13 {
		t.Errorf("%.1f%% of the requests waited, want about 10%%", 100*share)
	}
	if l := report.Latency; l.P50 > 0.002 || l.P90 > 0.3 || l.P95 < 0.3 || l.P99 < 0.8 || l.Max > 1.1 || math.Abs(l.Mean-0.051) > 0.015 {
		t.Errorf("%+v", l)
	}
	if report.IsLate() {
		t.Errorf("the load was late by %+v", report.Late)
	}
}

// TestTheLoadsOwnLatenessIsToldApart: in virtual time nobody is late, however
// slow the target is.
func TestTheLoadsOwnLatenessIsToldApart(t *testing.T) {
	report := inVirtualTime(t, job(100, 3*time.Second), func(http.ResponseWriter, *http.Request) { time.Sleep(2 * time.Second) })
	if report.IsLate() || report.Late.Max != 0 || report.Late.Count != report.Sent || report.Latency.P50 < 1.9 {
		t.Errorf("late by %+v", report.Late)
	}
	late := load.Report{Latency: load.Latency{P99: 0.020}, Late: load.Latency{P99: 0.005}}
	if !late.IsLate() {
		t.Error("a quarter of what was measured is the load's own, and it does not say so")
	}
}

func TestWhatIsTooMuchInFlightIsDroppedAndCounted(t *testing.T) {
	j := job(100, 10*time.Second)
	j.Scenario.InFlight, j.Scenario.Even = 10, true
	report := inVirtualTime(t, j, func(http.ResponseWriter, *http.Request) { time.Sleep(time.Second) })
	// Ten at a time, a second each.
	if report.Sent < 95 || report.Sent > 110 || report.Due < 999 || report.Sent+report.Dropped != report.Due {
		t.Errorf("%d due, %d sent, %d dropped", report.Due, report.Sent, report.Dropped)
	}
	if e := report.ErrorShare(); e < 0.88 || e > 0.92 {
		t.Errorf("%.2f of the users were not served; want 0.9", e)
	}
}

func TestRequestsAndVersionsAreTold(t *testing.T) {
	requests := []scenario.Request{
		{Name: "home", Weight: 3, Path: scenario.NewTemplate("/?user={user}"), Expect: scenario.Expect{Status: []scenario.Statuses{{From: 200, To: 299}}, Contains: "hello"}},
		{Name: "order", Weight: 1, Method: "POST", Path: scenario.NewTemplate("/order"), Body: scenario.NewTemplate(`{"n":{n}}`), Header: []scenario.Field{
			{Name: "Content-Type", Value: scenario.NewTemplate("application/json")}, {Name: "X-User", Value: scenario.NewTemplate("u{user}")},
		}},
	}
	j := job(400, 5*time.Second, requests...)
	j.Scenario.Users = 10
	j.Scenario.Limits = []scenario.Limit{{Of: scenario.ErrorShare, Bound: 0.01}, {Of: scenario.P50, Bound: 0.1}, {Of: scenario.RateShare, Bound: 0.99}}
	var mu sync.Mutex
	users := map[string]bool{}
	report := inVirtualTime(t, j, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method == http.MethodPost && (!bytes.HasPrefix(body, []byte(`{"n":`)) || !strings.HasPrefix(r.Header.Get("X-User"), "u")) {
			t.Errorf("%s %v", body, r.Header)
		}
		mu.Lock()
		users[r.URL.Query().Get("user")] = true
		mu.Unlock()
		version := "v1"
		if r.Method == http.MethodPost {
			version = "v2"
			time.Sleep(200 * time.Millisecond)
		}
		w.Header().Set("Stagger-Version", version)
		if len(body) > 0 && body[len(body)-2] == '7' {
			w.WriteHeader(http.StatusBadGateway)
		}
		_, _ = io.WriteString(w, "hello")
	})
	if len(users) != 11 { // and none, of orders
		t.Errorf("%d users came", len(users)-1)
	}
	if len(report.Requests) != 2 || len(report.Versions) != 2 || len(report.Pairs) != 2 || report.Versions[1].Version != "v2" {
		t.Fatalf("%+v", report)
	}
	home, order := report.Requests[0], report.Requests[1]
	if ratio := float64(home.Ended) / float64(order.Ended); ratio < 2.4 || ratio > 3.7 || home.Failed != 0 || order.Latency.P50 < 0.19 || home.Latency.P99 > 0.01 {
		t.Errorf("%+v\n%+v", home, order)
	}
	if share := order.ErrorShare(); share < 0.05 || share > 0.16 || report.Failures["status 502"] != order.Failed || report.Statuses["502"] != order.Failed {
		t.Errorf("%.3f of the orders failed: %v %v", share, report.Failures, report.Statuses)
	}
	if kept := [3]bool{report.Limits[0].Kept, report.Limits[1].Kept, report.Limits[2].Kept}; kept != [3]bool{false, true, true} || report.Kept() {
		t.Errorf("%+v", report.Limits)
	}
}

func TestARunThatFailsIsGivenUp(t *testing.T) {
	j := job(100, time.Hour)
	j.Scenario.Stop = scenario.Stop{Errors: 0.5, Over: 5 * time.Second}
	report := inVirtualTime(t, j, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	if report.Stopped == "" || report.Seconds > 8 || report.Kept() {
		t.Errorf("after %g s: %q", report.Seconds, report.Stopped)
	}
}

func TestAReplayKeepsItsRhythm(t *testing.T) {
	var text bytes.Buffer
	at := []float64{3, 0.5, 0.75, 3.25, 2}
	for _, line := range []capture.Line{{Head: &capture.Head{Format: capture.Format, Service: "shop"}}} {
		write(t, &text, line)
	}
	for i, a := range at {
		write(t, &text, capture.Line{Request: &capture.Request{
			At: a, Method: "POST", Path: fmt.Sprintf("/p%d/x", i), Query: "q={user}", Body: "{n}", User: fmt.Sprintf("%016x", i+1), Host: "shop.example",
			Header: []capture.Header{{Name: "Content-Type", Value: "application/json"}},
		}})
	}
	write(t, &text, capture.Line{Request: &capture.Request{At: 4.5, Method: "PUT", Path: "//blob", Omitted: 5000}})
	write(t, &text, capture.Line{End: &capture.End{Why: capture.EndTime}})
	for name, row := range map[string]struct {
		speed float64
		loop  bool
		want  string // path@seconds
	}{
		"its own":        {1, false, "/p1@0.000 /p2@0.250 /p4@1.500 /p0@2.500 /p3@2.750 //blob@4.000"},
		"twice as fast":  {2, false, "/p1@0.000 /p2@0.125 /p4@0.750 /p0@1.250 /p3@1.375 //blob@2.000"},
		"over and again": {4, true, "/p1@0.000 /p2@0.062 /p4@0.375 /p0@0.625 /p3@0.688 //blob@1.000 /p1@1.200 /p2@1.262 /p4@1.575 /p0@1.825 /p3@1.887"},
	} {
		t.Run(name, func(t *testing.T) {
			replay, err := load.ReadReplay(bytes.NewReader(text.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			replay.Speed, replay.Loop = row.speed, row.loop
			replay.Header = []scenario.Field{{Name: "X-User", Value: scenario.NewTemplate("u{user}")}}
			length := 10 * time.Second
			if row.loop {
				length = 2 * time.Second
			}
			j := job(1, length)
			j.Replay = replay
			var mu sync.Mutex
			var got []string
			var begun time.Time
			report := inVirtualTime(t, j, func(_ http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				if begun.IsZero() {
					begun = time.Now()
				}
				body, _ := io.ReadAll(r.Body)
				path := strings.TrimSuffix(r.URL.Path, "/x")
				got = append(got, fmt.Sprintf("%s@%.3f", path, time.Since(begun).Seconds()))
				if path == "//blob" {
					if len(body) != 5000 {
						t.Errorf("%d bytes came for those left out", len(body))
					}
					return
				}
				user := "u" + string(path[2]+1)
				if string(body) != "{n}" || r.URL.RawQuery != "q={user}" || r.Header.Get("X-User") != user || r.Host != "shop.example" {
					t.Errorf("%s %s %s %v", r.URL, body, r.Host, r.Header)
				}
			})
			if strings.Join(got, " ") != row.want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, " "), row.want)
			}
			if len(report.Requests) != 6 || report.Failed != 0 {
				t.Errorf("%+v", report)
			}
		})
	}
}

func write(t *testing.T, to io.Writer, l capture.Line) {
	t.Helper()
	line, err := capture.Encode(l)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = to.Write(line)
}

func TestACaptureThatWasInterruptedIsReplayed(t *testing.T) {
	head, one := `{"head":{"format":1}}`+"\n", `{"request":{"at":1,"method":"GET","path":"/"}}`
	for text, want := range map[string]int{
		head + one + "\n" + one:                   2,
		head + one + "\n" + one[:20]:              1,
		head + one + "\n" + one[:20] + "\n":       0, // that is no interrupt
		head + one + "\n" + one[:20] + "\n" + one: 0,
		head: 0,
		"":   0,
	} {
		r, err := load.ReadReplay(strings.NewReader(text))
		if want == 0 && err == nil || want > 0 && (err != nil || r.Len() != want) {
			t.Errorf("%q: %v, %v; want %d requests", text, r, err, want)
		}
	}
}

func TestLoadStaysInThisMachineUnlessToldOtherwise(t *testing.T) {
	j := job(1, time.Second)
	j.Scenario.Targets = []string{"http://192.0.2.1:80"} // nobody's (RFC 5737)
	if _, err := j.Run(t.Context(), nil); !load.IsRemote(err) {
		t.Errorf("got %v", err)
	}
}

// TestEdgeCasesGoOverTheWire makes every edge case once, in real time, against a
// real server.
func TestEdgeCasesGoOverTheWire(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		t.Run(fmt.Sprint("HTTP/2 ", h2), func(t *testing.T) {
			var mu sync.Mutex
			seen := map[string]int{}
			var slowest time.Duration
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				begun := time.Now()
				n, _ := io.Copy(io.Discard, r.Body)
				mu.Lock()
				defer mu.Unlock()
				slowest = max(slowest, time.Since(begun))
				for what, so := range map[string]bool{
					"1.0": r.ProtoMinor == 0 && r.ProtoMajor == 1, "1 MiB": n == 1<<20, "chunks": r.ContentLength < 0 && n > 0, "HEAD": r.Method == http.MethodHead,
					"BREW": r.Method == "BREW", "range": r.Header.Get("Range") != "", "many": len(r.Header) >= 90,
					"cookie": len(r.Header.Get("Cookie")) > 7000, "twice": len(r.URL.Query()["a"]) >= 3, "dots": strings.Contains(r.RequestURI, "/./a/../%2e%2e/b//c%20d/"),
				} {
					if so {
						seen[what]++
					}
				}
				_, _ = io.WriteString(w, strings.Repeat("answer ", 1000))
			}))
			server.Config.Protocols = new(http.Protocols)
			server.Config.Protocols.SetHTTP1(true)
			server.Config.Protocols.SetUnencryptedHTTP2(true)
			server.Start()
			defer server.Close()
			var requests []scenario.Request
			for _, e := range scenario.Edges() {
				r := e.Request("/shop?x=1")
				r.Weight = 1
				requests = append(requests, r)
			}
			j := job(1000, 400*time.Millisecond, requests...)
			j.Scenario.Targets, j.Scenario.HTTP2, j.Scenario.Timeout = []string{server.URL}, h2, time.Minute
			report, err := j.Run(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if report.Failed > 0 || report.Cut > 0 {
				t.Errorf("%d failed: %v", report.Failed, report.Failures)
			}
			want := 10
			if len(seen) != want || slowest < 1500*time.Millisecond {
				t.Errorf("saw %v and a body that took %s", seen, slowest)
			}
		})
	}
}

func TestFailuresAreToldByKind(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch r.URL.Path {
		case "/hangs":
			<-r.Context().Done()
		case "/breaks":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, "other words")
	}))
	defer server.Close()
	requests := []scenario.Request{
		{Name: "hangs", Weight: 1, Path: scenario.NewTemplate("/hangs")},
		{Name: "breaks", Weight: 1, Path: scenario.NewTemplate("/breaks")},
		{Name: "words", Weight: 1, Path: scenario.NewTemplate("/"), Expect: scenario.Expect{Contains: "hello"}},
	}
	j := job(200, 300*time.Millisecond, requests...)
	j.Scenario.Targets, j.Scenario.Timeout = []string{server.URL}, 500*time.Millisecond
	report, err := j.Run(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if report.Failed != report.Ended || report.Failures["timeout"] == 0 || report.Failures["connection broken"] == 0 || report.Failures["body"] == 0 || len(report.Failures) != 3 {
		t.Errorf("%d of %d failed: %v", report.Failed, report.Ended, report.Failures)
	}
	server.Close()
	if report, err = j.Run(t.Context(), nil); err != nil || report.Failures["connection refused"] != report.Ended || report.Latency.Count != 0 {
		t.Errorf("%v %+v", err, report.Failures)
	}
}

func TestARecordingHoldsEverySecond(t *testing.T) {
	j := job(100, 5*time.Second)
	j.Record = &load.Recording{}
	begun := time.Time{}
	report := inVirtualTime(t, j, func(w http.ResponseWriter, _ *http.Request) {
		if begun.IsZero() {
			begun = time.Now()
		}
		time.Sleep(10 * time.Millisecond)
		if time.Since(begun) > 2500*time.Millisecond {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	var text bytes.Buffer
	if err := j.Record.Write(&text, report.Began, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	var lines iter.Seq2[[]byte, error] = func(yield func([]byte, error) bool) {
		for line := range bytes.SplitSeq(bytes.TrimSpace(text.Bytes()), []byte("\n")) {
			if !yield(line, nil) {
				return
			}
		}
	}
	var p recording.Profile
	ticks := 0
	for tick, err := range recording.All(recording.Source{File: "r", Lines: lines}, "") {
		if err != nil {
			t.Fatal(err)
		}
		p.Add(tick)
		ticks++
	}
	if ticks != 5 || p.Seconds != 5 || p.Requests != report.Ended || p.Failed != report.Failed || p.Failed < 200 || p.Latency.Count() != report.Ended {
		t.Errorf("%d ticks, %+v", ticks, p)
	}
}

func TestTargetsMaySpeakTLS(t *testing.T) {
	for name, h2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
			server.EnableHTTP2 = true
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.StartTLS()
			defer server.Close()
			j := job(100, 200*time.Millisecond, scenario.Request{Name: "a", Weight: 1, Path: scenario.NewTemplate("/"), Expect: scenario.Expect{Contains: name}})
			j.Scenario.Targets, j.Scenario.HTTP2 = []string{server.URL}, h2
			report, err := j.Run(t.Context(), nil)
			if err != nil || report.Failures["TLS"] != report.Ended || report.Ended == 0 {
				t.Errorf("with a certificate of nobody: %v %v", err, report.Failures)
			}
			j.Insecure = true
			if report, err = j.Run(t.Context(), nil); err != nil || report.Failed != 0 || report.Ended == 0 {
				t.Errorf("with any certificate: %v %v", err, report.Failures)
			}
		})
	}
}

func TestAnInterruptedRunReportsWhatItKnows(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hangs" {
			<-r.Context().Done()
		}
	}))
	defer server.Close()
	j := job(500, time.Hour, scenario.Request{Name: "a", Weight: 9, Path: scenario.NewTemplate("/")}, scenario.Request{Name: "b", Weight: 1, Path: scenario.NewTemplate("/hangs")})
	j.Scenario.Targets = []string{server.URL}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	report, err := j.Run(ctx, func(p load.Progress) {
		if p.Ended > 50 && p.InFlight > 0 && p.Reached > 0 && p.P50 > 0 {
			cancel()
		}
	})
	if err != nil || !report.Interrupted || report.Ended < 50 || report.Cut == 0 || report.Failed != 0 {
		t.Errorf("%v %+v", err, report)
	}
}

// BenchmarkJob is what the load costs by itself, with the server of net/http in
// the same process; read cpu-us/request with that in mind.
func BenchmarkJob(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	defer server.Close()
	j := job(20_000, 2*time.Second)
	j.Scenario.Targets = []string{server.URL}
	for b.Loop() {
		report, err := j.Run(b.Context(), nil)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(report.Reached, "requests/s")
		b.ReportMetric(1e6*report.Load.PerRequest, "cpu-us/request")
	}
}
