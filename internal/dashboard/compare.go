package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/outcome"
	"github.com/stagger-dev/stagger/internal/present"
	"github.com/stagger-dev/stagger/internal/store"
)

// comparableShown bounds the pick lists; older rollouts lead here from their own
// pages.
const comparableShown = 100

// historyMost bounds what is read of one history to tell of its stages.
const historyMost = 5000

// comparePage is two rollouts, or stages of them, side by side.
type comparePage struct {
	A, B     string // as asked for
	PickA    []choice
	PickB    []choice
	Sides    []side // two, or none while it is not known which
	Problem  string
	Sections []comparison
	Stages   []stagePair // where whole rollouts are compared
	Differs  int         // rows that do
	Swap     string
}

// side is one of the two.
type side struct {
	Name    string // "A" or "B"
	Rollout stagger.Rollout
	Sign    present.Sign
	Stage   int    // wholeRollout for all of it
	Where   string // the name of the stage, "all of it"
	Stages  []link

	stays   []outcome.Stay
	life    outcome.Life
	verdict *stagger.Verdict // the last that a decision rested on
	met     *stagger.Exposure
	now     time.Time
}

// link is a place to go to.
type link struct {
	choice

	Address string
}

const wholeRollout = -2

// comparison is a table of the page.
type comparison struct {
	ID, Title string
	Rows      []pair
}

// pair is a row: the same thing of both.
type pair struct {
	Name, A, B string
	Differs    bool
	Note       string // what the difference is, in words
}

// stagePair is the same stage of both plans.
type stagePair struct {
	Name string
	A, B stay
	Note string
	Diff bool
}

// stay is a stage as it went.
type stay struct {
	There   bool
	Name    string
	Weight  string
	Spent   string
	Verdict present.Sign
	End     present.Sign
	Going   bool
}

func compareURL(a, b string) string {
	query := url.Values{"a": {a}}
	if b != "" {
		query.Set("b", b)
	}
	return "/compare?" + query.Encode()
}

// stageRef names a stage of a rollout in an address, counted from 1.
func stageRef(id string, stage int) string {
	if stage == wholeRollout {
		return id
	}
	return id + ":" + strconv.Itoa(stage+1)
}

func (d *dashboard) compare(r *http.Request) (view, error) {
	ctx, query := r.Context(), r.URL.Query()
	p := comparePage{A: query.Get("a"), B: query.Get("b")}
	recent, err := d.Store.Rollouts(ctx, store.Filter{Limit: comparableShown})
	if err != nil {
		return view{}, err
	}
	if p.A != "" && p.B == "" {
		p.B = previous(recent, p.A)
	}
	p.PickA, p.PickB = picks(recent, p.A), picks(recent, p.B)
	v := view{Title: "Compare"}
	if p.A == "" || p.B == "" {
		v.Body = p
		return v, nil
	}
	for i, ref := range []string{p.A, p.B} {
		s, err := d.side(ctx, ref)
		if code := stagger.CodeOf(err); code == stagger.CodeNotFound || code == stagger.CodeInvalid {
			p.Problem, p.Sides, v.Status = err.Error(), nil, d.status(r, err)
			v.Body = p
			return v, nil
		}
		if err != nil {
			return view{}, err
		}
		s.Name = "AB"[i : i+1]
		p.Sides = append(p.Sides, s)
	}
	p.lay()
	v.Body = p
	return v, nil
}

// previous is the rollout of the same service that came before a, which is what
// people compare with most.
func previous(recent []stagger.Rollout, a string) string {
	id, _, _ := strings.Cut(a, ":")
	for i, r := range recent {
		if r.ID != id {
			continue
		}
		for _, older := range recent[i+1:] {
			if older.Service == r.Service {
				return older.ID
			}
		}
	}
	return ""
}

// picks are the rollouts to choose from; the chosen one is always among them.
func picks(recent []stagger.Rollout, chosen string) []choice {
	id, _, _ := strings.Cut(chosen, ":")
	list, found := []choice{}, false
	for _, r := range recent {
		label := fmt.Sprintf("%s %s → %s · %s · %s", r.Service, r.Baseline, r.Candidate, r.CreatedAt.UTC().Format("2006-01-02 15:04"), present.Phase(r.Phase))
		c := choice{r.ID, label, r.ID == id}
		if c.Chosen {
			c.Value, found = chosen, true // with its stage
		}
		list = append(list, c)
	}
	if id != "" && !found {
		list = append([]choice{{chosen, id, true}}, list...)
	}
	return list
}

