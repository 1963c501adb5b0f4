package store_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/store"
)

func TestEndingsAreReadPageByPage(t *testing.T) {
	s, _ := open(t)
	for i := range 5 {
		r := fill(t, s, fmt.Sprintf("r%d", i), []string{"shop", "desk"}[i%2], 2)
		if i == 4 {
			break // it is still under way
		}
		r, events := advance(r, stagger.EventAborted, stagger.PhaseAborted)
		must(t, s.Commit(t.Context(), r, events))
	}
	var got []string
	before := int64(0)
	for {
		page, err := s.Endings(t.Context(), "", before, 3)
		must(t, err)
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			got, before = append(got, fmt.Sprintf("%s with %d", e.Rollout, e.Events)), e.Position
		}
	}
	if diff := cmp.Diff([]string{"r3 with 3", "r2 with 3", "r1 with 3", "r0 with 3"}, got); diff != "" {
		t.Error(diff)
	}
	if desk, err := s.Endings(t.Context(), "desk", 0, 0); err != nil || len(desk) != 2 || desk[0].Rollout != "r3" {
		t.Errorf("%+v, %v", desk, err)
	}
}

func TestTurnsAreTheHistoryWithoutTheEvidence(t *testing.T) {
	s, _ := open(t)
	r := fill(t, s, "r", "shop", 1)
	r, events := advance(r, stagger.EventStageEntered, stagger.PhaseProgressing)
	events[0].Verdict = &stagger.Verdict{Sentence: "so it is"}
	events[0].Weight, events[0].Hold, events[0].Manual, events[0].Stage = 7, stagger.HoldSuspect, true, 2
	must(t, s.Commit(t.Context(), r, events))
	turns, err := s.Turns(t.Context(), "r")
	must(t, err)
	whole, err := s.History(t.Context(), "r", 0, 0)
	must(t, err)
	for i := range whole {
		whole[i].Verdict, whole[i].Created, whole[i].Reason = nil, nil, ""
	}
	if diff := cmp.Diff(whole, turns); diff != "" {
		t.Error(diff)
	}
}

func TestChainTellsThePlaceOfEachEvent(t *testing.T) {
	s, _ := open(t)
	fill(t, s, "other", "desk", 3)
	fill(t, s, "r", "shop", 4)
	links, err := s.Chain(t.Context(), "r", 2, 0)
	must(t, err)
	if len(links) != 2 || links[0].Event.Seq != 3 || links[0].ID != 6 || len(links[0].Hash) != 64 || links[0].Hash == links[1].Hash {
		t.Errorf("%+v", links)
	}
	if proof := verify(t, s); proof.Head != links[1].Hash {
		t.Errorf("the chain ends in %s, not %s", proof.Head, links[1].Hash)
	}
}

func TestRolloutsAreFoundByWhatTheirRecordHolds(t *testing.T) {
	s, _ := open(t)
	for id, change := range map[string]stagger.Change{
		"a": {Commit: "4f2a91c", Summary: "Faster <basket> totals"}, "b": {Owner: "Payments", Ticket: "SHOP-42"}, "c": {Summary: "100% of it"},
	} {
		r, events := created(id, "service-"+id)
		r.Change, events[0].Created.Change = change, change
		must(t, s.Commit(t.Context(), r, events))
	}
	for text, want := range map[string]string{
		"4F2A": "a", "<basket>": "a", "payments": "b", "shop-42": "b", "service-c": "c", "100%": "c", "1_0%": "", "nothing of the kind": "", `"`: "",
	} {
		list, err := s.Rollouts(t.Context(), store.Filter{Text: text})
		must(t, err)
		got := ""
		for _, r := range list {
			got += r.ID
		}
		if got != want {
			t.Errorf("%q finds %q, want %q", text, got, want)
		}
	}
}
