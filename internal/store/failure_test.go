package store_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/store"
)

// openOnce is the child process that says what Open says.
func openOnce(path string) int {
	s, err := store.Open(bare(), path, store.Options{})
	if err != nil {
		fmt.Print(stagger.CodeOf(err), ": ", err)
		return 1
	}
	_ = s.Close() // it is over anyway
	return 0
}

// wantMessage checks a refusal: its code, and that it names the path and what to do.
func wantMessage(t *testing.T, err error, code stagger.Code, parts ...string) {
	t.Helper()
	wantCode(t, err, code)
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

func TestOpenWithoutDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nowhere", "stagger.db")
	_, err := store.Open(t.Context(), path, store.Options{})
	wantMessage(t, err, stagger.CodeInvalid, path, "does not exist; create it")
	_, err = store.Open(t.Context(), "", store.Options{})
	wantMessage(t, err, stagger.CodeInvalid, "store.path")
	folder := t.TempDir()
	_, err = store.Open(t.Context(), folder, store.Options{})
	wantMessage(t, err, stagger.CodeInvalid, folder, "is a directory")
}

func TestOpenOfSomethingElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.txt")
	text := strings.Repeat("not a database, but somebody's notes\n", 100)
	must(t, os.WriteFile(path, []byte(text), 0o600))
	_, err := store.Open(t.Context(), path, store.Options{})
	wantMessage(t, err, stagger.CodeInternal, path, "no Stagger store", "move it aside")
	if left, _ := os.ReadFile(path); string(left) != text {
		t.Error("the file was changed")
	}
}

func TestOpenOfDamagedFile(t *testing.T) {
	s, path := open(t)
	fill(t, s, "r1", "shop", 100)
	must(t, s.Close())
	content, err := os.ReadFile(path)
	must(t, err)
	copy(content[len(content)/2:], bytes.Repeat([]byte{0xa5}, 8192))
	must(t, os.WriteFile(path, content, 0o600))

	_, err = store.Open(t.Context(), path, store.Options{})
	wantMessage(t, err, stagger.CodeInternal, path, "damaged", "restore a backup")
}

func TestOpenOfNewerStore(t *testing.T) {
	s, path := open(t)
	must(t, s.Exec(t.Context(), `INSERT INTO schema_versions (version_id, is_applied) VALUES (99, 1)`))
	must(t, s.Close())
	_, err := store.Open(t.Context(), path, store.Options{})
	wantMessage(t, err, stagger.CodeConflict, path, "newer Stagger")
}

func TestSecondProcessIsKeptOut(t *testing.T) {
	s, path := open(t)
	fill(t, s, "r1", "shop", 1)
	out, err := child(t, "open", path).Output()
	if err == nil || !strings.Contains(string(out), "conflict: store "+path+" is in use by another Stagger process") {
		t.Errorf("%v: %s", err, out)
	}
	alias := filepath.Join(t.TempDir(), "alias.db")
	must(t, os.Symlink(path, alias))
	if out, err := child(t, "open", alias).Output(); err == nil {
		t.Errorf("let in by another name: %s", out)
	}
	must(t, s.Close())
	if out, err := child(t, "open", path).Output(); err != nil {
		t.Errorf("after Close: %v: %s", err, out)
	}
}

func TestFileLockedByAnotherProgram(t *testing.T) {
	s, path := open(t)
	r := fill(t, s, "r1", "shop", 1)
	shell, err := raw(t, path).Conn(t.Context())
	must(t, err)
	defer func() { must(t, shell.Close()) }()
	_, err = shell.ExecContext(t.Context(), `BEGIN IMMEDIATE`)
	must(t, err)

	r, events := advance(r, stagger.EventPaused, stagger.PhasePaused)
	wantMessage(t, s.Commit(t.Context(), r, events), stagger.CodeUnavailable, path, "locked by another program", "try again")
	if _, err := s.Rollout(t.Context(), "r1"); err != nil {
		t.Errorf("reading must go on: %v", err)
	}

	_, err = shell.ExecContext(t.Context(), `ROLLBACK`)
	must(t, err)
	must(t, s.Commit(t.Context(), r, events))
}

func TestFullDiskLosesNothing(t *testing.T) {
	s, _ := open(t)
	r := fill(t, s, "r1", "shop", 2)
	must(t, s.Exec(t.Context(), `PRAGMA max_page_count = 1`)) // as many as there are

	var err error
	recorded := r
	var events []stagger.Event
	for range 200 {
		r, events = advance(recorded, stagger.EventHeld, stagger.PhaseWaiting)
		events[0].Reason = strings.Repeat("x", 500)
		if err = s.Commit(t.Context(), r, events); err != nil {
			break
		}
		recorded = r
	}
	wantMessage(t, err, stagger.CodeUnavailable, "no room left", "free disk space")
	if proof := verify(t, s); !proof.Intact() || proof.Events != recorded.Events {
		t.Errorf("%+v, want %d events", proof, recorded.Events)
	}
	must(t, s.Exec(t.Context(), `PRAGMA max_page_count = 1000000`))
	must(t, s.Commit(t.Context(), r, events)) // the same again, now that there is room
}

// child is this test binary in another role.
func child(t *testing.T, role, path string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], path)
	c.Env = append(os.Environ(), roleVariable+"="+role)
	c.Stderr = os.Stderr
	return c
}
