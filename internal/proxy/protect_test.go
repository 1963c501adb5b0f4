package proxy_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/proxy"
)

// usualRetries is what configuration makes of an empty declaration.
var usualRetries = stagger.Retries{
	Attempts: 2, Budget: 0.2, Least: 3,
	On: []stagger.RetryOn{stagger.RetryOnConnect, stagger.RetryOnBroken, stagger.RetryOn502, stagger.RetryOn503, stagger.RetryOn504},
}

// onCandidate shows v2 to everybody.
func onCandidate(t testing.TB, w *world) {
	t.Helper()
	s := half()
	s.Weight = stagger.WeightFull
	if err := w.Apply(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}

// onlyStatus answers with a status and nothing else.
func onlyStatus(t testing.TB, code int) string {
	return upstream(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
}

// broken breaks off every request.
func broken(t testing.TB) string {
	return upstream(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
}

// flaky fails every odd request and echoes the body of the others.
func flaky(t testing.TB, fail http.HandlerFunc) (url string, served *atomic.Int64) {
	served = new(atomic.Int64)
	return upstream(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if served.Add(1)%2 == 1 {
			fail(w, r)
			return
		}
		_, _ = w.Write(append([]byte("ok "), body...))
	}), served
}

// delivers holds that the users of a version got this. What they got is counted
// a moment after the request has ended, and after what its first attempt came to.
func (w *world) delivers(t testing.TB, version string, want stagger.Outcomes) {
	t.Helper()
	var got stagger.Outcomes
	defer func() {
		if got != want {
			t.Errorf("delivered %+v, want %+v", got, want)
		}
	}()
	eventually(t, "what was delivered", func() bool {
		got = w.meter.Delivered("shop", version)
		return got == want
	})
}

func TestARetryIsInvisibleToTheUserAndNotToTheJudge(t *testing.T) {
	busy := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }
	hangUp := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	post := usualRetries
	post.Methods = []string{http.MethodPost}
	for _, row := range []struct {
		rule, method, body string
		retries            stagger.Retries
		fail               http.HandlerFunc
		status             int
		judged, delivered  stagger.Outcomes
	}{
		{"an answer of 503", http.MethodGet, "", usualRetries, busy, 200, stagger.Outcomes{ServerError: 1}, stagger.Outcomes{OK: 1}},
		{"a connection that broke", http.MethodGet, "", usualRetries, hangUp, 200, stagger.Outcomes{ConnectError: 1}, stagger.Outcomes{OK: 1}},
		{"a body that may be repeated", http.MethodPut, "hello", usualRetries, busy, 200, stagger.Outcomes{ServerError: 1}, stagger.Outcomes{OK: 1}},
		{"a POST is not repeated", http.MethodPost, "hello", usualRetries, busy, 503, stagger.Outcomes{ServerError: 1}, stagger.Outcomes{ServerError: 1}},
		{"unless that is declared", http.MethodPost, "hello", post, busy, 200, stagger.Outcomes{ServerError: 1}, stagger.Outcomes{OK: 1}},
		{"nothing was declared", http.MethodGet, "", stagger.Retries{}, busy, 503, stagger.Outcomes{ServerError: 1}, stagger.Outcomes{ServerError: 1}},
	} {
		t.Run(row.rule, func(t *testing.T) {
			url, served := flaky(t, row.fail)
			s := service(version("v1", url))
			s.Retries = row.retries
			w := run(t, proxy.Limits{}, s)
			code, _, body := perform(t, client(t), row.method, w.url, row.body)
			if code != row.status || code == 200 && body != "ok "+row.body {
				t.Errorf("%d %q", code, body)
			}
			if want := int64(1); row.status == 200 && served.Load() != want+1 || row.status != 200 && served.Load() != want {
				t.Errorf("the upstream served %d", served.Load())
			}
			if got := w.observed(t, "v1"); got.Started != 1 || got.Outcomes != row.judged {
				t.Errorf("judged by %+v, want %+v", got.Outcomes, row.judged)
			}
			w.delivers(t, "v1", row.delivered)
		})
	}
}

func TestABodyThatIsTooLongToKeepIsNotSentTwice(t *testing.T) {
	url, served := flaky(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	s := service(version("v1", url))
	s.Retries = usualRetries
	w := run(t, proxy.Limits{}, s)
	code, _, _ := perform(t, client(t), http.MethodPut, w.url, strings.Repeat("x", 1<<20))
	if code != 503 || served.Load() != 1 {
		t.Errorf("%d after %d attempts", code, served.Load())
	}
}

func TestARetryGoesToAnotherEndpoint(t *testing.T) {
	var dead atomic.Int64
	down := upstream(t, func(http.ResponseWriter, *http.Request) {
		dead.Add(1)
		panic(http.ErrAbortHandler)
	})
	s := service(version("v1", down, named(t, "well")))
	s.Retries = usualRetries
	s.Retries.Least = 1000
	w := run(t, proxy.Limits{}, s)
	c := client(t)
	for range 50 {
		if code, _, body := get(t, c, w.url); code != 200 || body != "well" {
			t.Fatalf("%d %q", code, body)
		}
	}
	// The last one is counted a moment after its answer arrived.
	var got stagger.Outcomes
	eventually(t, "every failure to be followed by an attempt", func() bool {
		got = w.meter.Attempts("shop", "v1", meter.Retry)
		return int64(got.OK) == dead.Load()
	})
	if got.OK == 0 {
		t.Errorf("%d failures and %+v attempts after them", dead.Load(), got)
	}
}

func TestAStormOfRetriesIsBounded(t *testing.T) {
	var served atomic.Int64
	s := service(version("v1", upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		served.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	})))
	s.Retries = usualRetries
	s.Retries.Attempts = 5
	w := run(t, proxy.Limits{}, s)
	const requests = 400
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			c := client(t)
			for range requests / 8 {
				get(t, c, w.url)
			}
		})
	}
	all.Wait()
	// A fifth, and three a second for ten seconds.
	if most := int64(requests + requests/5 + 30); served.Load() > most || served.Load() <= requests {
		t.Errorf("%d requests became %d, want at most %d", requests, served.Load(), most)
	}
	if got := w.observed(t, "v1"); got.Started != requests || got.Outcomes.ServerError != requests {
		t.Errorf("judged by %+v", got.Outcomes)
	}
}

