package e2e_test

import (
	"maps"
	"math/bits"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/stagger-dev/stagger"
)

// settle is how long a change may take to show in the access logs: a decision
// is to be in force within two looks of a quarter second each.
const settle = 500 * time.Millisecond

// span is a time between two moments.
type span struct{ from, to time.Time }

func (s span) has(at time.Time) bool { return at.After(s.from) && at.Before(s.to) }

// users counts the hits of each user within the span.
func users(hits []hit, within span) map[string]int {
	found := map[string]int{}
	for _, h := range hits {
		if within.has(h.start) {
			found[h.user]++
		}
	}
	return found
}

// silentSince fails when the version got a request that started after at.
func silentSince(t *testing.T, u *upstream, at time.Time) {
	t.Helper()
	late := users(u.hits(t), span{at, time.Now()})
	if len(late) > 0 {
		t.Errorf("%s still got requests of %d users that started after %s", u.name, len(late), at.Format("15:04:05.000"))
	}
}

// busySince fails unless the version got at least so many requests since at.
func busySince(t *testing.T, u *upstream, at time.Time, least int) {
	t.Helper()
	n := 0
	for _, c := range users(u.hits(t), span{at, time.Now()}) {
		n += c
	}
	if n < least {
		t.Errorf("%s got %d requests since %s, want at least %d", u.name, n, at.Format("15:04:05.000"), least)
	}
}

// neverBeyondTheRecord fails when a user met the candidate who was not to meet
// it under any weight on record at that time. Whom a weight takes in is worked
// out here from the bytes that ADR 0001 fixes, not by the program's own code.
func neverBeyondTheRecord(t *testing.T, r stagger.Rollout, events []stagger.Event, candidate *upstream) {
	t.Helper()
	hits := candidate.hits(t)
	if len(hits) == 0 {
		t.Error("the candidate never got a request")
	}
	beyond := 0
	for _, h := range hits {
		if w := recorded(events, h.start); point(r.Seed, h.user) >= uint64(w) {
			if beyond++; beyond <= 3 {
				t.Errorf("%s met the candidate at %s, when %v was on record", h.user, h.start.Format("15:04:05.000"), w)
			}
		}
	}
	if beyond > 3 {
		t.Errorf("... and %d more of %d", beyond-3, len(hits))
	}
}

// recorded is the largest weight on record shortly before at. nginx's clock
// stands still while it works, so "at" may be some milliseconds early.
func recorded(events []stagger.Event, at time.Time) stagger.Weight {
	var most, now stagger.Weight
	for _, e := range events {
		if e.At.After(at.Add(20 * time.Millisecond)) {
			break
		}
		now = e.Weight
		if e.At.After(at.Add(-settle)) {
			most = max(most, now, before(events, e))
		}
	}
	return max(most, now)
}

// before is the weight that e replaced.
func before(events []stagger.Event, e stagger.Event) stagger.Weight {
	if e.Seq < 2 {
		return 0
	}
	return events[e.Seq-2].Weight
}

// point is a user's place on the line of parts per million.
func point(seed, user string) uint64 {
	high, _ := bits.Mul64(xxhash.Sum64String("stagger.cohort.v1\x00"+seed+"\x00"+user), 1_000_000)
	return high
}

// everyUserKeepsTheirVersion fails when a user met both versions within a span
// in which the weight did not change, or when the share of users on the
// candidate is far from the weight.
func everyUserKeepsTheirVersion(t *testing.T, s *shop, candidate string, at stagger.Event, within span) {
	t.Helper()
	within.from = within.from.Add(settle)
	old, fresh := users(s.versions["v1"].hits(t), within), users(s.versions[candidate].hits(t), within)
	if len(old) == 0 || len(fresh) == 0 {
		t.Fatalf("at %v %d users met v1 and %d met %s", at.Weight, len(old), len(fresh), candidate)
	}
	for u := range fresh {
		if old[u] > 0 {
			t.Errorf("at %v user %s met both versions", at.Weight, u)
		}
	}
	share, want := float64(len(fresh))/float64(len(old)+len(fresh)), at.Weight.Share()
	if share < want/2 || share > want*3/2 {
		t.Errorf("at %v the candidate met %.1f %% of the users", at.Weight, 100*share)
	}
}

// nobodyMovesBack fails when a user who met the candidate in the first span
// meets the baseline in the second. It returns how many users were seen in both.
func nobodyMovesBack(t *testing.T, s *shop, candidate string, first, second span) int {
	t.Helper()
	early := users(s.versions[candidate].hits(t), first)
	late, back := users(s.versions[candidate].hits(t), second), users(s.versions["v1"].hits(t), second)
	for u := range early {
		if back[u] > 0 {
			t.Errorf("user %s met the candidate and was moved back", u)
		}
	}
	maps.DeleteFunc(late, func(u string, _ int) bool { return early[u] == 0 })
	return len(late)
}
