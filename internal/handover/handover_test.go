//go:build unix

package handover_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/handover"
	"github.com/stagger-dev/stagger/internal/listen"
)

// part tells this very program which part to play when it is started as the new
// process.
const part = "HANDOVER_PART"

func TestMain(m *testing.M) {
	if name := os.Getenv(part); name != "" && os.Getenv("STAGGER_HANDOVER") != "" {
		if err := play(name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// play is the new process.
func play(name string) error {
	var sockets listen.Sockets
	before, err := handover.Before(&sockets)
	if err != nil || before == nil {
		return fmt.Errorf("there is nobody before: %w", err)
	}
	switch name {
	case "refuses":
		before.Failed(errors.New("the file is wrong"))
		return nil
	case "ends":
		return nil
	}
	door := listen.Door{Name: "web", Addresses: []string{"127.0.0.1:0"}, Sockets: &sockets}
	if err := door.Bind(context.Background()); err != nil {
		return err
	}
	splits, err := before.Prepared(context.Background())
	if err != nil {
		return err
	}
	if name == "ends late" {
		return nil
	}
	lower := splits[0]
	lower.Weight = 0
	before.Tell(context.Background(), lower) // before it serves
	if err := before.Ready(); err != nil {
		return err
	}
	open, err := door.Open(context.Background())
	if err != nil {
		return err
	}
	c, err := open[0].Accept()
	if err != nil {
		return err
	}
	before.Tell(context.Background(), splits[0]) // and after
	_, err = fmt.Fprintf(c, "%d %s", os.Getpid(), splits[0].Seed)
	return errors.Join(err, c.Close())
}

// begin starts the new process, with one socket that is open here.
func begin(t *testing.T, name string) (*handover.Successor, net.Listener, error) {
	t.Helper()
	t.Setenv(part, name)
	var sockets listen.Sockets
	door := listen.Door{Name: "web", Addresses: []string{"127.0.0.1:0"}, Sockets: &sockets}
	open, err := door.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = open[0].Close() })
	all, files, err := sockets.Copies()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		defer f.Close()
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	next, err := handover.Begin(t.Context(), program, os.Args[1:], all, files)
	return next, open[0], err
}

var inForce = stagger.Split{Service: "shop", Baseline: "v1", Candidate: "v2", Weight: stagger.Percent(25), Seed: "sown"}

func TestTheNewProcessTakesTheSocketAndTheSplits(t *testing.T) {
	next, socket, err := begin(t, "serves")
	if err != nil {
		t.Fatal(err)
	}
	var applied []stagger.Weight
	apply := func(_ context.Context, s stagger.Split) error {
		applied = append(applied, s.Weight)
		return nil
	}
	if err := next.Yield(t.Context(), []stagger.Split{inForce}, apply); err != nil {
		t.Fatal(err)
	}
	address := socket.Addr().String()
	listen.Retire(socket)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		next.Follow(t.Context(), apply) // until it ends
	}()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	said, err := io.ReadAll(c)
	if want := fmt.Sprintf("%d sown", next.PID()); err != nil || string(said) != want {
		t.Errorf("it said %q (%v), want %q", said, err, want)
	}
	<-ended
	if got := fmt.Sprint(applied); got != fmt.Sprint([]stagger.Weight{0, stagger.Percent(25)}) {
		t.Errorf("it told of %s", got)
	}
}

func TestANewProcessThatFailsIsToldApart(t *testing.T) {
	for name, want := range map[string]string{"refuses": "the file is wrong", "ends": "EOF"} {
		if _, _, err := begin(t, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("one that %s: %v", name, err)
		}
	}
	next, socket, err := begin(t, "ends late")
	if err != nil {
		t.Fatal(err)
	}
	if err := next.Yield(t.Context(), []stagger.Split{inForce}, nil); err == nil {
		t.Error("it does not serve, and nobody noticed")
	}
	next.End()
	// The socket of this process is as it was: it takes connections, and does not
	// block.
	got := make(chan error, 1)
	go func() {
		c, err := socket.Accept()
		if err == nil {
			err = c.Close()
		}
		got <- err
	}()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", socket.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := <-got; err != nil {
		t.Error(err)
	}
	go func() {
		_, err := socket.Accept()
		got <- err
	}()
	time.Sleep(20 * time.Millisecond) // so that it waits
	_ = socket.Close()
	select {
	case err := <-got:
		if !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the socket blocks")
	}
}

func TestNobodyIsBeforeAnOrdinaryProcess(t *testing.T) {
	before, err := handover.Before(&listen.Sockets{})
	if before != nil || err != nil {
		t.Errorf("there is %v, %v", before, err)
	}
}

func TestSystemdIsToldWhereItAsks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	if err := handover.Notify(handover.ServiceReady); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 64)
	if n, err := c.Read(b); err != nil || string(b[:n]) != "READY=1" {
		t.Errorf("it was told %q, %v", b[:n], err)
	}
	t.Setenv("NOTIFY_SOCKET", "")
	if err := handover.Notify(handover.ServiceReady); err != nil {
		t.Error(err)
	}
}