func TestTheBaselineAnswersForACandidateThatFails(t *testing.T) {
	for _, row := range []struct {
		rule      string
		candidate func(testing.TB) string
		method    string
		answered  bool
		judged    stagger.Outcomes
	}{
		{"with an error", func(t testing.TB) string { return onlyStatus(t, 500) }, http.MethodGet, true, stagger.Outcomes{ServerError: 1}},
		{"by breaking off", broken, http.MethodGet, true, stagger.Outcomes{ConnectError: 1}},
		{"by not being there", func(t testing.TB) string { return "http://" + unused(t) }, http.MethodPost, true, stagger.Outcomes{ConnectError: 1}},
		{"by not answering", func(t testing.TB) string {
			return upstream(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		}, http.MethodGet, true, stagger.Outcomes{Timeout: 1}},
		{"but not a write that may have been done", func(t testing.TB) string { return onlyStatus(t, 500) }, http.MethodPost, false, stagger.Outcomes{ServerError: 1}},
	} {
		t.Run(row.rule, func(t *testing.T) {
			s := service(version("v1", named(t, "v1")), version("v2", row.candidate(t)))
			s.Fallback = true
			if row.judged.Timeout > 0 {
				s.Timeouts.Response = time.Second // of the baseline, too
			}
			w := run(t, proxy.Limits{}, s)
			onCandidate(t, w)
			code, header, body := perform(t, client(t), row.method, w.url, "", func(r *http.Request) {
				if row.method == http.MethodPost {
					r.Body, r.ContentLength = io.NopCloser(strings.NewReader("x")), 1
				}
			})
			if row.answered && (code != 200 || body != "v1" || header.Get("X-Version") != "v1") || !row.answered && code != 500 {
				t.Errorf("%d %q from %q", code, body, header.Get("X-Version"))
			}
			if got := w.observed(t, "v2"); got.Started != 1 || got.Outcomes != row.judged {
				t.Errorf("the candidate is judged by %+v, want %+v", got.Outcomes, row.judged)
			}
			if got := w.observed(t, "v1"); got.Started != 0 {
				t.Errorf("the baseline is judged by %+v", got.Outcomes)
			}
			if row.answered {
				w.delivers(t, "v2", stagger.Outcomes{OK: 1})
			}
		})
	}
}

func TestACandidateThatFailsCompletelyIsNoticedByTheJudgeAlone(t *testing.T) {
	s := service(version("v1", named(t, "v1")), version("v2", onlyStatus(t, 500)))
	s.Fallback = true
	s.Circuit = stagger.Circuit{Consecutive: 5, Open: time.Minute, Probes: 1}
	w := run(t, proxy.Limits{}, s)
	if err := w.Apply(t.Context(), half()); err != nil {
		t.Fatal(err)
	}
	c := client(t)
	for i := range 200 {
		if code, _, body := get(t, c, w.url, user("u"+strconv.Itoa(i))); code != 200 || body != "v1" {
			t.Fatalf("user %d got %d %q", i, code, body)
		}
	}
	seen := w.observed(t, "v2")
	if failed := seen.Outcomes.ServerError + seen.Outcomes.ConnectError; seen.Started < 50 || failed != seen.Started {
		t.Errorf("the candidate met %d users and failed %d of them", seen.Started, failed)
	}
}

func TestTheCircuitOpensWithTheFailureThatIsTooMuch(t *testing.T) {
	var asked atomic.Int64
	var well atomic.Bool
	s := service(version("v1", upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		if !well.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})))
	s.Circuit = stagger.Circuit{Consecutive: 5, Open: 300 * time.Millisecond, Probes: 2}
	w := run(t, proxy.Limits{}, s)
	c := client(t)
	for i := range 20 {
		code, _, _ := get(t, c, w.url)
		if want := map[bool]int{true: 500, false: 503}[i < 5]; code != want {
			t.Fatalf("request %d got %d, want %d", i+1, code, want)
		}
	}
	if asked.Load() != 5 {
		t.Errorf("the upstream was asked %d times", asked.Load())
	}
	if got := w.Strain("shop")[0]; got.Circuit != "open" || got.Why != "5 failures in a row" {
		t.Errorf("told %+v", got)
	}
	if why := w.Tripped("shop", "v1"); why != "5 failures in a row" {
		t.Errorf("tripped by %q", why)
	}
	if got := w.observed(t, "v1"); got.Started != 20 || got.Outcomes != (stagger.Outcomes{ServerError: 5, ConnectError: 15}) {
		t.Errorf("judged by %+v", got.Outcomes)
	}
	well.Store(true)
	eventually(t, "the circuit to close", func() bool {
		get(t, c, w.url)
		return w.Strain("shop")[0].Circuit == "closed"
	})
}

