package e2e_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"
)

// What a version does, as nginx directives of its only location.
const (
	serves        = ""
	wrongUpstream = "proxy_pass http://127.0.0.1:1;" // nobody listens there: 502
	errorPage     = "return 500;"
	errorShare    = "if ($unlucky) { return 503; }"
	slow          = "limit_rate 4k;" // a page of 6 kB takes a second
)

// upstream is one nginx that serves one version.
type upstream struct {
	*process
	dir  string
	port int
}

// nginx starts a server that behaves so, and waits until it listens.
func nginx(t *testing.T, name, behaviour string) *upstream {
	t.Helper()
	u := &upstream{dir: t.TempDir(), port: freePort(t)}
	www := filepath.Join(u.dir, "www")
	if err := os.Mkdir(www, 0o755); err != nil {
		t.Fatal(err)
	}
	page := name + "\n"
	write(t, filepath.Join(www, "index.html"), page+strings.Repeat("x", 6<<10-len(page)))
	u.run(t, name, behaviour)
	return u
}

func (u *upstream) run(t *testing.T, name, behaviour string) {
	t.Helper()
	conf := u.writeConf(t, behaviour)
	u.process = launch(t, u.dir, "nginx-"+name, "nginx", "-p", u.dir, "-e", filepath.Join(u.dir, "error.log"), "-c", conf)
	eventually(t, name+" listens", 20*time.Second, func() bool { return dials(u.port) || !u.runs() })
	if !u.runs() {
		t.Fatalf("nginx ended with %d: %s", u.code, u.output())
	}
}

func (u *upstream) writeConf(t *testing.T, behaviour string) string {
	t.Helper()
	conf := filepath.Join(u.dir, "nginx.conf")
	write(t, conf, render(t, "nginx.conf", map[string]any{
		"Dir": u.dir, "Port": u.port, "Behaviour": behaviour, "Root": os.Getuid() == 0,
	}))
	return conf
}

// becomes lets the version behave otherwise from now on, as after a bad deploy.
func (u *upstream) becomes(t *testing.T, behaviour string) {
	t.Helper()
	u.writeConf(t, behaviour)
	if err := syscall.Kill(u.pid, syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

// dials says whether somebody listens on port.
func dials(port int) bool {
	conn, err := net.DialTimeout("tcp", address(port), time.Second)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// hit is one request as nginx saw it.
type hit struct {
	start  time.Time
	status int
	user   string
}

// hits reads the access log: the witness that belongs to nobody here.
func (u *upstream) hits(t *testing.T) []hit {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(u.dir, "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	var all []hit
	for line := range strings.Lines(string(content)) {
		if !strings.HasSuffix(line, "\n") {
			break // it is being written
		}
		h, err := parseHit(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, h)
	}
	return all
}

// parseHit reads "1700000000.123 0.004 200 u17": the end, the time it took, the
// status and the user.
func parseHit(line string) (hit, error) {
	f := strings.Fields(line)
	if len(f) != 4 {
		return hit{}, fmt.Errorf("%d fields", len(f))
	}
	end, err := strconv.ParseFloat(f[0], 64)
	if err != nil {
		return hit{}, err
	}
	took, err := strconv.ParseFloat(f[1], 64)
	if err != nil {
		return hit{}, err
	}
	status, err := strconv.Atoi(f[2])
	return hit{start: time.UnixMicro(int64((end - took) * 1e6)), status: status, user: f[3]}, err
}

// render fills in a file of testdata.
func render(t *testing.T, name string, data any) string {
	t.Helper()
	tmpl, err := template.ParseFiles(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := tmpl.Execute(&out, data); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