// side reads what ref names: a rollout, or a stage of one by its number or name.
func (d *dashboard) side(ctx context.Context, ref string) (side, error) {
	id, name, _ := strings.Cut(ref, ":")
	r, err := d.Store.Rollout(ctx, id)
	if err != nil {
		return side{}, err
	}
	s := side{Rollout: r, Sign: present.Phase(r.Phase), Stage: wholeRollout, Where: "all of it", now: d.Now()}
	if name != "" {
		if s.Stage, err = stageNamed(r.Plan, name); err != nil {
			return side{}, err
		}
		s.Where = "stage " + outcome.StageName(r.Plan, s.Stage)
	}
	events, err := d.whole(ctx, id)
	if err != nil {
		return side{}, err
	}
	s.stays, s.life = outcome.Stays(r.Plan, events), outcome.Of(r, events)
	s.verdict, s.met = s.decisive(events), d.met(ctx, r)
	return s, nil
}

func stageNamed(p stagger.Plan, name string) (int, error) {
	for i := range len(p.Stages) + 1 {
		if name == strconv.Itoa(i+1) || name == outcome.StageName(p, i) {
			return i, nil
		}
	}
	return 0, &stagger.Error{Code: stagger.CodeNotFound, Message: fmt.Sprintf("The rollout has no stage %q; it has %d and the bake.", name, len(p.Stages))}
}

// whole reads a history, oldest first, as far as there is any sense in it.
func (d *dashboard) whole(ctx context.Context, id string) ([]stagger.Event, error) {
	var all []stagger.Event
	for len(all) < historyMost {
		page, err := d.Store.History(ctx, id, uint64(len(all)), store.PageLimit)
		if err != nil || len(page) == 0 {
			return all, err
		}
		all = append(all, page...)
	}
	return all, nil
}

// decisive is the evidence that ended the stage, or the whole rollout.
func (s side) decisive(events []stagger.Event) *stagger.Verdict {
	if s.Stage != wholeRollout {
		if stay, ok := s.stay(s.Stage); ok {
			return stay.Verdict
		}
		return nil
	}
	for _, e := range slices.Backward(events) {
		if e.Verdict != nil && e.Kind != stagger.EventConverged {
			return e.Verdict
		}
	}
	return nil
}

func (s side) stay(stage int) (outcome.Stay, bool) {
	for _, one := range s.stays {
		if one.Stage == stage {
			return one, true
		}
	}
	return outcome.Stay{}, false
}

// ref names what the side shows.
func (s side) ref() string { return stageRef(s.Rollout.ID, s.Stage) }

// lay writes the tables.
func (p *comparePage) lay() {
	a, b := &p.Sides[0], &p.Sides[1]
	a.Stages = a.doors(func(ref string) string { return compareURL(ref, b.ref()) })
	b.Stages = b.doors(func(ref string) string { return compareURL(a.ref(), ref) })
	p.Swap = compareURL(b.ref(), a.ref())
	p.Sections = []comparison{
		{"outcome", "Outcome", both(a.outcome(), b.outcome())},
		{"evidence", "Evidence at the decision", both(verdictFacts(a.verdict), verdictFacts(b.verdict))},
		{"exposure", "Who met the candidate", both(exposed(a.met), exposed(b.met))},
		{"change", "Change", both(a.change(), b.change())},
		{"plan", "Plan", both(a.plan(), b.plan())},
	}
	if a.Stage == wholeRollout && b.Stage == wholeRollout {
		p.Stages = stagePairs(*a, *b)
	}
	for _, section := range p.Sections {
		for _, row := range section.Rows {
			if row.Differs {
				p.Differs++
			}
		}
	}
}

// doors lead to the stages of a side, the other one staying.
func (s side) doors(to func(ref string) string) []link {
	list := []link{{choice{"", "all of it", s.Stage == wholeRollout}, to(s.Rollout.ID)}}
	for i := range len(s.Rollout.Plan.Stages) + 1 {
		list = append(list, link{choice{"", outcome.StageName(s.Rollout.Plan, i), s.Stage == i}, to(stageRef(s.Rollout.ID, i))})
	}
	return list
}