func TestProbesAreBoundedUnderLoad(t *testing.T) {
	var atOnce, most, asked atomic.Int64
	var slow atomic.Bool
	s := service(version("v1", upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		n := atOnce.Add(1)
		defer atOnce.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		if slow.Load() {
			time.Sleep(50 * time.Millisecond)
		}
		w.WriteHeader(http.StatusInternalServerError)
	})))
	s.Circuit = stagger.Circuit{Consecutive: 3, Open: 20 * time.Millisecond, Probes: 2}
	w := run(t, proxy.Limits{}, s)
	c := client(t)
	for range 3 {
		get(t, c, w.url)
	}
	eventually(t, "the circuit to open", func() bool { return w.Strain("shop")[0].Circuit != "closed" })
	slow.Store(true)
	most.Store(0)
	begin := time.Now()
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			c := client(t)
			for time.Since(begin) < 500*time.Millisecond || asked.Load() < 13 && time.Since(begin) < 20*time.Second {
				get(t, c, w.url)
			}
		})
	}
	all.Wait()
	if most.Load() > 2 || asked.Load() < 13 {
		t.Errorf("%d probes at once, %d in all", most.Load(), asked.Load())
	}
}

func TestOneBadEndpointIsLeftAloneByItself(t *testing.T) {
	var bad atomic.Int64
	s := service(version("v1", upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		bad.Add(1)
		w.WriteHeader(http.StatusInternalServerError)
	}), named(t, "well")))
	s.Circuit = stagger.Circuit{Consecutive: 4, Open: time.Minute, Probes: 1}
	w := run(t, proxy.Limits{}, s)
	c := client(t)
	served := 0
	for range 100 {
		if code, _, _ := get(t, c, w.url); code == 200 {
			served++
		}
	}
	if served < 90 || bad.Load() > 8 {
		t.Errorf("%d of 100 were served, the bad endpoint got %d", served, bad.Load())
	}
}

