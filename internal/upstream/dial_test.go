package upstream

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
)

func twoConnections(s *stagger.Service) { s.Limits.Connections = 2 }

func TestConnectionsAreCountedAndBounded(t *testing.T) {
	p := probed(t, shop(twoConnections), 1)
	e := p.Endpoints()[0]
	var made []*Link
	for range 2 {
		one, err := e.Connect(time.Second)
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, one)
	}
	if _, err := e.Connect(time.Second); !errors.Is(err, ErrFull) {
		t.Errorf("the third: %v", err)
	}
	if err := p.probe(t.Context(), e); err != nil {
		t.Errorf("a busy endpoint is ill: %v", err)
	}
	_ = made[0].Close()
	_ = made[0].Close() // counts once
	if n := e.connections.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
	// An idle link makes room.
	e.Put(made[1], time.Now())
	for range 2 {
		one, err := e.Connect(time.Second)
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, one)
	}
	for _, one := range made {
		_ = one.Close()
	}
	if n := e.connections.Load(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
}

// TestWhatOneTransportKeepsTheOtherMayHave: net/http's idle connections make
// room for links.
func TestWhatOneTransportKeepsTheOtherMayHave(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	t.Cleanup(server.Close)
	p := fresh(t, shop(func(s *stagger.Service) { s.Limits.Connections = 1 }), nil, nil, server.URL)
	t.Cleanup(p.Close)
	e := p.Endpoints()[0]
	for range 3 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := e.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		var one *Link
		eventually(t, "the connection to be idle", func() bool {
			one, err = e.Connect(time.Second)
			return err == nil
		})
		e.Put(one, time.Now())
	}
	if n := e.connections.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestOverOneConnectionThereIsOneRequest(t *testing.T) {
	p := probed(t, shop(twoConnections), 1)
	p.Pick(7)
	p.Pick(7)
	if e, how := p.Pick(7); e != nil || how != Full {
		t.Errorf("the third request got %v, %v", e, how)
	}
}
