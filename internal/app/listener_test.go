package app_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger/internal/app"
	"github.com/stagger-dev/stagger/internal/config"
)

// TestWhatTheFileSaysOfAListenerHolds: from the words of the file to what the
// upstream is told.
func TestWhatTheFileSaysOfAListenerHolds(t *testing.T) {
	told := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Join(append(r.Header["X-Forwarded-For"], r.Header["Forwarded"]...), "|"))
	}))
	defer told.Close()
	const preface = "PROXY TCP4 203.0.113.7 10.0.0.1 80 80\r\n"
	for _, row := range []struct{ listener, preface, want string }{
		{"", "", "127.0.0.1"},
		{"trusted_proxies: [127.0.0.1]", "", "192.0.2.1, 127.0.0.1"},
		{"forwarded: rfc7239", "", "for=127.0.0.1;host=a;proto=http"},
		{"forwarded: both", "", "127.0.0.1|for=127.0.0.1;host=a;proto=http"},
		{"trusted_proxies: [127.0.0.0/8], proxy_protocol: optional", preface, "203.0.113.7"},
		{"trusted_proxies: [127.0.0.0/8], proxy_protocol: required", preface, "203.0.113.7"},
		{"trusted_proxies: [127.0.0.0/8], proxy_protocol: required", "", ""},
		{"trusted_proxies: [unix]", "", "127.0.0.1"},
	} {
		t.Run(row.listener, func(t *testing.T) {
			c, err := config.ParseServer("stagger.yaml", fmt.Appendf(nil, `
listeners: [{name: web, address: "127.0.0.1:0", %s}]
admin: {address: "127.0.0.1:0"}
store: {path: %q}
services: [{name: shop, baseline: v1, versions: {v1: {upstreams: [%q]}}}]
`, row.listener, filepath.Join(t.TempDir(), "stagger.db"), told.URL))
			must(t, err)
			w := start(t, c)
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(w.ProxyURL("web"), "http://"))
			must(t, err)
			defer func() { _ = conn.Close() }()
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			_, _ = fmt.Fprintf(conn, "%sGET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\nConnection: close\r\n\r\n", row.preface)
			answer, _ := io.ReadAll(conn)
			if _, body, _ := strings.Cut(string(answer), "\r\n\r\n"); body != row.want {
				t.Errorf("the upstream is told %q, want %q", body, row.want)
			}
		})
	}
}

func TestAListenerThatChangesIsToldToWait(t *testing.T) {
	c := server(t, filepath.Join(t.TempDir(), "stagger.db"), map[string]string{"v1": backend(t, "v1")})
	var log strings.Builder
	a := app.New(c, app.Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	must(t, a.Start(t.Context()))
	must(t, a.Reload(c)) // nothing has changed
	other := c
	other.Listeners = []config.Listener{c.Listeners[0]}
	other.Listeners[0].Forwarded = "both"
	must(t, a.Reload(other))
	must(t, a.Stop(context.Background()))
	if strings.Count(log.String(), "have changed; that takes a hand-over") != 1 {
		t.Errorf("the log says %q", log.String())
	}
}