func TestWhatIsTooMuchIsRefusedAtOnceTheLowFirst(t *testing.T) {
	release := make(chan struct{})
	s := service(version("v1", upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			<-release
		}
		_, _ = io.WriteString(w, "ok")
	})))
	s.Routes = []stagger.Route{{Name: "all", Path: "/"}, {Name: "low", Path: "/low", Priority: stagger.PriorityLow}}
	s.Concurrency = stagger.Concurrency{Adaptive: true, Min: 10, Max: 10, PriorityHeader: "x-priority", Trusted: []string{"127.0.0.0/8"}}
	w := run(t, proxy.Limits{}, s)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { get(t, client(t), w.url+"/wait") })
	}
	eventually(t, "eight requests to be under way", func() bool { return w.Strain("shop")[0].InFlight == 8 })
	c := client(t)
	told := func(p string) func(*http.Request) { return func(r *http.Request) { r.Header.Set("X-Priority", p) } }
	for _, row := range []struct {
		rule, path string
		set        func(*http.Request)
		want       int
	}{
		{"the low route", "/low", told(""), 503},
		{"what a trusted client calls low", "/", told("low"), 503},
		{"what nobody knows is normal", "/", told("urgent"), 200},
		{"the low route of a critical client", "/low", told("critical"), 200},
	} {
		if code, _, _ := get(t, c, w.url+row.path, row.set); code != row.want {
			t.Errorf("%s: %d, want %d", row.rule, code, row.want)
		}
		// A request ends a moment after its answer arrived.
		eventually(t, "eight requests to be left", func() bool { return w.Strain("shop")[0].InFlight == 8 })
	}
	if got := w.Strain("shop")[0]; got.Limit != 10 || got.InFlight != 8 || got.Saturation < 0.8 {
		t.Errorf("told %+v", got)
	}
	close(release)
	all.Wait()
}

