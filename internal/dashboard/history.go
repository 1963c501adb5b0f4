package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/engine"
	"github.com/stagger-dev/stagger/internal/outcome"
	"github.com/stagger-dev/stagger/internal/present"
	"github.com/stagger-dev/stagger/internal/store"
)

// How much of a history is shown and searched at once.
const (
	chainShown   = 50  // events on a page
	chainRead    = 100 // events read at a time
	chainWalked  = 40  // such readings, when most are filtered out
	chainNewerBy = 25  // events above the one that is asked for
)

// historyPage is a page of the history of a rollout, newest first.
type historyPage struct {
	Rollout      stagger.Rollout
	Sign         present.Sign
	Show         string // the filter
	Filters      []choice
	Entries      []entry
	Newer, Older string // addresses; "" for no such page
	Stopped      uint64 // the search gave up at this event; 0 when it did not
	Review       *reviewForm
}

// choice is an option of a list.
type choice struct {
	Value, Label string
	Chosen       bool
}

// entry is an event with what it rested on.
type entry struct {
	stagger.Event

	Sign    present.Sign
	Stage   string
	Split   string // "5% → 25%", or the weight that stays
	Changed bool
	Person  bool
	Verdict *judged // nil for none
	ID      int64
	Hash    string
	Open    bool   // it was asked for
	Address string // of this event
	Compare string // of the stage that it ends or begins; "" for none
}

// judged is the verdict that a decision rested on.
type judged struct {
	stagger.Verdict

	Sign     present.Sign
	Findings []finding
}

func judgedOf(v *stagger.Verdict) *judged {
	if v == nil {
		return nil
	}
	j := &judged{Verdict: *v, Sign: present.Outcome(v.Outcome)}
	for _, f := range v.Findings {
		j.Findings = append(j.Findings, findingOf(f))
	}
	return j
}

func (d *dashboard) events(r *http.Request) (view, error) {
	ctx, id, query := r.Context(), r.PathValue("id"), r.URL.Query()
	// Before anything is read, so that no change is missed.
	last, err := d.Store.Last(ctx)
	if err != nil {
		return view{}, err
	}
	rollout, err := d.Store.Rollout(ctx, id)
	if err != nil {
		return view{}, err
	}
	p := historyPage{Rollout: rollout, Sign: present.Phase(rollout.Phase), Show: query.Get("show"), Filters: filters(query.Get("show")), Review: d.reviewForm(r, rollout)}
	w := walk{store: d.Store, rollout: rollout, wanted: wanted(p.Show)}
	at := number(query.Get("at"))
	switch after, before := number(query.Get("after")), number(query.Get("before")); {
	case at > 0:
		err = w.down(ctx, at+chainNewerBy)
	case after > 0:
		err = w.up(ctx, after)
	case before > 0:
		err = w.down(ctx, before)
	default:
		err = w.down(ctx, rollout.Events+1)
	}
	if err != nil {
		return view{}, err
	}
	for i := range w.found {
		w.found[i].Open = w.found[i].Seq == at
	}
	p.Entries, p.Stopped = w.found, w.stopped
	p.turn(w)
	return view{
		Title:  fmt.Sprintf("%s History of %s %s → %s", p.Sign.Symbol, rollout.Service, rollout.Baseline, rollout.Candidate),
		Stream: follow(rollout, last), Events: true, Body: p,
	}, nil
}

// number reads a place in a history; 0 for what is none.
func number(text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0
	}
	return n
}

// turn says where the pages beside this one are.
func (p *historyPage) turn(w walk) {
	page := func(key string, seq uint64) string {
		query := url.Values{key: {strconv.FormatUint(seq, 10)}}
		if p.Show != "" {
			query.Set("show", p.Show)
		}
		return historyURL(p.Rollout.ID) + "?" + query.Encode()
	}
	if w.newer > 0 && w.newer < p.Rollout.Events {
		p.Newer = page("after", w.newer)
	}
	if w.older > 1 {
		p.Older = page("before", w.older)
	}
}

func historyURL(id string) string { return rolloutURL(id) + "/history" }

// The filters that are no filterKinds.
const (
	byPeople  = "people"
	byStagger = "stagger"
)

