package main

import (
	"context"
	"net"
	"strconv"
	"testing"
	"time"
)

// serveTestOrigin serves the origin for a test. It stays until the program
// ends: its loop waits for nothing but requests.
func serveTestOrigin(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	free, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = serveOrigin(context.Background(), address) }()
	for range 200 {
		var d net.Dialer
		if c, err := d.DialContext(t.Context(), "tcp", address); err == nil {
			_ = c.Close()
			return address
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the origin does not listen")
	return ""
}

func sizeOf(body []byte) string { return strconv.Itoa(len(body)) }
