package proxy_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger/internal/listen"
	"github.com/stagger-dev/stagger/internal/proxy"
	"github.com/stagger-dev/stagger/internal/whence"
)

// TestHAProxySpeaksTheProxyProtocolToUs puts the program whose authors made the
// protocol before ours, with both versions of it, with TLS behind and without,
// and with its health checks.
func TestHAProxySpeaksTheProxyProtocolToUs(t *testing.T) {
	program, err := exec.LookPath("haproxy")
	if err != nil {
		if program = "/usr/sbin/haproxy"; exec.Command(program, "-v").Run() != nil {
			if os.Getenv("CI") != "" {
				t.Fatal("haproxy is missing: make setup")
			}
			t.Skip("haproxy is missing: make setup")
		}
	}
	for _, row := range []struct {
		rule, server string
		secure       bool
	}{
		{"version 1", "send-proxy", false},
		{"version 2", "send-proxy-v2 check check-send-proxy inter 100ms", false},
		{"version 2 with what else it can say", "send-proxy-v2 proxy-v2-options crc32c,unique-id,authority", false},
		{"version 2 before TLS", "send-proxy-v2", true},
	} {
		t.Run(row.rule, func(t *testing.T) {
			told := make(chan http.Header, 1)
			l := proxy.Listener{Name: "web", Door: &listen.Door{
				Name: "web", Addresses: []string{"127.0.0.1:0"}, Preface: listen.Required, Trusted: loopback,
			}, Whence: whence.Rules{}}
			c, scheme := client(t), "http"
			if row.secure {
				identity, trust := proved(t)
				l.Door.Identity = identity
				c, scheme = securely(t, trust, "HTTP/2.0"), "https"
			}
			w := runOn(t, l, proxy.Limits{}, service(version("v1", upstream(t, func(_ http.ResponseWriter, r *http.Request) { told <- r.Header }))))
			front := unused(t)
			conf := filepath.Join(t.TempDir(), "haproxy.cfg")
			text := fmt.Sprintf(`
defaults
  mode tcp
  timeout connect 5s
  timeout client 5s
  timeout server 5s
  unique-id-format %%[uuid()]
listen front
  bind %s
  # An address of the client that is not that of haproxy, to tell them apart.
  tcp-request connection set-src str(203.0.113.7)
  server stagger %s %s
`, front, w.Addr("web"), row.server)
			if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), program, "-f", conf, "-db")
			var said strings.Builder
			cmd.Stderr = &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
				if t.Failed() {
					t.Log(said.String())
				}
			}()
			var response *http.Response
			for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
				if response, err = c.Do(request(t, http.MethodGet, scheme+"://"+front, nil)); err == nil {
					_ = response.Body.Close()
					break
				}
				if time.Now().After(end) {
					t.Fatal(err)
				}
			}
			if got := (<-told).Get("X-Forwarded-For"); response.StatusCode != http.StatusOK || got != "203.0.113.7" {
				t.Errorf("%s; the upstream is told %q", response.Status, got)
			}
		})
	}
}
