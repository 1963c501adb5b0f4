package main

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
)

// serveReverseProxy is what most Go proxies are built upon, tuned as far as its
// options go: users split 95 to 5, connections and buffers kept.
func serveReverseProxy(ctx context.Context, dir string) error {
	target := &url.URL{Scheme: "http", Host: originAddress}
	versions := [2]http.RoundTripper{}
	for i := range versions {
		versions[i] = &http.Transport{MaxIdleConns: 2048, MaxIdleConnsPerHost: 2048, DisableCompression: true}
	}
	handler := &httputil.ReverseProxy{
		ErrorLog:   log.New(io.Discard, "", 0), // clients hang up at their end
		BufferPool: &buffers{},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.SetXForwarded()
		},
		Transport: round(func(r *http.Request) (*http.Response, error) {
			if xxhash.Sum64String(r.Header.Get("X-User"))%100 < 5 {
				return versions[1].RoundTrip(r)
			}
			return versions[0].RoundTrip(r)
		}),
	}
	server := func(address string) *http.Server {
		var protocols http.Protocols
		protocols.SetHTTP1(true)
		protocols.SetHTTP2(true)
		protocols.SetUnencryptedHTTP2(true)
		return &http.Server{
			Addr: address, Handler: handler, Protocols: &protocols, ReadHeaderTimeout: 10 * time.Second,
			ErrorLog: log.New(io.Discard, "", 0),
		}
	}
	failed := make(chan error, 3)
	for _, address := range []string{proxyAddress, h2cAddress} {
		go func() { failed <- server(address).ListenAndServe() }()
	}
	go func() {
		failed <- server(tlsAddress).ListenAndServeTLS(filepath.Join(dir, "certificate.pem"), filepath.Join(dir, "key.pem"))
	}()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

// round is a transport that is a function.
type round func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f round) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// buffers keep what bodies pass through.
type buffers struct{ pool sync.Pool }

// Get implements httputil.BufferPool.
func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 32<<10)
}

// Put implements httputil.BufferPool.
func (b *buffers) Put(p []byte) { b.pool.Put(&p) }

var errWeight = errors.New("the rollout has left its stage: what is measured is no split of 95 to 5")
