package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/store"
)

// roleVariable tells a re-executed test binary to be a child process.
const roleVariable = "STAGGER_STORE_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "":
		goleak.VerifyTestMain(m)
	case "commit":
		os.Exit(commitForever(os.Args[1]))
	case "open":
		os.Exit(openOnce(os.Args[1]))
	}
}

var epoch = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// open opens a store in a new directory, closed when the test ends.
func open(t *testing.T) (*store.Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stagger.db")
	return reopen(t, path), path
}

func reopen(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path, store.Options{BusyTimeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// created is a rollout with its first event.
func created(id, service string) (stagger.Rollout, []stagger.Event) {
	r := stagger.Rollout{
		ID: id, Service: service, Baseline: "v1", Candidate: "v2", Seed: id, Stage: -1,
		Phase: stagger.PhasePending, CreatedAt: epoch, UpdatedAt: epoch, Events: 1,
	}
	first := r
	return r, []stagger.Event{{
		Rollout: id, Seq: 1, At: epoch, Kind: stagger.EventCreated, Actor: "ada",
		Phase: r.Phase, Stage: -1, Created: &first,
	}}
}

// advance adds one event of kind that leads to phase.
func advance(r stagger.Rollout, kind stagger.EventKind, phase stagger.Phase) (stagger.Rollout, []stagger.Event) {
	r.Events++
	r.Phase = phase
	r.UpdatedAt = epoch.Add(time.Duration(r.Events) * time.Second)
	return r, []stagger.Event{{Rollout: r.ID, Seq: r.Events, At: r.UpdatedAt, Kind: kind, Actor: "stagger", Reason: "because", Phase: phase}}
}

// fill records a rollout of the service with n events in all.
func fill(t *testing.T, s *store.Store, id, service string, n int) stagger.Rollout {
	t.Helper()
	r, events := created(id, service)
	must(t, s.Commit(t.Context(), r, events))
	for range n - 1 {
		r, events = advance(r, stagger.EventHeld, stagger.PhaseWaiting)
		must(t, s.Commit(t.Context(), r, events))
	}
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, want stagger.Code) {
	t.Helper()
	if got := stagger.CodeOf(err); got != want {
		t.Fatalf("got code %q (%v), want %q", got, err, want)
	}
}

func verify(t *testing.T, s *store.Store) store.Proof {
	t.Helper()
	proof, err := s.Verify(t.Context())
	must(t, err)
	return proof
}

func TestCommitKeepsRolloutAndHistoryAcrossRestart(t *testing.T) {
	s, path := open(t)
	r := fill(t, s, "r1", "shop", 3)
	must(t, s.Close())
	s = reopen(t, path)

	got, err := s.Rollout(t.Context(), "r1")
	must(t, err)
	if diff := cmp.Diff(r, got); diff != "" {
		t.Error(diff)
	}
	active, err := s.Active(t.Context())
	must(t, err)
	if diff := cmp.Diff([]stagger.Rollout{r}, active); diff != "" {
		t.Error(diff)
	}
	history, err := s.History(t.Context(), "r1", 1, 10)
	must(t, err)
	if len(history) != 2 || history[0].Seq != 2 || history[1].Seq != 3 {
		t.Errorf("history after 1: %+v", history)
	}
	if proof := verify(t, s); !proof.Intact() || proof.Events != 3 {
		t.Errorf("proof: %+v", proof)
	}
}

func TestCommitOfTheSameEventsAgainDoesNothing(t *testing.T) {
	s, _ := open(t)
	r, events := created("r1", "shop")
	must(t, s.Commit(t.Context(), r, events))
	later, more := advance(r, stagger.EventHeld, stagger.PhaseWaiting)
	must(t, s.Commit(t.Context(), later, more))

	must(t, s.Commit(t.Context(), later, more))
	must(t, s.Commit(t.Context(), r, events))

	got, err := s.Rollout(t.Context(), "r1")
	must(t, err)
	if diff := cmp.Diff(later, got); diff != "" {
		t.Error(diff)
	}
	if proof := verify(t, s); proof.Events != 2 {
		t.Errorf("%d events, want 2", proof.Events)
	}
}

func TestCommitRefuses(t *testing.T) {
	s, _ := open(t)
	r := fill(t, s, "r1", "shop", 2)
	next, events := advance(r, stagger.EventHeld, stagger.PhaseWaiting)
	other, otherEvents := advance(r, stagger.EventPaused, stagger.PhasePaused)
	must(t, s.Commit(t.Context(), other, otherEvents))
	ahead, aheadEvents := next, events
	for range 2 {
		ahead, aheadEvents = advance(ahead, stagger.EventHeld, stagger.PhaseWaiting)
	}
	second, secondEvents := created("r2", "shop")
	foreign, _ := advance(other, stagger.EventHeld, stagger.PhaseWaiting)
	_, foreignEvents := created("r9", "shop")

	for name, c := range map[string]struct {
		rollout stagger.Rollout
		events  []stagger.Event
		want    stagger.Code
	}{
		"another event under a recorded number":  {next, events, stagger.CodeConflict},
		"a gap before the events":                {ahead, aheadEvents, stagger.CodeConflict},
		"a second active rollout of the service": {second, secondEvents, stagger.CodeConflict},
		"no events":                              {other, nil, stagger.CodeInvalid},
		"another rollout's events":               {foreign, foreignEvents, stagger.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			before := verify(t, s)
			wantCode(t, s.Commit(t.Context(), c.rollout, c.events), c.want)
			if diff := cmp.Diff(before, verify(t, s)); diff != "" {
				t.Error("something was recorded:", diff)
			}
		})
	}
}

func TestCommitResolvesTheCommandInTheSameTransaction(t *testing.T) {
	s, _ := open(t)
	_, err := s.Submit(t.Context(), stagger.Command{ID: "c1", Verb: stagger.VerbStart, Service: "shop"})
	must(t, err)
	r, events := created("r1", "shop")
	events[0].Command = "c1"
	must(t, s.Commit(t.Context(), r, events))

	c, err := s.Command(t.Context(), "c1")
	must(t, err)
	if diff := cmp.Diff(&stagger.Result{Rollout: "r1", At: epoch}, c.Result); diff != "" {
		t.Error(diff)
	}
	pending, err := s.Pending(t.Context())
	must(t, err)
	if len(pending) != 0 {
		t.Errorf("still pending: %+v", pending)
	}
}

func TestPromotionSetsTheBaselineAndDropsTheCheckpoint(t *testing.T) {
	s, _ := open(t)
	r := fill(t, s, "r1", "shop", 1)
	must(t, s.SaveJudge(t.Context(), "r1", []byte(`{"n":1}`)))
	if name, err := s.Baseline(t.Context(), "shop"); name != "" || err != nil {
		t.Errorf("baseline before: %q, %v", name, err)
	}
	state, err := s.Judge(t.Context(), "r1")
	must(t, err)
	if string(state) != `{"n":1}` {
		t.Errorf("checkpoint: %s", state)
	}

	r, events := advance(r, stagger.EventPromoted, stagger.PhasePromoted)
	must(t, s.Commit(t.Context(), r, events))

	if name, err := s.Baseline(t.Context(), "shop"); name != "v2" || err != nil {
		t.Errorf("baseline after: %q, %v", name, err)
	}
	if state, err := s.Judge(t.Context(), "r1"); state != nil || err != nil {
		t.Errorf("checkpoint after: %s, %v", state, err)
	}
	fill(t, s, "r2", "shop", 1) // the service is free again
}

func TestSupersedeIsOneTransaction(t *testing.T) {
	s, _ := open(t)
	_, err := s.Submit(t.Context(), stagger.Command{ID: "c1", Verb: stagger.VerbStart, Service: "shop"})
	must(t, err)
	old := fill(t, s, "r1", "shop", 2)
	ended, end := advance(old, stagger.EventSuperseded, stagger.PhaseSuperseded)
	next, begin := created("r2", "shop")
	end[0].Command, begin[0].Command = "c1", "c1"

	bad := next
	bad.Events = 7
	badBegin := []stagger.Event{begin[0]}
	badBegin[0].Seq = 7
	wantCode(t, s.Supersede(t.Context(), ended, end, bad, badBegin), stagger.CodeConflict)
	if got, _ := s.Rollout(t.Context(), "r1"); got.Phase != old.Phase {
		t.Fatalf("the old one ended without the new one: %s", got.Phase)
	}

	for range 2 { // the second time is a retry
		must(t, s.Supersede(t.Context(), ended, end, next, begin))
	}
	active, err := s.Active(t.Context())
	must(t, err)
	if len(active) != 1 || active[0].ID != "r2" {
		t.Errorf("active: %+v", active)
	}
	c, err := s.Command(t.Context(), "c1")
	must(t, err)
	if c.Result == nil || c.Result.Rollout != "r2" {
		t.Errorf("result: %+v", c.Result)
	}
}

func TestRolloutsFiltersNewestFirst(t *testing.T) {
	s, _ := open(t)
	for i := range 3 {
		r := fill(t, s, fmt.Sprintf("shop-%d", i), "shop", 1)
		r, events := advance(r, stagger.EventAborted, stagger.PhaseAborted)
		must(t, s.Commit(t.Context(), r, events))
	}
	fill(t, s, "shop-3", "shop", 1)
	fill(t, s, "pay-0", "pay", 1)

	for name, c := range map[string]struct {
		filter store.Filter
		want   string
	}{
		"all":            {store.Filter{}, "pay-0 shop-3 shop-2 shop-1 shop-0"},
		"of one service": {store.Filter{Service: "shop"}, "shop-3 shop-2 shop-1 shop-0"},
		"active":         {store.Filter{Active: true}, "pay-0 shop-3"},
		"active of one":  {store.Filter{Service: "pay", Active: true}, "pay-0"},
		"limited":        {store.Filter{Limit: 2}, "pay-0 shop-3"},
		"none":           {store.Filter{Service: "x"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := s.Rollouts(t.Context(), c.filter)
			must(t, err)
			var ids []string
			for _, r := range list {
				ids = append(ids, r.ID)
			}
			if got := strings.Join(ids, " "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	_, err := s.Rollout(t.Context(), "x")
	wantCode(t, err, stagger.CodeNotFound)
}

func TestLogIsInGlobalOrder(t *testing.T) {
	s, _ := open(t)
	a := fill(t, s, "a", "shop", 1)
	fill(t, s, "b", "pay", 2)
	a, events := advance(a, stagger.EventPaused, stagger.PhasePaused)
	must(t, s.Commit(t.Context(), a, events))

	text := func(entries []store.LogEntry, err error) string {
		must(t, err)
		var words []string
		for _, e := range entries {
			words = append(words, fmt.Sprintf("%d:%s%d", e.ID, e.Event.Rollout, e.Event.Seq))
		}
		return strings.Join(words, " ")
	}
	if got, want := text(s.Log(t.Context(), 1, 0)), "2:b1 3:b2 4:a2"; got != want {
		t.Errorf("log after 1: %s, want %s", got, want)
	}
	if got, want := text(s.Log(t.Context(), 0, 2)), "1:a1 2:b1"; got != want {
		t.Errorf("two of the log: %s, want %s", got, want)
	}
	if got, want := text(s.RolloutLog(t.Context(), "a", 1, 0)), "4:a2"; got != want {
		t.Errorf("log of a after 1: %s, want %s", got, want)
	}
	if last, err := s.Last(t.Context()); last != 4 || err != nil {
		t.Errorf("last: %d, %v", last, err)
	}
}

func TestInboxIsIdempotent(t *testing.T) {
	s, _ := open(t)
	ask := stagger.Command{ID: "c1", Verb: stagger.VerbPause, Rollout: "r1", Actor: "ada", Reason: "lunch", At: epoch}
	first, err := s.Submit(t.Context(), ask)
	must(t, err)
	ask.At = epoch.Add(time.Minute)
	again, err := s.Submit(t.Context(), ask)
	must(t, err)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Error(diff)
	}
	other := ask
	other.Verb = stagger.VerbAbort
	_, err = s.Submit(t.Context(), other)
	wantCode(t, err, stagger.CodeConflict)
	_, err = s.Submit(t.Context(), stagger.Command{Verb: stagger.VerbPause})
	wantCode(t, err, stagger.CodeInvalid)

	refused := stagger.Result{Error: &stagger.Error{Code: stagger.CodeConflict, Message: "it is over"}, At: epoch}
	must(t, s.Resolve(t.Context(), "c1", refused))
	must(t, s.Resolve(t.Context(), "c1", stagger.Result{Rollout: "late"}))
	again, err = s.Submit(t.Context(), ask)
	must(t, err)
	if diff := cmp.Diff(&refused, again.Result); diff != "" {
		t.Error(diff)
	}
	wantCode(t, s.Resolve(t.Context(), "x", refused), stagger.CodeNotFound)
	_, err = s.Command(t.Context(), "x")
	wantCode(t, err, stagger.CodeNotFound)
}

func TestPendingKeepsTheOrderOfArrival(t *testing.T) {
	s, _ := open(t)
	for _, id := range []string{"z", "a", "m"} {
		_, err := s.Submit(t.Context(), stagger.Command{ID: id, Verb: stagger.VerbPause})
		must(t, err)
	}
	must(t, s.Resolve(t.Context(), "a", stagger.Result{}))
	pending, err := s.Pending(t.Context())
	must(t, err)
	if len(pending) != 2 || pending[0].ID != "z" || pending[1].ID != "m" {
		t.Errorf("pending: %+v", pending)
	}
}

func TestWatchMergesSignals(t *testing.T) {
	s, _ := open(t)
	changed, cancel := s.Watch()
	must(t, s.SaveProgress(t.Context(), stagger.Progress{Rollout: "r1", Observed: 0.25}))
	fill(t, s, "r1", "shop", 3)
	<-changed
	select {
	case <-changed:
		t.Error("a second signal waits")
	default:
	}
	cancel()
	fill(t, s, "r2", "pay", 1)
	select {
	case <-changed:
		t.Error("a signal after cancel")
	default:
	}
	p, err := s.Progress(t.Context(), "r1")
	must(t, err)
	if p.Observed != 0.25 {
		t.Errorf("progress: %+v", p)
	}
	_, err = s.Progress(t.Context(), "x")
	wantCode(t, err, stagger.CodeNotFound)
}

func TestFileIsForItsOwnerOnly(t *testing.T) {
	s, path := open(t)
	fill(t, s, "r1", "shop", 1)
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		info, err := os.Stat(path + suffix)
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %o", path+suffix, info.Mode().Perm())
		}
	}
}

// raw opens the file behind the store's back.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

func TestHistoryIsAppendOnly(t *testing.T) {
	s, path := open(t)
	fill(t, s, "r1", "shop", 2)
	for _, statement := range []string{`UPDATE events SET body = '{}'`, `DELETE FROM events`} {
		_, err := raw(t, path).ExecContext(t.Context(), statement)
		if err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if !verify(t, s).Intact() {
		t.Error("the history changed")
	}
}

func TestErrorsAreFitToBeShown(t *testing.T) {
	s, _ := open(t)
	_, err := s.Rollout(t.Context(), "r9")
	if e, ok := errors.AsType[*stagger.Error](err); !ok || e.Message != "there is no rollout r9" {
		t.Errorf("%v", err)
	}
}

func TestPathIsKeptInPlaceOfTheOneBefore(t *testing.T) {
	s, path := open(t)
	fill(t, s, "r1", "shop", 1)
	_, err := s.Evidence(t.Context(), "r2")
	wantCode(t, err, stagger.CodeNotFound)
	empty, err := s.Evidence(t.Context(), "r1")
	must(t, err)
	if len(empty.At) != 0 || empty.At == nil || empty.Slots == nil {
		t.Errorf("before anything was kept: %+v", empty)
	}
	must(t, s.SavePath(t.Context(), "r1", []byte(`{"step":1000000000,"at":[],"advice":[],"slots":[]}`)))
	must(t, s.SavePath(t.Context(), "r1", []byte(`{"step":2000000000,"at":["2026-11-23T12:00:00Z"],"advice":["hold"],"slots":[]}`)))
	must(t, s.Close())
	s = reopen(t, path)
	p, err := s.Evidence(t.Context(), "r1")
	must(t, err)
	want := stagger.Path{Step: 2 * time.Second, At: []time.Time{epoch}, Advice: []stagger.Advice{stagger.AdviseHold}, Slots: []stagger.PathSlot{}}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Error(diff)
	}
}

func TestPathsOfOldRolloutsGo(t *testing.T) {
	s, _ := open(t)
	r := fill(t, s, "old", "shop", 1)
	must(t, s.SavePath(t.Context(), "old", []byte(`{}`)))
	r, events := advance(r, stagger.EventAborted, stagger.PhaseAborted)
	must(t, s.Commit(t.Context(), r, events))
	fill(t, s, "busy", "basket", 1)
	must(t, s.SavePath(t.Context(), "busy", []byte(`{}`)))
	for i := range 999 {
		fill(t, s, fmt.Sprintf("r%d", i), fmt.Sprintf("s%d", i), 1)
	}
	kept := func(id string) bool {
		path, err := s.Path(t.Context(), id)
		must(t, err)
		return path != nil
	}
	must(t, s.SavePath(t.Context(), "r0", []byte(`{}`)))
	if kept("old") {
		t.Error("the path of a rollout long over is kept")
	}
	fill(t, s, "r999", "s999", 1)
	must(t, s.SavePath(t.Context(), "r999", []byte(`{}`)))
	if !kept("busy") || !kept("r0") || !kept("r999") {
		t.Errorf("kept: busy %t, r0 %t, r999 %t", kept("busy"), kept("r0"), kept("r999"))
	}
}

func TestWatchStateIsKeptInPlaceOfTheOneBefore(t *testing.T) {
	s, path := open(t)
	if state, err := s.WatchState(t.Context(), "shop"); state != nil || err != nil {
		t.Errorf("before anything was kept: %q, %v", state, err)
	}
	must(t, s.SaveWatchState(t.Context(), "shop", []byte(`{"seen":1}`)))
	must(t, s.SaveWatchState(t.Context(), "shop", []byte(`{"seen":2}`)))
	must(t, s.Close())
	s = reopen(t, path)
	if state, err := s.WatchState(t.Context(), "shop"); string(state) != `{"seen":2}` || err != nil {
		t.Errorf("kept %q, %v", state, err)
	}
}
