package e2e_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite"
)

// Whoever edits the store behind the server's back is found out.
func TestVerifyFindsAHistoryThatWasRewritten(t *testing.T) {
	needs(t, "nginx")
	t.Parallel()
	s := newShop(t, map[string]string{"v1": serves, "v2": serves})
	s.rollout(plan{candidate: "v2", minTime: "60s", bake: "1s"})
	s.serve()
	id := s.begin("--reason", "ticket 42")
	s.must(exitOK, "", "abort", id, "--reason", "it was me")
	s.verified()
	s.server.signal(t, syscall.SIGTERM)

	s.rewrite("it was me", "it was ZZ")
	s.serve()
	s.must(exitInternal, "the history is broken at entry", "verify")
}

// rewrite replaces text in the events, as somebody would who has the file: the
// store's own triggers are no obstacle to them.
func (s *shop) rewrite(old, fresh string) {
	s.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(s.dir, "stagger.db"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	for _, name := range s.triggers(db) {
		if _, err := db.Exec(`DROP TRIGGER "` + name + `"`); err != nil {
			s.t.Fatal(err)
		}
	}
	done, err := db.Exec(`UPDATE events SET body = replace(body, ?, ?) WHERE instr(body, ?) > 0`, old, fresh, old)
	if err != nil {
		s.t.Fatal(err)
	}
	if n, err := done.RowsAffected(); n == 0 || err != nil {
		s.t.Fatalf("%d events were rewritten: %v", n, err)
	}
}

func (s *shop) triggers(db *sql.DB) []string {
	s.t.Helper()
	rows, err := db.Query(`SELECT name FROM sqlite_master WHERE type = 'trigger'`)
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			s.t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return names
}

// A store that lost its second half must not be served as if it were whole.
func TestADamagedStoreIsNotServed(t *testing.T) {
	needs(t, "nginx")
	t.Parallel()
	s := newShop(t, map[string]string{"v1": serves, "v2": serves})
	s.rollout(plan{candidate: "v2", minTime: "60s", bake: "1s"})
	s.serve()
	s.begin()
	for i := range 30 {
		s.must(exitOK, "", "weight", "shop", strconv.Itoa(i+1))
	}
	s.server.signal(t, syscall.SIGTERM)
	path := filepath.Join(s.dir, "stagger.db")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, string(whole[:len(whole)/2]))
	p := launch(t, s.dir, "serve-damaged", binary, "serve", "-c", "stagger.yaml")
	if code := p.wait(t, 20*time.Second); code != exitInternal || !strings.Contains(p.output(), "is damaged or is no Stagger store") {
		t.Errorf("exit %d:\n%s", code, p.output())
	}
	if half, err := os.ReadFile(path); err != nil || string(half) != string(whole[:len(whole)/2]) {
		t.Errorf("the damaged store was changed: %v", err)
	}
}