func TestADeadlineIsPassedOnAndKept(t *testing.T) {
	got := make(chan http.Header, 1)
	var asked atomic.Int64
	s := service(version("v1", upstream(t, func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
			return
		}
		got <- r.Header
	})))
	s.Deadline.Header, s.Timeouts.Response = "x-request-timeout", time.Minute
	w := run(t, proxy.Limits{}, s)
	c := client(t)
	given := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for _, row := range []struct {
		rule, name, value, unit string
		most                    int
	}{
		{"milliseconds", "X-Request-Timeout", "1500", "", 1500},
		{"with a unit", "X-Request-Timeout", "1.5s", "ms", 1500},
		{"of gRPC", "Grpc-Timeout", "2S", "m", 2000},
	} {
		if code, _, _ := get(t, c, w.url, given(row.name, row.value)); code != 200 {
			t.Fatalf("%s: %d", row.rule, code)
		}
		text := (<-got).Get(row.name)
		n, err := strconv.Atoi(strings.TrimSuffix(text, row.unit))
		if err != nil || n > row.most || n < row.most-1000 {
			t.Errorf("%s: the upstream was told %q", row.rule, text)
		}
	}
	for _, value := range []string{"soon", "-", "99999999999999999999"} {
		if code, _, _ := get(t, c, w.url, given("X-Request-Timeout", value)); code != 200 {
			t.Errorf("%q: %d", value, code)
		}
		if text := (<-got).Get("X-Request-Timeout"); text != value {
			t.Errorf("%q became %q", value, text)
		}
	}
	begin := time.Now()
	if code, _, _ := get(t, c, w.url+"/slow", given("X-Request-Timeout", "100ms")); code != 504 || time.Since(begin) > 20*time.Second {
		t.Errorf("%d after %s", code, time.Since(begin))
	}
	before := asked.Load()
	if code, _, _ := get(t, c, w.url, given("X-Request-Timeout", "0")); code != 504 || asked.Load() != before {
		t.Errorf("a request that came too late got %d and was sent %d times", code, asked.Load()-before)
	}
	if got := w.observed(t, "v1").Outcomes; got != (stagger.Outcomes{OK: 6, Timeout: 1, ClientAbort: 1}) {
		t.Errorf("judged by %+v", got)
	}
}

func TestARouteDegradesAsItDeclares(t *testing.T) {
	took := make(chan *http.Request, 10)
	bodies := make(chan string, 10)
	queue := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		took <- r
		bodies <- string(body)
		w.WriteHeader(http.StatusNoContent)
	})
	s := service(version("v1", "http://"+unused(t)))
	s.Routes = []stagger.Route{
		{Name: "all", Path: "/"},
		{Name: "static", Path: "/static", Degrade: stagger.Degrade{Static: &stagger.StaticAnswer{Status: 200, Body: `{"items":[]}`, ContentType: "application/json"}}},
		{Name: "drop", Path: "/drop", Degrade: stagger.Degrade{Drop: true}},
		{Name: "orders", Path: "/orders", Degrade: stagger.Degrade{Accept: &stagger.AcceptAnswer{Hook: queue}}},
	}
	s.Circuit = stagger.Circuit{Consecutive: 2, Open: time.Minute, Probes: 1}
	w := run(t, proxy.Limits{}, s)
	c := client(t)
	for _, row := range []struct {
		rule, method, path, body string
		status                   int
		notice, answer           string
	}{
		{"nothing declared", http.MethodGet, "/", "", 503, "", ""},
		{"not in trouble yet", http.MethodGet, "/drop", "", 503, "", ""},
		{"a static answer", http.MethodGet, "/static", "", 200, "static; reason=circuit", `{"items":[]}`},
		{"a route that is dropped", http.MethodGet, "/drop", "", 503, "dropped; reason=dropped", ""},
		{"a request that is queued", http.MethodPost, "/orders?x=1", "two of them", 202, "accepted; reason=circuit", ""},
	} {
		code, header, body := perform(t, c, row.method, w.url+row.path, row.body)
		if code != row.status || header.Get("Degraded") != row.notice || row.answer != "" && body != row.answer {
			t.Errorf("%s: %d %q, degraded %q", row.rule, code, body, header.Get("Degraded"))
		}
	}
	r, body := <-took, <-bodies
	if body != "two of them" || r.Header.Get("Stagger-Target") != "/orders?x=1" || r.Header.Get("Stagger-Method") != "POST" || r.Header.Get("Stagger-Route") != "orders" {
		t.Errorf("the hook got %q with %v", body, r.Header)
	}
	told := map[string]string{}
	for _, d := range w.Degraded("shop") {
		told[d.Route] = d.Mode + " " + d.Reason + " " + strconv.FormatUint(d.Count, 10)
	}
	if len(told) != 3 || told["static"] != "static circuit 1" || told["orders"] != "accepted circuit 1" {
		t.Errorf("people are told %v", told)
	}
	if got := w.observed(t, "v1").Outcomes; got != (stagger.Outcomes{ConnectError: 5}) {
		t.Errorf("judged by %+v", got)
	}
}

