package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The programs of others that speak HTTP/2 and gRPC are pinned in tools/wire and
// built once.
var wirePrograms = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(filepath.Dir(binary), "wirePrograms")
	out, err := exec.Command("go", "-C", "../tools/wire", "build", "-o", dir+"/",
		"github.com/summerwind/h2spec/cmd/h2spec",
		"google.golang.org/grpc/interop/client", "google.golang.org/grpc/interop/server").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the programs of tools/wire: %w: %s", err, out)
	}
	return dir, nil
})

func wireProgram(t *testing.T, name string) string {
	t.Helper()
	dir, err := wirePrograms()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// behind is a running stagger in front of one upstream.
func behind(t *testing.T, upstream string) *shop {
	t.Helper()
	s := bareShop(t)
	write(t, filepath.Join(s.dir, "stagger.yaml"), fmt.Sprintf(`
listeners: [{name: web, address: "127.0.0.1:%d"}]
admin: {address: "127.0.0.1:%d"}
store: {path: stagger.db}
services:
  - name: shop
    baseline: v1
    versions:
      v1: {upstreams: [%q]}
`, s.webPort, s.adminPort, upstream))
	s.serve()
	return s
}

// echoes serves what was sent, and tells in X-Sum what that was; a GET gets as
// many bytes as its path says.
func echoes(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		if n, err := strconv.Atoi(r.URL.Path[1:]); err == nil {
			body = bytes.Repeat([]byte("x"), n)
		}
		w.Header().Set("X-Sum", fmt.Sprintf("%x", sha256.Sum256(body)))
		w.Header().Set("X-Target", r.RequestURI)
		_, _ = w.Write(body)
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return "http://" + l.Addr().String()
}

// deviations are the rules of h2spec that do not hold, each for a reason.
var deviations = map[string]string{
	"Sends invalid connection preface":                                                               "the port speaks HTTP/1.1 as well, and what is no preface gets its 400 in HTTP/1.1 before the connection closes",
	"Sends multiple values of SETTINGS_INITIAL_WINDOW_SIZE":                                          "net/http ends a connection that says a setting twice",
	"Sends a HEADERS frame that contains the connection-specific header field":                       "net/http answers 400, as RFC 9113, section 8.1.1, allows, before it ends the stream",
	"Sends a HEADERS frame that contains the TE header field with any value other than \"trailers\"": "the same",
}

var broken = regexp.MustCompile(`(?m)^\s*× \d+: (.*)$`)

func TestH2specFindsNoOtherDeviations(t *testing.T) {
	needs(t, "go")
	s := behind(t, echoes(t))
	// It ends with 1 when a rule does not hold.
	out, err := exec.Command(wireProgram(t, "h2spec"), "-h", "127.0.0.1", "-p", strconv.Itoa(s.webPort), "--path", "/5", "-o", "5").CombinedOutput()
	if failed := new(exec.ExitError); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`\n1\d\d tests, 1\d\d passed, 0 skipped`).Match(out) {
		t.Fatalf("h2spec did not come to its end:\n%s", tail(string(out), 40))
	}
	for _, found := range broken.FindAllStringSubmatch(string(out), -1) {
		if deviations[found[1]] == "" {
			t.Errorf("%q does not hold:\n%s", found[1], tail(string(out), 80))
		}
	}
}

func TestGRPCsOwnClientAndServerMeetThroughUs(t *testing.T) {
	needs(t, "go")
	port := freePort(t)
	server := launch(t, t.TempDir(), "interop-server", wireProgram(t, "server"), "-port", strconv.Itoa(port))
	eventually(t, "the interop server listens", 20*time.Second, func() bool { return dials(port) || !server.runs() })
	s := behind(t, "h2c://"+address(port))
	for _, name := range []string{
		"empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong", "empty_stream",
		"timeout_on_sleeping_server", "cancel_after_begin", "cancel_after_first_response", "custom_metadata",
		"status_code_and_message", "special_status_message", "unimplemented_method", "unimplemented_service",
	} {
		t.Run(name, func(t *testing.T) {
			out, err := exec.Command(wireProgram(t, "client"), "-server_host", "127.0.0.1", "-server_port", strconv.Itoa(s.webPort),
				"-test_case", name).CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s", err, tail(string(out), 10))
			}
		})
	}
}

