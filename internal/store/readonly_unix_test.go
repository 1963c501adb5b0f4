//go:build unix

package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestReadOnlyDirectory runs as an ordinary user: nothing is read-only to root.
func TestReadOnlyDirectory(t *testing.T) {
	folder, err := os.MkdirTemp("", "stagger-store-") //nolint:usetesting // t.TempDir stands in a folder closed to other users
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(folder)) })
	binary, err := os.ReadFile(os.Args[0])
	must(t, err)
	must(t, os.WriteFile(filepath.Join(folder, "test"), binary, 0o700))
	must(t, os.Chmod(filepath.Join(folder, "test"), 0o755))
	must(t, os.Chmod(folder, 0o555))

	path := filepath.Join(folder, "stagger.db")
	c := child(t, "open", path)
	c.Path = filepath.Join(folder, "test")
	if os.Geteuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := c.Output()
	want := "denied: store " + path + " cannot be written; give this user write access"
	if err == nil || !strings.Contains(string(out), want) {
		t.Errorf("%v: got %q, want %q", err, out, want)
	}
}