func TestARequestThatMayHaveBeenDoneIsNotQueued(t *testing.T) {
	var taken atomic.Int64
	queue := upstream(t, func(http.ResponseWriter, *http.Request) { taken.Add(1) })
	s := service(version("v1", broken(t)))
	s.Routes[0].Degrade.Accept = &stagger.AcceptAnswer{Hook: queue}
	w := run(t, proxy.Limits{}, s)
	if code, _, _ := perform(t, client(t), http.MethodPost, w.url, "x"); code != 502 || taken.Load() != 0 {
		t.Errorf("%d, the hook took %d", code, taken.Load())
	}
}

func TestTheLastGoodAnswerIsGivenOnlyToWhomItMay(t *testing.T) {
	var down atomic.Bool
	s := service(version("v1", upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		h := w.Header()
		switch r.URL.Path {
		case "/private":
			h.Set("Cache-Control", "private")
		case "/no-store":
			h.Set("Cache-Control", "max-age=60, no-store")
		case "/cookie":
			h.Set("Set-Cookie", "a=b")
		case "/public":
			h.Set("Cache-Control", "public, max-age=60")
		case "/vary":
			h.Set("Vary", "Accept-Language")
		}
		_, _ = io.WriteString(w, r.URL.RequestURI()+" "+r.Header.Get("Accept-Language"))
	})))
	s.Routes[0].Degrade.Cached = &stagger.CachedAnswer{For: time.Minute, MaxBytes: 1 << 20}
	w := run(t, proxy.Limits{}, s)
	c := client(t)
	with := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	ada, english, german := with("Authorization", "Bearer ada"), with("Accept-Language", "en"), with("Accept-Language", "de")
	none := func(*http.Request) {}
	rows := []struct {
		rule, path    string
		before, after func(*http.Request)
		kept          bool
	}{
		{"the same", "/a?x=1", none, none, true},
		{"another query", "/a?x=2", nil, none, false},
		{"what is private", "/private", none, none, false},
		{"what is not to be stored", "/no-store", none, none, false},
		{"what sets a cookie", "/cookie", none, none, false},
		{"what somebody is authorised to", "/mine", ada, ada, false},
		{"what everybody gets, for ada", "/b", none, ada, false},
		{"what is public, for ada", "/public", ada, ada, true},
		{"the language asked for", "/vary", english, english, true},
		{"another language", "/vary", nil, german, false},
		{"with a cookie", "/c", with("Cookie", "a=b"), with("Cookie", "a=b"), false},
	}
	for _, row := range rows {
		if row.before != nil {
			get(t, c, w.url+row.path, row.before)
		}
	}
	down.Store(true)
	for _, row := range rows {
		code, header, body := get(t, c, w.url+row.path, row.after)
		if kept := code == 200; kept != row.kept {
			t.Errorf("%s: %d %q", row.rule, code, body)
		}
		if row.kept && (header.Get("Degraded") != "cached; reason=500" || header.Get("Age") == "" || !strings.HasPrefix(body, row.path)) {
			t.Errorf("%s: %q with %v", row.rule, body, header)
		}
	}
}

func TestTheMemoryOfAnswersIsBounded(t *testing.T) {
	var down atomic.Bool
	s := service(version("v1", upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = w.Write(make([]byte, 1000))
	})))
	s.Routes[0].Degrade.Cached = &stagger.CachedAnswer{For: time.Minute, MaxBytes: 20_000}
	w := run(t, proxy.Limits{}, s)
	c := client(t)
	for i := range 100 {
		get(t, c, w.url+"/"+strconv.Itoa(i))
	}
	down.Store(true)
	kept := 0
	for i := range 100 {
		if code, _, _ := get(t, c, w.url+"/"+strconv.Itoa(i)); code == 200 {
			kept++
			if i < 80 {
				t.Errorf("%d was kept and is not among the last", i)
			}
		}
	}
	if kept < 5 || kept > 20 {
		t.Errorf("%d answers of 1 000 bytes are kept in 20 000", kept)
	}
}

