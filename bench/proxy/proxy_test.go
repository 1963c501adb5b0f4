package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestTheDocumentTellsTheResults holds the tables that people see against what
// was measured.
func TestTheDocumentTellsTheResults(t *testing.T) {
	const document = "../../docs/performance.md"
	files, err := filepath.Glob(filepath.Join("results", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := readAll(files)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	want, err := filled(string(text), r)
	if err != nil {
		t.Fatal(err)
	}
	if want != string(text) {
		t.Errorf("%s does not tell the results; go run ./bench/proxy -write docs/performance.md bench/proxy/results/*.json", document)
	}
}

// three is a report of three rounds in which we take 10, 30 and 20 us, HAProxy
// always half as much again, and one of its rounds was disturbed.
func three() *report {
	r := &report{Date: "2026-01-02", Machine: "one of two", Go: "go1", Versions: map[string]string{"HAProxy": "2.6"}, Missing: []string{"nginx: gone"}}
	for i, cpu := range []float64{1, 3, 2} {
		r.Rounds = append(r.Rounds,
			measurement{Round: i, Proxy: ours, Load: "1k", Requests: 100_000, Seconds: 2, CPU: cpu, P50: 1000, P99: 2000, Errors: 1},
			measurement{Round: i, Proxy: "HAProxy", Load: "1k", Requests: 50_000, Seconds: 2, CPU: cpu * 0.75, Others: float64(i) * 0.04},
		)
	}
	return r
}

func TestTheRoundInTheMiddleIsTold(t *testing.T) {
	var b strings.Builder
	if err := show(&b, three()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| stagger | 20.00 | 50000 | 1000 | 2000 | 3 | 3 |\n",
		"| HAProxy | 30.00 | 25000 | - | - | 0 | 3, 1 disturbed |\n",
		"| GET 1 KB, 64 connections | 1.50 (2.00) | - | - | - |\n",
		"| left out | nginx: gone |\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("there is no line\n%sin\n%s", want, b.String())
		}
	}
}

func TestAPlaceForEveryTableIsNeeded(t *testing.T) {
	var b strings.Builder
	for _, v := range views() {
		b.WriteString("<!-- table " + v.name + " -->\nold\n<!-- end " + v.name + " -->\n")
	}
	got, err := filled(b.String(), three())
	if err != nil || strings.Contains(got, "old\n") || !strings.Contains(got, unmeasured) || !strings.Contains(got, "| stagger | 20.00 |") {
		t.Errorf("%v: got %s", err, got)
	}
	if _, err := filled(strings.Replace(b.String(), "<!-- end 64k -->", "", 1), three()); err == nil {
		t.Error("a table without an end is filled in")
	}
}

func TestResultsAreReadAsTheyWereWritten(t *testing.T) {
	dir := t.TempDir()
	first, second := three(), three()
	second.Note, second.Rounds = "again", second.Rounds[:2]
	first.Rounds = append(first.Rounds, measurement{Proxy: ours, Load: "64k", Requests: 1})
	files := []string{filepath.Join(dir, "1.json"), filepath.Join(dir, "more", "2.json")}
	for i, r := range []*report{first, second} {
		if err := r.save(files[i]); err != nil {
			t.Fatal(err)
		}
	}
	got, err := readAll(files)
	if err != nil {
		t.Fatal(err)
	}
	want := append([]measurement{first.Rounds[6]}, second.Rounds...)
	if got.Note != "again" || !reflect.DeepEqual(got.Rounds, want) {
		t.Errorf("got %+v", got)
	}
	if _, err := readAll([]string{dir}); err == nil {
		t.Error("a directory is read")
	}
}

func TestWhatWrkSaysIsRead(t *testing.T) {
	var m measurement
	if err := m.readWrk("  Latency Distribution\n     50%  517.00us\n     99%    2.50ms\n  930123 requests in 10.00s, 1.1GB read\n  Socket errors: connect 1, read 2, write 0, timeout 3\n  Non-2xx or 3xx responses: 4\n"); err != nil {
		t.Fatal(err)
	}
	if m.Requests != 930123 || m.Seconds != 10 || m.Errors != 10 || m.P50 != 517 || m.P99 != 2500 {
		t.Errorf("read %+v", m)
	}
	if m.readWrk("unable to connect") == nil {
		t.Error("no word of what cannot be read")
	}
}

func TestWhatH2loadSaysIsRead(t *testing.T) {
	var m measurement
	if err := m.readH2load("finished in 2.00s, 500.00 req/s, 1MB/s\nrequests: 1010 total, 1005 started, 1003 done, 1000 succeeded, 3 failed, 3 errored, 0 timeout\n"); err != nil {
		t.Fatal(err)
	}
	if m.Requests != 1000 || m.Errors != 3 || m.Seconds != 2 {
		t.Errorf("read %+v", m)
	}
	if m.readH2load("finished in 2.00s, 0.00 req/s, 0MB/s\nrequests: 9 total, 9 started, 0 done, 0 succeeded, 9 failed, 9 errored, 0 timeout\n") == nil {
		t.Error("no word of nothing having come through")
	}
}

func TestWhatOthersTakeOfACoreIsToldApart(t *testing.T) {
	before := look{subject: 1, origin: 2, busy: [2]float64{10, 20}}
	after := look{subject: 9, origin: 5, busy: [2]float64{18.5, 28}}
	for core, want := range map[int]float64{proxyCore: 1, loadCore: 1} {
		if got := others(core, before, after, 4); got != want {
			t.Errorf("of core %d somebody else took %g s, want %g", core, got, want)
		}
	}
	if got := others(proxyCore, before, after, 5); got != 0.5 {
		t.Errorf("of the proxy's core somebody else took %g s", got)
	}
	const stat = "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 1 2 3 400 500 6 7 8 0 0\ncpu1 100 0 100 0 0 0 0 0 0 0\n"
	for core, want := range []float64{0.27, 2} {
		if got, err := busyIn(stat, core); err != nil || got < want-1e-9 || got > want+1e-9 {
			t.Errorf("core %d was busy for %g s, %v", core, got, err)
		}
	}
	if _, err := busyIn(stat, 2); err == nil {
		t.Error("a core that is not there is busy")
	}
}

func TestTheTimeOfAProcessIsRead(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("there is no /proc here")
	}
	begin, err := cpu(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for range 1 << 30 {
		if now, err := cpu(os.Getpid()); err != nil || now > begin {
			return
		}
	}
	t.Error("it stands still")
}

// TestTheOriginAnswersWhatIsAsked asks for every size, with and without a body,
// and our own clients ask it at a rate and idle.
func TestTheOriginAnswersWhatIsAsked(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the bench runs on Linux alone")
	}
	address := serveTestOrigin(t)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	for _, l := range loads {
		method := http.MethodGet
		if l.body > 0 {
			method = http.MethodPost
		}
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+l.path, strings.NewReader(strings.Repeat("x", l.body)))
		if err != nil {
			t.Fatal(err)
		}
		r.Close = l.closing
		answer, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatalf("%s: %v", l.title, err)
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK || "/"+sizeOf(body) != l.path || answer.Close != l.closing {
			t.Errorf("%s: got %d with %d bytes, %v", l.title, answer.StatusCode, len(body), err)
		}
	}
	asked := load{path: "/1024", connections: 8, rate: 2000}
	seen, err := askAtRate(address, asked, 500*time.Millisecond)
	if err != nil || seen.Requests < 800 || seen.Requests > 1200 || seen.Errors != 0 || seen.P50 <= 0 || seen.P99 < seen.P50 {
		t.Errorf("at 2 000 a second for half a second: %+v, %v", seen, err)
	}
	if seen, err := askAndIdle(t.Context(), address, load{path: "/1024", connections: 200}, 0); err != nil || seen.Requests != 200 || seen.Errors != 0 {
		t.Errorf("200 that idle: %+v, %v", seen, err)
	}
	if seen, err := askAndIdle(t.Context(), address, load{path: "/nothing", connections: 2}, 0); err == nil && seen.Errors != 2 {
		t.Errorf("what is not there: %+v", seen)
	}
}