func TestCurlPassesThrough(t *testing.T) {
	needs(t, "curl")
	s := behind(t, echoes(t))
	body := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	file := filepath.Join(s.dir, "body")
	write(t, file, string(body))
	sent, asked := fmt.Sprintf("%x", sha256.Sum256(body)), fmt.Sprintf("%x", sha256.Sum256(bytes.Repeat([]byte("x"), 300_000)))
	for rule, row := range map[string]struct {
		args []string
		sum  string
		http string
	}{
		"HTTP/1.1":                       {[]string{"--http1.1", s.web + "/300000"}, asked, "1.1"},
		"HTTP/1.0":                       {[]string{"--http1.0", s.web + "/300000"}, asked, "1"}, // curl's word for what it was answered in
		"HTTP/2 at once":                 {[]string{"--http2-prior-knowledge", s.web + "/300000"}, asked, "2"},
		"HTTP/2 by an upgrade, declined": {[]string{"--http2", s.web + "/300000"}, asked, "1.1"},
		"a body":                         {[]string{"-H", "Expect:", "--data-binary", "@" + file, s.web + "/a"}, sent, "1.1"},
		"a body that waits for 100":      {[]string{"-H", "Expect: 100-continue", "--expect100-timeout", "30", "--data-binary", "@" + file, s.web + "/a"}, sent, "1.1"},
		"chunks":                         {[]string{"-H", "Transfer-Encoding: chunked", "-H", "Expect:", "--data-binary", "@" + file, s.web + "/a"}, sent, "1.1"},
		"PUT of a file":                  {[]string{"-T", file, s.web + "/a"}, sent, "1.1"},
		"a body over HTTP/2":             {[]string{"--http2-prior-knowledge", "--data-binary", "@" + file, s.web + "/a"}, sent, "2"},
	} {
		t.Run(rule, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			args := append([]string{"-sS", "--max-time", "20", "-o", out, "-w", "%{http_code} %{http_version} %header{x-sum}"}, row.args...)
			said, err := exec.Command("curl", args...).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, said)
			}
			words := strings.Fields(string(said))
			if len(words) != 3 || words[0] != "200" || words[2] != row.sum || row.http != "1" && words[1] != row.http {
				t.Errorf("curl says %q, want %s over %s", said, row.sum, row.http)
			}
			got, err := os.ReadFile(out)
			if sum := fmt.Sprintf("%x", sha256.Sum256(got)); err != nil || sum != row.sum {
				t.Errorf("%d bytes came, %v", len(got), err)
			}
		})
	}
}

// TestCurlsTargetsArriveAsTheyAre: curl sends what it is told, and nobody on the
// way mends it.
func TestCurlsTargetsArriveAsTheyAre(t *testing.T) {
	needs(t, "curl")
	s := behind(t, echoes(t))
	for _, target := range []string{"/a/../b", "/a//b", "/%2e%2e/a", "/a%2fb", "/a;b=c?d;e", "/?", "/a?b?c=%20+", "/%C3%A9", "/a:b@c!$&'()*,=~"} {
		for _, version := range []string{"--http1.1", "--http2-prior-knowledge"} {
			out, err := exec.Command("curl", "-sS", version, "--path-as-is", "-g", "-o", os.DevNull, "-w", "%header{x-target}", s.web+target).CombinedOutput()
			if err != nil || string(out) != target {
				t.Errorf("%s %s arrived as %s, %v", version, target, out, err)
			}
		}
	}
	if !slices.Contains([]string{"405", "400"}, curlStatus(t, "-X", "CONNECT", "--http1.1", s.web)) {
		t.Error("a tunnel was opened")
	}
}

func curlStatus(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("curl", append([]string{"-sS", "-o", os.DevNull, "-w", "%{http_code}", "--max-time", "10"}, args...)...).CombinedOutput()
	if err != nil {
		t.Errorf("curl %s: %v: %s", args, err, out)
	}
	return string(out)
}