func TestAThousandPausesUnderLoadLoseNoRequest(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", named(t, "v1")), version("v2", named(t, "v2"))))
	var stop atomic.Bool
	var served, lost atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			c := client(t)
			for !stop.Load() {
				if code, _, _ := get(t, c, w.url); code == 200 {
					served.Add(1)
				} else {
					lost.Add(1)
				}
			}
		})
	}
	for range 1000 {
		if err := w.Pause("shop", time.Second); err != nil {
			t.Fatal(err)
		}
		onCandidate(t, w) // the flip
		if err := w.Resume("shop"); err != nil {
			t.Fatal(err)
		}
		if err := w.Apply(t.Context(), stagger.Split{Service: "shop", Baseline: "v1"}); err != nil {
			t.Fatal(err)
		}
	}
	before := served.Load()
	eventually(t, "requests to be served after it", func() bool { return served.Load() > before+100 })
	stop.Store(true)
	all.Wait()
	if lost.Load() > 0 {
		t.Errorf("%d of %d requests were lost", lost.Load(), served.Load())
	}
}

func TestAPausedRequestMeetsTheVersionOfTheResume(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", named(t, "v1")), version("v2", named(t, "v2"))))
	if err := w.Pause("shop", 10*time.Second); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	go func() {
		_, _, body := get(t, client(t), w.url)
		got <- body
	}()
	select {
	case body := <-got:
		t.Fatalf("%q answered during a pause", body)
	case <-time.After(100 * time.Millisecond):
	}
	onCandidate(t, w)
	if err := w.Resume("shop"); err != nil {
		t.Fatal(err)
	}
	if body := <-got; body != "v2" {
		t.Errorf("%q answered", body)
	}
}

