package store_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/store"
)

// TestLinkIsTheDocumentedHash spells the bytes out, so that the chain can be
// checked by other programs for ever.
func TestLinkIsTheDocumentedHash(t *testing.T) {
	text := "\x00\x00\x00\x00\x00\x00\x00\x02" + "ab" +
		"\x00\x00\x00\x00\x00\x00\x00\x02" + "r1" +
		"\x00\x00\x00\x00\x00\x00\x00\x08" + "\x00\x00\x00\x00\x00\x00\x00\x07" +
		"\x00\x00\x00\x00\x00\x00\x00\x02" + "{}"
	sum := sha256.Sum256([]byte(text))
	if got, want := store.Link("ab", "r1", 7, []byte("{}")), hex.EncodeToString(sum[:]); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestVerifyLocatesTampering(t *testing.T) {
	const changed = "its content does not match its hash: it was changed after it was recorded"
	for name, c := range map[string]struct {
		statement string
		events    uint64 // found right before it
		want      stagger.Broken
	}{
		"a reason rewritten": {
			`UPDATE events SET body = replace(body, 'because', 'why not') WHERE rollout = 'r1' AND seq = 2`,
			1,
			stagger.Broken{ID: 2, Rollout: "r1", Seq: 2, Message: changed},
		},
		"one letter's case": {
			`UPDATE events SET body = replace(body, 'ada', 'Ada') WHERE rollout = 'r2' AND seq = 1`,
			3,
			stagger.Broken{ID: 4, Rollout: "r2", Seq: 1, Message: changed},
		},
		"an entry taken out": {
			`DELETE FROM events WHERE id = 2`,
			1,
			stagger.Broken{ID: 3, Rollout: "r1", Seq: 3, Message: "the entry 2 before it is missing"},
		},
		"a hash rewritten": {
			`UPDATE events SET hash = 'ff' WHERE id = 3`,
			2,
			stagger.Broken{ID: 3, Rollout: "r1", Seq: 3, Message: changed},
		},
		"moved to another rollout": {
			`UPDATE events SET rollout = 'r3' WHERE id = 1`,
			0,
			stagger.Broken{ID: 1, Rollout: "r3", Seq: 1, Message: changed},
		},
		"the tail cut off": {
			`DELETE FROM events WHERE id > 3`,
			3,
			stagger.Broken{ID: 4, Message: "the end is cut off: 5 entries were recorded"},
		},
		"everything gone": {
			`DELETE FROM events`,
			0,
			stagger.Broken{ID: 1, Message: "the end is cut off: 5 entries were recorded"},
		},
		"the end rewritten": {
			`UPDATE head SET hash = 'ff'`,
			5,
			stagger.Broken{ID: 5, Message: "the recorded end is entry 5 with another hash"},
		},
		"a rollout taken out": {
			`DELETE FROM rollouts WHERE id = 'r2'`,
			5,
			stagger.Broken{ID: 5, Rollout: "r2", Message: "the rollout of this history is missing"},
		},
		"a rollout's count rewritten": {
			`UPDATE rollouts SET events = 2 WHERE id = 'r1'`,
			5,
			stagger.Broken{ID: 5, Rollout: "r1", Seq: 2, Message: "the rollout says it has 2 events, its history has 3"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, path := open(t)
			fill(t, s, "r1", "shop", 3)
			fill(t, s, "r2", "pay", 2)
			if proof := verify(t, s); !proof.Intact() || proof.Events != 5 || len(proof.Head) != 64 {
				t.Fatalf("before: %+v", proof)
			}
			_, err := raw(t, path).ExecContext(t.Context(),
				`DROP TRIGGER events_no_update; DROP TRIGGER events_no_delete; `+c.statement)
			must(t, err)

			proof := verify(t, s)
			if diff := cmp.Diff(&c.want, proof.Broken); diff != "" {
				t.Error(diff)
			}
			if proof.Events != c.events {
				t.Errorf("%d entries before it are right, want %d", proof.Events, c.events)
			}
		})
	}
}

// TestVerifyFindsAGapUnderARightHash forges an entry together with its hash and
// the end of the chain.
func TestVerifyFindsAGapUnderARightHash(t *testing.T) {
	for name, c := range map[string]struct {
		seq  uint64
		body string
		want string
	}{
		"a gap in the rollout":    {5, `{"rollout":"r1","seq":5}`, "it should be event 4 of its rollout"},
		"another rollout's event": {4, `{"rollout":"r2","seq":4}`, "it holds event 4 of rollout r2"},
		"no event":                {4, `[]`, "it cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			s, path := open(t)
			fill(t, s, "r1", "shop", 3)
			hash := store.Link(verify(t, s).Head, "r1", c.seq, []byte(c.body))
			_, err := raw(t, path).ExecContext(t.Context(), `
				INSERT INTO events (id, rollout, seq, body, hash) VALUES (4, 'r1', $1, $2, $3);
				UPDATE head SET id = 4, hash = $3`, c.seq, c.body, hash)
			must(t, err)
			proof := verify(t, s)
			if proof.Intact() || proof.Broken.ID != 4 || !strings.Contains(proof.Broken.Message, c.want) {
				t.Errorf("got %+v, want %q", proof.Broken, c.want)
			}
		})
	}
}
