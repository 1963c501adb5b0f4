package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"maps"
	"slices"

	"github.com/stagger-dev/stagger"
)

// Proof is the result of Verify.
type Proof = stagger.Proof

// entry is a row of the log.
type entry struct {
	id      int64
	rollout string
	seq     uint64
	body    []byte
	hash    string
}

// link returns the hash of an entry that follows one with hash previous ("" for
// the first): SHA-256, in hexadecimal, over four fields, each preceded by its
// length in bytes as a big-endian 64-bit number: the previous hash in
// hexadecimal, the rollout, the big-endian 64-bit seq and the event's JSON.
func link(previous, rollout string, seq uint64, body []byte) string {
	h := sha256.New()
	writeField(h, []byte(previous))
	writeField(h, []byte(rollout))
	writeField(h, binary.BigEndian.AppendUint64(nil, seq))
	writeField(h, body)
	return hex.EncodeToString(h.Sum(nil))
}

func writeField(h hash.Hash, field []byte) {
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(field)))) // a hash never fails
	h.Write(field)
}

// head is the end of the chain.
type head struct {
	id   int64
	hash string
}

// readHead returns the recorded end; zero for an empty history.
func readHead(ctx context.Context, tx *sql.Tx) (head, error) {
	var h head
	err := tx.QueryRowContext(ctx, `SELECT id, hash FROM head WHERE one = 1`).Scan(&h.id, &h.hash)
	if errors.Is(err, sql.ErrNoRows) {
		return head{}, nil
	}
	return h, err
}

// appendEvents adds the encoded events of one rollout, the first with seq
// first, to the end of the chain and returns the new end.
func appendEvents(ctx context.Context, tx *sql.Tx, rollout string, first uint64, bodies [][]byte) (head, error) {
	end, err := readHead(ctx, tx)
	if err != nil {
		return head{}, err
	}
	for i, body := range bodies {
		seq := first + uint64(i)
		end = head{id: end.id + 1, hash: link(end.hash, rollout, seq, body)}
		_, err := tx.ExecContext(ctx, `INSERT INTO events (id, rollout, seq, body, hash) VALUES ($1, $2, $3, $4, $5)`,
			end.id, rollout, seq, string(body), end.hash)
		if err != nil {
			return head{}, err
		}
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO head (one, id, hash) VALUES (1, $1, $2)
		ON CONFLICT (one) DO UPDATE SET id = excluded.id, hash = excluded.hash`, end.id, end.hash)
	return end, err
}

// Verify computes the whole chain anew, in one consistent view while others
// write on, and compares it with what is recorded. What is wrong is in
// Proof.Broken; the error is for not having been able to look. It proves
// integrity against edits of single entries and a cut end; someone who rewrites
// the whole file is found by comparing Proof.Head with one kept elsewhere.
//
// It reads the whole history; one call runs at a time, so that checking never
// keeps decisions from being read and written.
func (s *Store) Verify(ctx context.Context) (Proof, error) {
	select {
	case s.verifying <- struct{}{}:
		defer func() { <-s.verifying }()
	case <-ctx.Done():
		return Proof{}, s.failure("verify", ctx.Err())
	}
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return Proof{}, s.failure("verify", err)
	}
	defer func() { _ = tx.Rollback() }() // it only read
	proof, err := verify(ctx, tx)
	return proof, s.failure("verify", err)
}

func verify(ctx context.Context, tx *sql.Tx) (Proof, error) {
	v := verifier{seqs: make(map[string]uint64)}
	if err := v.walk(ctx, tx); err != nil || v.broken != nil {
		return v.proof(), err
	}
	recorded, err := readHead(ctx, tx)
	if err != nil {
		return v.proof(), err
	}
	if v.checkEnd(recorded); v.broken != nil {
		return v.proof(), nil
	}
	err = v.checkRollouts(ctx, tx)
	return v.proof(), err
}

// verifier walks the chain from its beginning.
type verifier struct {
	end    head              // the last right entry
	seqs   map[string]uint64 // the last seq of each rollout
	broken *stagger.Broken
}

func (v *verifier) proof() Proof {
	return Proof{Events: uint64(v.end.id), Head: v.end.hash, Broken: v.broken}
}

func (v *verifier) walk(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, `SELECT id, rollout, seq, body, hash FROM events ORDER BY id`)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // rows.Err tells what matters
	for rows.Next() && v.broken == nil {
		var e entry
		if err := rows.Scan(&e.id, &e.rollout, &e.seq, &e.body, &e.hash); err != nil {
			return err
		}
		v.step(e)
	}
	return rows.Err()
}

// step checks the next entry and moves on when it is right.
func (v *verifier) step(e entry) {
	if message := v.fault(e); message != "" {
		v.broken = &stagger.Broken{ID: e.id, Rollout: e.rollout, Seq: e.seq, Message: message}
		return
	}
	v.end = head{id: e.id, hash: e.hash}
	v.seqs[e.rollout] = e.seq
}

// fault says what is wrong with e as the next entry, "" when nothing is.
func (v *verifier) fault(e entry) string {
	if want := v.end.id + 1; e.id != want {
		return fmt.Sprintf("the entry %d before it is missing", want)
	}
	if link(v.end.hash, e.rollout, e.seq, e.body) != e.hash {
		return "its content does not match its hash: it was changed after it was recorded"
	}
	if want := v.seqs[e.rollout] + 1; e.seq != want {
		return fmt.Sprintf("it should be event %d of its rollout", want)
	}
	var event stagger.Event
	if err := json.Unmarshal(e.body, &event); err != nil {
		return fmt.Sprintf("it cannot be read: %v", err)
	}
	if event.Rollout != e.rollout || event.Seq != e.seq {
		return fmt.Sprintf("it holds event %d of rollout %s", event.Seq, event.Rollout)
	}
	return ""
}

// checkEnd compares the last entry with the recorded end.
func (v *verifier) checkEnd(recorded head) {
	switch {
	case recorded.id > v.end.id:
		v.broken = &stagger.Broken{ID: v.end.id + 1, Message: fmt.Sprintf("the end is cut off: %d entries were recorded", recorded.id)}
	case recorded != v.end:
		v.broken = &stagger.Broken{ID: v.end.id, Message: fmt.Sprintf("the recorded end is entry %d with another hash", recorded.id)}
	}
}

// checkRollouts compares the number of events of each rollout with its row.
func (v *verifier) checkRollouts(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, `SELECT id, events FROM rollouts ORDER BY position`)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // rows.Err tells what matters
	for rows.Next() && v.broken == nil {
		var id string
		var events uint64
		if err := rows.Scan(&id, &events); err != nil {
			return err
		}
		if events != v.seqs[id] {
			v.broken = &stagger.Broken{ID: v.end.id, Rollout: id, Seq: events, Message: fmt.Sprintf("the rollout says it has %d events, its history has %d", events, v.seqs[id])}
		}
		delete(v.seqs, id)
	}
	if left := slices.Sorted(maps.Keys(v.seqs)); v.broken == nil && len(left) > 0 {
		v.broken = &stagger.Broken{ID: v.end.id, Rollout: left[0], Message: "the rollout of this history is missing"}
	}
	return rows.Err()
}
