package store_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/store"
)

// bare is the context of a child process, which has no test.
func bare() context.Context { return context.Background() }

// commitForever is the child process that gets killed: it goes on with rollout
// r1 and prints each seq once it was acknowledged.
func commitForever(path string) int {
	s, err := store.Open(bare(), path, store.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	r, err := s.Rollout(bare(), "r1")
	var events []stagger.Event
	if stagger.CodeOf(err) == stagger.CodeNotFound {
		r, events = created("r1", "shop")
		err = s.Commit(bare(), r, events)
	}
	for err == nil {
		fmt.Println(r.Events)
		r, events = advance(r, stagger.EventHeld, stagger.PhaseWaiting)
		err = s.Commit(bare(), r, events)
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stagger.db")
	var acknowledged uint64
	for round := range 6 {
		c := child(t, "commit", path)
		out, err := c.StdoutPipe()
		must(t, err)
		must(t, c.Start())
		lines := bufio.NewScanner(out)
		for read := 0; lines.Scan(); read++ {
			acknowledged, err = strconv.ParseUint(lines.Text(), 10, 64)
			must(t, err)
			if read == 20+7*round { // it is anywhere in a commit by now
				must(t, c.Process.Kill())
			}
		}
		if err := c.Wait(); err == nil {
			t.Fatal("the child ended by itself")
		}
		checkAfterCrash(t, path, acknowledged)
	}
}

func checkAfterCrash(t *testing.T, path string, acknowledged uint64) {
	t.Helper()
	s, err := store.Open(t.Context(), path, store.Options{})
	must(t, err)
	defer func() { must(t, s.Close()) }()
	proof := verify(t, s)
	if !proof.Intact() {
		t.Fatalf("after the crash: %+v", *proof.Broken)
	}
	r, err := s.Rollout(t.Context(), "r1")
	must(t, err)
	if r.Events < acknowledged || r.Events > acknowledged+1 || proof.Events != r.Events {
		t.Fatalf("%d events acknowledged, %d recorded, %d in the chain", acknowledged, r.Events, proof.Events)
	}
}