// filterKinds are those one can filter by, in the order of a rollout's life.
var filterKinds = []stagger.EventKind{
	stagger.EventCreated, stagger.EventStageEntered, stagger.EventHeld, stagger.EventReleased, stagger.EventShed, stagger.EventRestored,
	stagger.EventBlinded, stagger.EventSighted, stagger.EventTimeboxEnded, stagger.EventPaused, stagger.EventResumed, stagger.EventWeightSet,
	stagger.EventAlerted, stagger.EventCleared, stagger.EventBaking, stagger.EventPromoted, stagger.EventRolledBack, stagger.EventAborted,
	stagger.EventSuperseded, stagger.EventConverged, stagger.EventReviewed,
}

func filters(chosen string) []choice {
	list := []choice{{"", "everything", chosen == ""}, {byPeople, "what people did", chosen == byPeople}, {byStagger, "what Stagger decided", chosen == byStagger}}
	for _, k := range filterKinds {
		list = append(list, choice{string(k), present.Kind(k).Words, chosen == string(k)})
	}
	return list
}

// wanted returns what a filter lets through; one that is not known is none.
func wanted(show string) func(stagger.Event) bool {
	switch {
	case show == byPeople:
		return func(e stagger.Event) bool { return e.Actor != engine.Actor }
	case show == byStagger:
		return func(e stagger.Event) bool { return e.Actor == engine.Actor }
	case slices.Contains(filterKinds, stagger.EventKind(show)):
		return func(e stagger.Event) bool { return e.Kind == stagger.EventKind(show) }
	}
	return func(stagger.Event) bool { return true }
}

// walk goes through a history and keeps what is wanted, newest first.
type walk struct {
	store   Store
	rollout stagger.Rollout
	wanted  func(stagger.Event) bool

	found        []entry
	newer, older uint64 // seqs that the next pages begin after and before; 0 for none
	stopped      uint64
}

// down finds what is older than before.
func (w *walk) down(ctx context.Context, before uint64) error {
	high := min(before, w.rollout.Events+1) - 1
	w.newer = high
	for range chainWalked {
		if high == 0 {
			return nil
		}
		low := max(high, chainRead) - chainRead + 1
		page, err := w.read(ctx, low, high)
		if err != nil {
			return err
		}
		for i, e := range slices.Backward(page) {
			if len(w.found) == chainShown {
				w.older = page[i].Seq + 1
				return nil
			}
			w.found = append(w.found, e)
		}
		high = low - 1
	}
	w.older, w.stopped = high+1, high+1
	return nil
}

// up finds what is newer than after.
func (w *walk) up(ctx context.Context, after uint64) error {
	low := after + 1
	w.older = low
	for range chainWalked {
		if low > w.rollout.Events || len(w.found) == chainShown {
			break
		}
		high := low + chainRead - 1
		page, err := w.read(ctx, low, high)
		if err != nil {
			return err
		}
		for _, e := range page[:min(len(page), chainShown-len(w.found))] {
			w.found = append(w.found, e)
			w.newer = e.Seq
		}
		low = high + 1
	}
	if len(w.found) < chainShown {
		w.newer = min(low-1, w.rollout.Events)
	}
	slices.Reverse(w.found)
	return nil
}

// read returns what is wanted of the events from low to high, oldest first.
func (w *walk) read(ctx context.Context, low, high uint64) ([]entry, error) {
	// The one before them tells what the first one changed.
	after := max(low, 2) - 2
	links, err := w.store.Chain(ctx, w.rollout.ID, after, int(high-after))
	if err != nil {
		return nil, err
	}
	var page []entry
	for i, link := range links {
		if link.Event.Seq < low || !w.wanted(link.Event) {
			continue
		}
		var before *stagger.Event
		if i > 0 {
			before = &links[i-1].Event
		}
		page = append(page, entryOf(w.rollout, link, before))
	}
	return page, nil
}

func entryOf(r stagger.Rollout, link store.ChainEntry, before *stagger.Event) entry {
	e := link.Event
	out := entry{
		Event: e, Sign: present.Kind(e.Kind), Stage: outcome.StageName(r.Plan, e.Stage), Split: e.Weight.String(), Person: e.Actor != engine.Actor,
		Verdict: judgedOf(e.Verdict), ID: link.ID, Hash: link.Hash, Address: momentURL(r.ID, e.Seq),
	}
	if before != nil && before.Weight != e.Weight {
		out.Split, out.Changed = before.Weight.String()+" → "+e.Weight.String(), true
	}
	if e.Stage >= 0 {
		out.Compare = compareURL(stageRef(r.ID, e.Stage), "")
	}
	return out
}

// momentURL is where an event is shown with what it rested on.
func momentURL(id string, seq uint64) string {
	return fmt.Sprintf("%s?at=%d#event-%d", historyURL(id), seq, seq)
}
