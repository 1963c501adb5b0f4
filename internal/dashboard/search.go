package dashboard

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/stagger-dev/stagger"
)

// search is what is looked for on the first page.
type search struct {
	Query string
	Phase string
	Kind  string
	words []string
}

// mostQuery bounds what is searched for, bytes.
const mostQuery = 200

// The phases one can filter by.
const (
	phaseRunning   = "running"
	phaseHeld      = "held"
	phaseAttention = "attention"
	phaseEnded     = "ended"
)

func searchOf(query url.Values) search {
	s := search{Query: strings.TrimSpace(query.Get("q")), Phase: query.Get("phase"), Kind: query.Get("kind")}
	if len(s.Query) > mostQuery {
		s.Query = strings.ToValidUTF8(s.Query[:mostQuery], "")
	}
	s.words = strings.Fields(strings.ToLower(s.Query))
	return s
}

// Empty says whether everything is like it.
func (s search) Empty() bool { return s.Query == "" && s.Phase == "" && s.Kind == "" }

// Phases are the choices of phase.
func (s search) Phases() []choice {
	return s.chosen(s.Phase, [][2]string{{"", "any state"}, {phaseRunning, "running"}, {phaseHeld, "held"}, {phaseAttention, "needs attention"}, {phaseEnded, "ended"}})
}

// Kinds are the choices of what is rolled out.
func (s search) Kinds() []choice {
	return s.chosen(s.Kind, [][2]string{{"", "any change"}, {"code", "code"}, {"config", "config"}, {"schema", "schema"}, {"data", "data"}, {"flag", "flag"}, {"model", "model"}})
}

func (search) chosen(now string, of [][2]string) []choice {
	var list []choice
	for _, o := range of {
		list = append(list, choice{o[0], o[1], o[0] == now})
	}
	return list
}

// Words say what is looked for: `"basket", held, config`.
func (s search) Words() string {
	var parts []string
	if s.Query != "" {
		parts = append(parts, "“"+s.Query+"”")
	}
	for _, c := range slices.Concat(s.Phases(), s.Kinds()) {
		if c.Chosen && c.Value != "" {
			parts = append(parts, c.Label)
		}
	}
	return strings.Join(parts, ", ")
}

// longest is the word that the store looks for.
func (s search) longest() string {
	if len(s.words) == 0 {
		return ""
	}
	return slices.MaxFunc(s.words, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
}

// holds says whether every word stands in one of the texts.
func (s search) holds(texts ...string) bool {
	whole := strings.ToLower(strings.Join(texts, "\n"))
	for _, w := range s.words {
		if !strings.Contains(whole, w) {
			return false
		}
	}
	return true
}

// told are the texts of a rollout that people look for.
func told(r stagger.Rollout) []string {
	c := r.Change
	return []string{r.Service, r.ID, r.Baseline, r.Candidate, c.Commit, c.Author, c.Owner, c.Ticket, c.Summary, c.Kind}
}

// rollout says whether r is like s.
func (s search) rollout(r stagger.Rollout) bool {
	if s.Kind != "" && r.Change.Kind != s.Kind {
		return false
	}
	over := r.Phase.Final()
	return s.state(!over, held(r), !over && (held(r) || !r.Alerted.IsZero()), over) && s.holds(told(r)...)
}

// state says whether what is in these states is in the one that is looked for.
func (s search) state(running, held, attention, ended bool) bool {
	switch s.Phase {
	case phaseRunning:
		return running
	case phaseHeld:
		return held
	case phaseAttention:
		return attention
	case phaseEnded:
		return ended
	}
	return true
}

// held says whether something keeps r.
func held(r stagger.Rollout) bool {
	return r.Phase == stagger.PhaseWaiting || r.Phase == stagger.PhasePaused || r.Hold != stagger.HoldNone
}

// card says whether a service is like s: it, or the rollout that it has.
func (s search) card(c serviceCard) bool {
	r := c.Rollout
	if s.Kind != "" && (r == nil || r.Change.Kind != s.Kind) {
		return false
	}
	if !s.state(r != nil, r != nil && held(*r), c.Urgency > calm, r == nil && len(c.Past) > 0) {
		return false
	}
	texts := []string{c.Service.Name, c.Baseline}
	for _, v := range c.Service.Versions {
		texts = append(texts, v.Name)
	}
	if r != nil {
		texts = append(texts, told(*r)...)
	}
	return s.holds(texts...)
}
