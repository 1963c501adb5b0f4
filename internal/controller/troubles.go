package controller

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// repeat is how often a failure that lasts is logged again.
const repeat = time.Minute

// troubles counts the failures of each kind of call and logs when they begin,
// each minute while they last, and their end: not every tick.
type troubles struct {
	log     *slog.Logger
	lasting map[string]*trouble
}

type trouble struct {
	since, logged time.Time
	count         int
}

// heard takes note of how a call went.
func (t *troubles) heard(what string, err error, now time.Time, counter *atomic.Uint64) {
	had := t.lasting[what]
	switch {
	case err != nil:
		counter.Add(1)
		t.failed(what, err, now)
	case had != nil:
		t.log.Info("works again", "call", what, "failures", had.count, "after", now.Sub(had.since))
		delete(t.lasting, what)
	}
}

func (t *troubles) failed(what string, err error, now time.Time) {
	if t.lasting == nil {
		t.lasting = map[string]*trouble{}
	}
	had := t.lasting[what]
	if had == nil {
		had = &trouble{since: now}
		t.lasting[what] = had
	}
	if had.count++; had.count == 1 || now.Sub(had.logged) >= repeat {
		had.logged = now
		t.log.Warn("call failed", "call", what, "error", err, "failures", had.count)
	}
}
