package proxy_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/mirror"
	"github.com/stagger-dev/stagger/internal/proxy"
)

// mirroring is a proxy that mirrors.
type mirroring struct {
	*world
	mirror *mirror.Mirror
}

// mirrored starts a proxy of v1 and v2 that mirrors to v2 by the rules.
func mirrored(t *testing.T, o mirror.Options, v1, v2 string, rules stagger.Shadow, change ...func(*stagger.Service)) *mirroring {
	t.Helper()
	s := service(version("v1", v1), version("v2", v2))
	for _, f := range change {
		f(&s)
	}
	m, mi := meter.New(meter.Options{}), mirror.New(o)
	p, err := proxy.New(proxy.Config{
		Listeners: []proxy.Listener{{Name: "web", Address: "127.0.0.1:0"}},
		Services:  []stagger.Service{s}, NetHTTP: !fast, Mirror: mi,
	}, m, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	mi.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = p.Stop(ctx)
		_ = mi.Stop(ctx)
	})
	w := &mirroring{&world{Proxy: p, meter: m, url: "http://" + p.Addr("web").String()}, mi}
	if rules.Repeat == 0 {
		rules.Repeat = stagger.WeightFull
	}
	w.apply(t, stagger.Split{Shadow: stagger.WeightFull, ShadowRules: &rules})
	return w
}

