package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/proxy"
)

// Where the origin listens.
const originAddress = "127.0.0.1:18100"

// serveAs is one of our own servers until ctx ends.
func serveAs(ctx context.Context, name, address string) error {
	switch name {
	case "origin":
		return serveHandler(ctx, address, http.HandlerFunc(origin))
	case "reverseproxy":
		return serveHandler(ctx, address, reverseProxy())
	case "own", "own-nethttp":
		return serveOwn(ctx, address, name == "own")
	}
	return fmt.Errorf("there is no server %q", name)
}

// origin answers with as many bytes as the path says, /1024, having read what
// it was sent.
func origin(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.URL.Path[1:])
	if err != nil || n < 0 || n > len(filling) {
		http.NotFound(w, r)
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(n))
	_, _ = w.Write(filling[:n])
}

var filling = make([]byte, 1<<20)

func serveHandler(ctx context.Context, address string, h http.Handler) error {
	server := &http.Server{Addr: address, Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	return server.ListenAndServe()
}

func reverseProxy() http.Handler {
	target := &url.URL{Scheme: "http", Host: originAddress}
	return &httputil.ReverseProxy{
		ErrorLog: log.New(io.Discard, "", 0), // wrk hangs up at its end
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.SetXForwarded()
		},
		Transport: &http.Transport{MaxIdleConns: 2048, MaxIdleConnsPerHost: 2048, DisableCompression: true},
	}
}

// serveOwn is our proxy with a rollout under way: cohorts and metering are on.
func serveOwn(ctx context.Context, address string, fast bool) error {
	p, err := proxy.New(proxy.Config{
		NetHTTP:   !fast,
		Limits:    proxy.Limits{Pooled: 2048},
		Listeners: []proxy.Listener{{Name: "web", Address: address}},
		Services: []stagger.Service{{
			Name: "shop", Baseline: "v1", Listener: "web",
			Routes: []stagger.Route{{Name: "all", Path: "/"}},
			Versions: []stagger.Version{
				{Name: "v1", Upstreams: []string{"http://" + originAddress}},
				{Name: "v2", Upstreams: []string{"http://" + originAddress}},
			},
		}},
	}, meter.New(meter.Options{}), nil)
	if err != nil {
		return err
	}
	if err := p.Start(ctx); err != nil {
		return err
	}
	if err := p.Apply(ctx, stagger.Split{
		Service: "shop", Baseline: "v1", Candidate: "v2", Weight: stagger.Percent(5), Seed: "bench",
	}); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