func TestAPauseEndsByItself(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", named(t, "v1"))))
	if err := w.Pause("shop", 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if code, _, _ := get(t, client(t), w.url); code != 200 {
		t.Errorf("%d", code)
	}
	for _, most := range []time.Duration{0, -1, time.Hour} {
		if err := w.Pause("shop", most); stagger.CodeOf(err) != stagger.CodeInvalid {
			t.Errorf("a pause of %s: %v", most, err)
		}
	}
	if err := w.Pause("cart", time.Second); stagger.CodeOf(err) != stagger.CodeNotFound {
		t.Errorf("a service that is not there: %v", err)
	}
}

// paused is how many requests wait, as the metrics have it.
func (w *world) paused(t testing.TB) float64 {
	t.Helper()
	all := prometheus.NewPedanticRegistry()
	all.MustRegister(w.Collector())
	families, err := all.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "stagger_paused_requests" {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	return 0
}

func TestStopEndsAPause(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", named(t, "v1"))))
	if err := w.Pause("shop", time.Minute); err != nil {
		t.Fatal(err)
	}
	got := make(chan int, 1)
	conn := dial(t, w.url)
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	go func() {
		buffer := make([]byte, 12)
		_, _ = io.ReadFull(conn, buffer)
		code, _ := strconv.Atoi(string(buffer[9:]))
		got <- code
	}()
	eventually(t, "it to wait", func() bool { return w.paused(t) == 1 })
	if err := w.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code := <-got; code != 200 {
		t.Errorf("%d", code)
	}
}

func TestAReloadKeepsWhatProtects(t *testing.T) {
	dead := onlyStatus(t, 500)
	s := service(version("v1", dead))
	s.Circuit = stagger.Circuit{Consecutive: 2, Open: time.Minute, Probes: 1}
	w := run(t, proxy.Limits{}, s)
	c := client(t)
	get(t, c, w.url)
	get(t, c, w.url)
	eventually(t, "the circuit to open", func() bool { return w.Strain("shop")[0].Circuit == "open" })
	if err := w.Reload([]stagger.Service{s}); err != nil {
		t.Fatal(err)
	}
	if got := w.Strain("shop")[0].Circuit; got != "open" {
		t.Errorf("after a reload of the same it is %s", got)
	}
	s.Circuit.Consecutive = 3
	if err := w.Reload([]stagger.Service{s}); err != nil {
		t.Fatal(err)
	}
	if got := w.Strain("shop")[0].Circuit; got != "closed" {
		t.Errorf("after another declaration it is %s", got)
	}
}

func TestAGRPCCallIsTriedAgainWhereThatIsDeclared(t *testing.T) {
	for _, row := range []struct {
		rule    string
		methods []string
		want    codes.Code
		judged  stagger.Outcomes
	}{
		{"declared", []string{http.MethodPost}, codes.OK, stagger.Outcomes{ServerError: 1}},
		{"not declared", nil, codes.Unavailable, stagger.Outcomes{ServerError: 1}},
	} {
		t.Run(row.rule, func(t *testing.T) {
			var calls atomic.Int64
			w, conn := grpcWorld(t, func(stream grpc.ServerStream) error {
				if calls.Add(1) == 1 {
					return status.Error(codes.Unavailable, "not yet")
				}
				return repeat(stream)
			}, func(s *stagger.Service) {
				s.Retries = usualRetries
				s.Retries.Methods = row.methods
			})
			stream := chat(t, t.Context(), conn)
			_ = stream.SendMsg(wrapperspb.String("hello"))
			_ = stream.CloseSend()
			var got wrapperspb.StringValue
			err := stream.RecvMsg(&got)
			if status.Code(err) != row.want || row.want == codes.OK && got.GetValue() != "hello" {
				t.Errorf("got %q, %v", got.GetValue(), err)
			}
			for err == nil {
				err = stream.RecvMsg(&got)
			}
			if o := w.observed(t, "v1"); o.Started != 1 || o.Outcomes != row.judged {
				t.Errorf("judged by %+v", o.Outcomes)
			}
		})
	}
}

func TestAStreamEndsWithItsDeadline(t *testing.T) {
	s := service(version("v1", upstream(t, func(w http.ResponseWriter, r *http.Request) {
		for {
			_, _ = io.WriteString(w, "piece ")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	})))
	s.Deadline.Header = "X-Request-Timeout"
	w := run(t, proxy.Limits{}, s)
	r := request(t, http.MethodGet, w.url, nil)
	r.Header.Set("X-Request-Timeout", "1s") // which has to do for the beginning of an answer
	begin := time.Now()
	response, err := client(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if body, err := io.ReadAll(response.Body); err == nil || time.Since(begin) > 20*time.Second {
		t.Errorf("%d bytes look whole, after %s", len(body), time.Since(begin))
	}
	if got := w.observed(t, "v1").Outcomes; got != (stagger.Outcomes{Timeout: 1}) {
		t.Errorf("judged by %+v", got)
	}
}

func TestARouteIsNotDroppedWhileTheBaselineCanAnswer(t *testing.T) {
	s := service(version("v1", named(t, "v1")), version("v2", onlyStatus(t, 500)))
	s.Fallback = true
	s.Circuit = stagger.Circuit{Consecutive: 2, Open: time.Minute, Probes: 1}
	s.Routes[0].Degrade.Drop = true
	w := run(t, proxy.Limits{}, s)
	onCandidate(t, w)
	c := client(t)
	for range 6 {
		if code, header, body := get(t, c, w.url); code != 200 || body != "v1" || header.Get("Degraded") != "" {
			t.Fatalf("%d %q, degraded %q", code, body, header.Get("Degraded"))
		}
	}
	if got := w.observed(t, "v2").Outcomes; got != (stagger.Outcomes{ServerError: 2, ConnectError: 4}) {
		t.Errorf("the candidate is judged by %+v", got)
	}
}