// apply has the service follow a split to v2.
func (w *mirroring) apply(t *testing.T, s stagger.Split) {
	t.Helper()
	s.Service, s.Baseline, s.Candidate, s.Rollout, s.Seed = "shop", "v1", "v2", "r1", "seed"
	s.Key.ClientAddress = true
	if err := w.Apply(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}

func (w *mirroring) found(t *testing.T) stagger.Differences {
	t.Helper()
	d, ok := w.mirror.Differences("r1")
	if !ok {
		t.Fatal("nothing is known of the rollout")
	}
	return d
}

// settled waits until every one of n chosen requests was mirrored or dropped.
func (w *mirroring) settled(t *testing.T, n uint64) stagger.Differences {
	t.Helper()
	eventually(t, fmt.Sprintf("%d copies", n), func() bool {
		d := w.found(t)
		return d.Mirrored+lost(d) >= n
	})
	return w.found(t)
}

func lost(d stagger.Differences) (n uint64) {
	for _, dropped := range d.Dropped {
		n += dropped.N
	}
	return n
}

func at(t *testing.T, d stagger.Differences, path string) stagger.Difference {
	t.Helper()
	for _, one := range d.Paths {
		if one.Path == path {
			return one
		}
	}
	t.Fatalf("no difference at %s: %+v", path, d)
	return stagger.Difference{}
}

func TestAChangeIsFoundAndNoiseIsNot(t *testing.T) {
	order := func(total int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"at":%d,"order":{"lines":[{"id":1,"price":%d}]},"customer":{"email":"ann%d@example.org"}}`,
				time.Now().UnixNano(), total, time.Now().UnixNano())
		}
	}
	var unmarked atomic.Int64
	candidate := order(21)
	w := mirrored(t, mirror.Options{}, upstream(t, order(20)), upstream(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get(mirror.Mark) != "1" || r.Host != "shop.example.org" || r.Header.Get("X-Forwarded-For") == "" || r.URL.RawQuery != "page=2" {
			unmarked.Add(1)
		}
		candidate(rw, r)
	}), stagger.Shadow{})
	c := client(t)
	const n = 60
	for range n {
		status, header, body := get(t, c, w.url+"/orders?page=2", func(r *http.Request) { r.Host = "shop.example.org" })
		if status != http.StatusOK || header.Get("X-Version") != "v1" || !strings.Contains(body, `"price":20`) {
			t.Fatalf("a user got %d %v %s", status, header, body)
		}
	}
	d := w.settled(t, n)
	if d.Mirrored != n || d.Failed != 0 || unmarked.Load() != 0 {
		t.Errorf("%d were mirrored, %d failed, %d were not as they should be", d.Mirrored, d.Failed, unmarked.Load())
	}
	change := at(t, d, "$.order.lines[].price")
	if change.Finding != stagger.FoundDifference || change.Candidate != n || change.Noise != 0 || change.Kind != stagger.DifferenceChanged {
		t.Errorf("the change: %+v", change)
	}
	if e := change.Examples[0]; e.Baseline != "20" || e.Candidate != "21" || e.Method != http.MethodGet || e.Target != "/orders" {
		t.Errorf("its example: %+v", e)
	}
	if noise := at(t, d, "$.at"); noise.Finding != stagger.FoundNoise || noise.Noise != n {
		t.Errorf("the noise: %+v", noise)
	}
	if e := at(t, d, "$.customer.email").Examples[0]; strings.Contains(e.Baseline+e.Candidate, "ann") {
		t.Errorf("an address is shown: %+v", e)
	}
	if o := w.observed(t, "v2"); o.Started != 0 {
		t.Errorf("%d copies count as requests of users", o.Started)
	}
	if o := w.observed(t, "v1"); o.Started != n {
		t.Errorf("%d requests count, %d were made", o.Started, n)
	}
	if d.Compared == 0 || d.Differing != d.Compared || d.OnlyCandidate != d.Pairs {
		t.Errorf("as a whole: %+v", d.Shadowed)
	}
}

func TestAnswersOfEveryFormAreComparedWhole(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 16<<10) // 256 KiB
	pack := func(text string) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.ModTime = time.Now() // so that the bytes differ where the text does not
		_, _ = io.WriteString(z, text)
		_ = z.Close()
		return b.Bytes()
	}
	forms := map[string]func(w http.ResponseWriter, extra string){
		"/length": func(w http.ResponseWriter, extra string) { _, _ = io.WriteString(w, "short"+extra) },
		"/chunks": func(w http.ResponseWriter, extra string) {
			for i := range 5 {
				_, _ = fmt.Fprintf(w, "piece %d", i)
				_ = http.NewResponseController(w).Flush()
			}
			_, _ = io.WriteString(w, extra)
		},
		"/long": func(w http.ResponseWriter, extra string) {
			w.Header().Set("Content-Length", fmt.Sprint(len(long)+len(extra)))
			_, _ = io.WriteString(w, long+extra)
		},
		"/gzip": func(w http.ResponseWriter, extra string) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(pack(`{"a":"` + extra + `"}`))
		},
	}
	serve := func(extra string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("same") {
				forms[r.URL.Path](w, "")
				return
			}
			forms[r.URL.Path](w, extra)
		}
	}
	for path := range forms {
		t.Run(path[1:], func(t *testing.T) {
			w := mirrored(t, mirror.Options{}, upstream(t, serve("")), upstream(t, serve("!")), stagger.Shadow{})
			c := client(t)
			get(t, c, w.url+path+"?same")
			get(t, c, w.url+path)
			d := w.settled(t, 2)
			where := "body"
			if path == "/gzip" {
				where = "$.a"
			}
			if len(d.Paths) != 1 || d.Paths[0].Path != where || d.Paths[0].Candidate != 1 {
				t.Errorf("the difference was not found: %+v", d)
			}
			for _, p := range d.Paths {
				if p.Candidate > 1 || p.Noise != 0 {
					t.Errorf("what is equal differs: %+v", p)
				}
			}
		})
	}
}

// TestACandidateThatHangsHoldsNobodyUp counts instead of taking times: users are
// answered while every worker waits.
func TestACandidateThatHangsHoldsNobodyUp(t *testing.T) {
	release := make(chan struct{})
	var hanging atomic.Int64
	baseline := named(t, "fine")
	candidate := upstream(t, func(_ http.ResponseWriter, r *http.Request) {
		hanging.Add(1)
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	w := mirrored(t, mirror.Options{Workers: 2, Queue: 4, Timeout: time.Minute}, baseline, candidate, stagger.Shadow{})
	defer close(release)
	c := client(t)
	const n = 100
	for range n {
		if status, _, body := get(t, c, w.url); status != http.StatusOK || body != "fine" {
			t.Fatalf("a user got %d %s", status, body)
		}
	}
	eventually(t, "copies to be dropped", func() bool { return lost(w.found(t)) == n-2-4 })
	if h := hanging.Load(); h != 2 {
		t.Errorf("%d copies are under way, 2 may be", h)
	}
	// The flip drops what waits and cuts off what hangs.
	w.apply(t, stagger.Split{})
	eventually(t, "the rest to end", func() bool { return lost(w.found(t)) == n })
	get(t, c, w.url)
	if h, d := hanging.Load(), w.found(t); h != 2 || d.Mirrored != 0 || lost(d) != n {
		t.Errorf("after the end: %d copies arrived, %+v", h, d)
	}
}

func TestACandidateThatCrashesDiffers(t *testing.T) {
	w := mirrored(t, mirror.Options{}, named(t, "fine"), upstream(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), stagger.Shadow{})
	c := client(t)
	const n = 40
	for range n {
		if status, _, body := get(t, c, w.url); status != http.StatusOK || body != "fine" {
			t.Fatalf("a user got %d %s", status, body)
		}
	}
	d := w.settled(t, n)
	if p := at(t, d, "status"); p.Finding != stagger.FoundDifference || p.Kind != stagger.DifferenceMissing || d.Failed != d.Mirrored {
		t.Errorf("got %+v", d)
	}
}

func TestWhatIsNotSafeIsMirroredOnlyWhenAllowed(t *testing.T) {
	for _, row := range []struct {
		name    string
		methods []string
		want    int
	}{{"not allowed", nil, 0}, {"allowed", []string{"GET", "POST"}, 3}} {
		t.Run(row.name, func(t *testing.T) {
			var mu sync.Mutex
			got := map[string][]string{}
			keep := func(version string) http.HandlerFunc {
				return func(_ http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					mu.Lock()
					defer mu.Unlock()
					got[version+" "+r.Method] = append(got[version+" "+r.Method], string(body))
				}
			}
			w := mirrored(t, mirror.Options{}, upstream(t, keep("v1")), upstream(t, keep("v2")), stagger.Shadow{Methods: row.methods})
			c := client(t)
			large := strings.Repeat("x", 40<<10) // comes in pieces
			for _, body := range []string{"one", "", large} {
				response, err := c.Do(request(t, http.MethodPost, w.url, strings.NewReader(body)))
				if err != nil {
					t.Fatal(err)
				}
				_ = response.Body.Close()
			}
			get(t, c, w.url)
			w.settled(t, uint64(row.want)+1)
			mu.Lock()
			defer mu.Unlock()
			if len(got["v2 POST"]) != row.want || len(got["v2 GET"]) != 1 {
				t.Errorf("the candidate got %d POST and %d GET", len(got["v2 POST"]), len(got["v2 GET"]))
			}
			// What is not safe is never sent to the baseline twice.
			if len(got["v1 POST"]) != 3 || len(got["v1 GET"]) != 2 {
				t.Errorf("the baseline got %d POST and %d GET", len(got["v1 POST"]), len(got["v1 GET"]))
			}
			for _, body := range got["v2 POST"] {
				if body != "one" && body != "" && body != large {
					t.Errorf("a copy has another body of %d bytes", len(body))
				}
			}
		})
	}
}

func TestOnlyWhatMetTheBaselineIsMirrored(t *testing.T) {
	var copies atomic.Int64
	w := mirrored(t, mirror.Options{}, named(t, "v1"), upstream(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get(mirror.Mark) != "" {
			copies.Add(1)
		}
	}), stagger.Shadow{})
	w.apply(t, stagger.Split{Weight: stagger.WeightFull, Shadow: stagger.WeightFull})
	c := client(t)
	for range 20 {
		get(t, c, w.url, func(r *http.Request) { r.Header.Set(mirror.Mark, "1") }) // which nobody may say but the proxy
	}
	if d := w.found(t); copies.Load() != 0 || d.Mirrored+lost(d) != 0 {
		t.Errorf("%d requests reached the candidate as copies: %+v", copies.Load(), d)
	}
}

func TestCopiesAreDroppedFirst(t *testing.T) {
	hold := make(chan struct{})
	var open atomic.Int64
	w := mirrored(t, mirror.Options{Busy: 4}, upstream(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			open.Add(1)
			<-hold
		}
	}), named(t, "v2"), stagger.Shadow{Methods: []string{"GET"}})
	c := client(t)
	var slow sync.WaitGroup
	for range 5 {
		slow.Go(func() {
			response, err := c.Do(request(t, http.MethodPut, w.url+"/slow", nil))
			if err == nil {
				_ = response.Body.Close()
			}
		})
	}
	eventually(t, "the baseline to be busy", func() bool { return open.Load() == 5 })
	for range 10 {
		get(t, c, w.url)
	}
	close(hold)
	slow.Wait()
	d := w.found(t)
	if d.Mirrored != 0 || len(d.Dropped) != 1 || d.Dropped[0] != (stagger.Dropped{Reason: "busy", N: 10}) {
		t.Errorf("while the baseline was busy: %+v", d)
	}
}

func TestACandidateWhoseCircuitIsOpenGetsNoCopies(t *testing.T) {
	var copies atomic.Int64
	w := mirrored(t, mirror.Options{}, named(t, "v1"), upstream(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get(mirror.Mark) != "" {
			copies.Add(1)
		}
		rw.WriteHeader(http.StatusInternalServerError)
	}), stagger.Shadow{}, func(s *stagger.Service) {
		s.Circuit = stagger.Circuit{Consecutive: 3, Open: time.Minute, Probes: 1}
	})
	rule := stagger.Rule{Header: "X-Group", Equals: "staff"}
	w.apply(t, stagger.Split{Rules: []stagger.Rule{rule}, RuleShare: stagger.WeightFull})
	c := client(t)
	eventually(t, "the circuit to open", func() bool {
		get(t, c, w.url, func(r *http.Request) { r.Header.Set("X-Group", "staff") })
		return w.Tripped("shop", "v2") != ""
	})
	w.apply(t, stagger.Split{Shadow: stagger.WeightFull})
	for range 10 {
		get(t, c, w.url)
	}
	if d := w.found(t); copies.Load() != 0 || len(d.Dropped) != 1 || d.Dropped[0] != (stagger.Dropped{Reason: "unready", N: 10}) {
		t.Errorf("%d copies arrived: %+v", copies.Load(), d)
	}
}
