package api_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/client"
	"github.com/stagger-dev/stagger/internal/api"
	"github.com/stagger-dev/stagger/internal/api/apitest"
	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/proxy"
)

// behindTheAPI runs a proxy whose requests the API captures, and returns where
// it listens.
func behindTheAPI(t *testing.T) (*proxy.Proxy, string) {
	t.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	t.Cleanup(upstream.Close)
	p, err := proxy.New(proxy.Config{
		Listeners: []proxy.Listener{{Name: "web", Address: "127.0.0.1:0"}},
		Services: []stagger.Service{{
			Name: "shop", Baseline: "v1", Listener: "web", Routes: []stagger.Route{{Name: "all", Path: "/"}},
			Versions: []stagger.Version{{Name: "v1", Upstreams: []string{upstream.URL}}},
		}},
	}, meter.New(meter.Options{}), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = p.Stop(ctx)
	})
	return p, "http://" + p.Addr("web").String()
}

func TestACaptureIsStreamedAndComplete(t *testing.T) {
	p, at := behindTheAPI(t)
	s := apitest.New(t, func(c *api.Config) { c.Capture = p.Capture })
	c, err := client.New(s.URL, client.WithHTTPClient(s.HTTP))
	if err != nil {
		t.Fatal(err)
	}
	traffic, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for traffic.Err() == nil {
			r, err := http.NewRequestWithContext(traffic, http.MethodGet, at+"/?email=ada@example.org", http.NoBody)
			if err != nil {
				t.Error(err)
				return
			}
			if response, err := s.HTTP.Do(r); err == nil {
				_ = response.Body.Close()
			}
		}
	}()
	var out bytes.Buffer
	err = c.Capture(t.Context(), "shop", client.Capture{Share: 1, Requests: 5, For: time.Minute}, &out)
	stop()
	<-done
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 7 || !strings.HasPrefix(lines[0], `{"head":{"format":1,"service":"shop"`) || !strings.Contains(lines[6], `"why":"requests","kept":5`) {
		t.Errorf("%s", out.String())
	}
	if strings.Contains(out.String(), "ada@") {
		t.Errorf("an address was kept: %s", out.String())
	}
}

func TestACaptureThatCannotBeIsAProblem(t *testing.T) {
	p, _ := behindTheAPI(t)
	s := apitest.New(t, func(c *api.Config) { c.Capture = p.Capture })
	c, err := client.New(s.URL, client.WithHTTPClient(s.HTTP))
	if err != nil {
		t.Fatal(err)
	}
	for code, what := range map[stagger.Code]struct {
		service string
		capture client.Capture
	}{
		stagger.CodeNotFound: {"none", client.Capture{Share: 1}},
		stagger.CodeInvalid:  {"shop", client.Capture{Share: 1, Headers: []string{"Authorization"}}},
	} {
		var out bytes.Buffer
		if err := c.Capture(t.Context(), what.service, what.capture, &out); stagger.CodeOf(err) != code || out.Len() > 0 {
			t.Errorf("%s: %v %s", code, err, out.String())
		}
	}
	if err := c.Capture(t.Context(), "shop", client.Capture{}, io.Discard); stagger.CodeOf(err) != stagger.CodeInvalid {
		t.Errorf("a share of nothing: %v", err)
	}
}

// TestACaptureThatBreaksOffIsNotComplete cuts the server off.
func TestACaptureThatBreaksOffIsNotComplete(t *testing.T) {
	p, _ := behindTheAPI(t)
	s := apitest.New(t, func(c *api.Config) { c.Capture = p.Capture })
	c, err := client.New(s.URL, client.WithHTTPClient(s.HTTP))
	if err != nil {
		t.Fatal(err)
	}
	err = c.Capture(t.Context(), "shop", client.Capture{Share: 1}, cutter{s.Stop})
	if stagger.CodeOf(err) != stagger.CodeUnavailable {
		t.Errorf("got %v", err)
	}
}

// cutter cuts the connection when something arrives.
type cutter struct{ cut func() }

// Write implements io.Writer.
func (c cutter) Write(p []byte) (int, error) {
	c.cut()
	return len(p), nil
}
