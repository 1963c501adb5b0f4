package dashboard

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/auth"
	"github.com/stagger-dev/stagger/internal/engine"
	"github.com/stagger-dev/stagger/internal/present"
)

// act is something a person may ask of a rollout.
type act struct {
	Name  string // in its address
	Label string
	Key   string // that opens it
	Tone  string

	verb stagger.Verb
	all  bool
}

// acts in the order of the page.
var acts = []act{
	{Name: "pause", Label: "Pause", Key: "p", verb: stagger.VerbPause},
	{Name: "resume", Label: "Resume", Key: "r", verb: stagger.VerbResume},
	{Name: "promote", Label: "Next stage", Key: "n", verb: stagger.VerbPromote},
	{Name: "promote-all", Label: "To everybody", Key: "e", verb: stagger.VerbPromote, all: true},
	{Name: "weight", Label: "Set weight", Key: "w", verb: stagger.VerbWeight},
	{Name: "rollback", Label: "Roll back", Key: "b", Tone: "bad", verb: stagger.VerbRollback},
	{Name: "abort", Label: "Abort", Key: "a", verb: stagger.VerbAbort},
}

func actNamed(name string) (act, error) {
	for _, a := range acts {
		if a.Name == name {
			return a, nil
		}
	}
	return act{}, &stagger.Error{Code: stagger.CodeNotFound, Message: "There is no such action."}
}

// what is the action in words, for people who may not.
func (a act) what() string { return strings.ToLower(a.Label[:1]) + a.Label[1:] }

// command is what is asked of r.
func (a act) command(r stagger.Rollout, f actForm) stagger.Command {
	c := stagger.Command{ID: f.Key, Verb: a.verb, Rollout: r.ID, All: a.all, Actor: cmp.Or(f.Who, "somebody"), Reason: f.Reason}
	if a.verb == stagger.VerbWeight {
		w := r.Weight
		if f.weight != nil {
			w = *f.weight
		}
		c.Weight = &w
	}
	return c
}

// actForm is what a person filled in.
type actForm struct {
	Key    string // of the command, so that asking twice is asking once
	Who    string
	Reason string
	Weight string // as it was written

	weight *stagger.Weight
}

// actPage asks for a reason, and says what will happen.
type actPage struct {
	*scene
	act

	Form     actForm
	Address  string
	Will     []string // what will happen, in sentences
	Refused  string   // why it cannot be done
	Unnamed  bool     // nobody had to say who they are
	NeedsHow bool     // the weight is asked for
	Problem  string   // with what was filled in, or what came of it
}

func (d *dashboard) act(r *http.Request) (view, error) {
	p, err := d.actPage(r)
	if err != nil {
		return view{}, err
	}
	p.Form.Key = rand.Text()
	p.foresee(r)
	return p.view(r), nil
}

func (d *dashboard) actPage(r *http.Request) (*actPage, error) {
	a, err := actNamed(r.PathValue("act"))
	if err != nil {
		return nil, err
	}
	s, err := d.scene(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	who, _ := auth.Of(r.Context())
	return &actPage{
		scene: s, act: a, Address: rolloutURL(s.Rollout.ID) + "/act/" + a.Name,
		Unnamed: who.Via == auth.Loopback, NeedsHow: a.verb == stagger.VerbWeight,
	}, nil
}

func (p *actPage) view(r *http.Request) view {
	v := view{Title: fmt.Sprintf("%s: %s %s", p.Label, p.Rollout.Service, p.Rollout.Candidate), Body: p}
	if r.URL.Query().Get("part") == "act" {
		v.Template = "act"
	}
	return v
}

// foresee fills in what would happen if nothing changed until then.
func (p *actPage) foresee(r *http.Request) {
	if err := auth.Require(r.Context(), auth.Operator, "this"); err != nil {
		p.Refused = err.Error()
		return
	}
	step, err := p.trial(p.act, p.Form)
	if err != nil {
		p.Refused = err.Error()
		return
	}
	p.Will = p.consequences(step)
}

// trial asks the engine what would follow, and carries nothing out.
func (s *scene) trial(a act, f actForm) (engine.Step, error) {
	command := a.command(s.Rollout, f)
	in := engine.Input{At: s.Now, Ready: s.ready(), Command: &command}
	if s.Progress != nil {
		in.Verdict = s.Progress.Verdict
	}
	return engine.Next(s.Rollout, in)
}

// ready says which versions have a healthy endpoint. Where nobody knows they
// are taken to have one: the controller looks again.
func (s *scene) ready() engine.Ready {
	if s.dashboard.Endpoints == nil {
		return engine.Ready{Baseline: true, Candidate: true}
	}
	var r engine.Ready
	for _, e := range s.dashboard.Endpoints(s.Rollout.Service) {
		well := e.State == stagger.EndpointHealthy || e.State == stagger.EndpointWarming
		r.Baseline = r.Baseline || well && e.Version == s.Rollout.Baseline
		r.Candidate = r.Candidate || well && e.Version == s.Rollout.Candidate
	}
	return r
}

// consequences are what a step means to users.
func (s *scene) consequences(step engine.Step) []string {
	before, after := s.Rollout, step.Rollout
	will := []string{s.moves(before, after)}
	switch after.Phase {
	case stagger.PhaseRolledBack:
		will = append(will, "The rollout ends as rolled back.")
	case stagger.PhaseAborted:
		will = append(will, "The rollout ends as aborted, which blames nobody.")
	case stagger.PhasePromoted:
		will = append(will, after.Candidate+" becomes the baseline.")
	case stagger.PhasePending, stagger.PhaseProgressing, stagger.PhaseWaiting, stagger.PhasePaused, stagger.PhaseBaking, stagger.PhaseSuperseded:
		next, _ := engine.Upcoming(after, s.verdict(), s.ready(), nil, s.Now)
		will = append(will, "A regression still rolls back. Then it "+strings.TrimPrefix(next, "it ")+".")
	}
	return will
}

func (s *scene) verdict() stagger.Verdict {
	if s.Progress == nil {
		return stagger.Verdict{}
	}
	return s.Progress.Verdict
}

// moves says who meets another version than now.
func (s *scene) moves(before, after stagger.Rollout) string {
	from, to := engine.Split(before), engine.Split(after)
	if after.Phase.Final() && after.Phase != stagger.PhasePromoted {
		if !from.Exposes() {
			return "Nobody meets " + before.Candidate + " now; nobody will."
		}
		return fmt.Sprintf("Everybody goes back to %s within about a second%s.", before.Baseline, s.requests(from.Weight, 0))
	}
	switch {
	case to.Weight > from.Weight:
		return fmt.Sprintf("%s goes from %s to %s of the traffic%s.", before.Candidate, from.Weight, to.Weight, s.requests(from.Weight, to.Weight))
	case to.Weight < from.Weight:
		return fmt.Sprintf("%s goes down from %s to %s of the traffic%s.", before.Candidate, from.Weight, to.Weight, s.requests(from.Weight, to.Weight))
	}
	return fmt.Sprintf("%s stays at %s.", before.Candidate, present.Wanted(to, before.Candidate))
}

// requests says how many move, as far as anybody knows.
func (s *scene) requests(from, to stagger.Weight) string {
	if s.Progress == nil {
		return ""
	}
	rate := (s.Progress.Baseline.Rate + s.Progress.Candidate.Rate) * max(to.Share()-from.Share(), from.Share()-to.Share())
	if rate < 0.05 {
		return ""
	}
	return ", about " + present.Rate(rate) + " requests/s"
}

// perform carries out what a person asked for, or says why not with what was
// filled in still there.
func (d *dashboard) perform(w http.ResponseWriter, r *http.Request) {
	p, err := d.actPage(r)
	if err == nil {
		err = d.ask(r, p)
	}
	if err == nil {
		d.acted(w, r, p)
		return
	}
	d.page("act", func(*http.Request) (view, error) {
		if p == nil {
			return view{}, err
		}
		p.Problem = err.Error()
		p.foresee(r)
		v := p.view(r)
		v.Status = d.status(r, err)
		return v, nil
	})(w, r)
}

// ask hands the command over.
func (d *dashboard) ask(r *http.Request, p *actPage) error {
	if err := auth.Require(r.Context(), auth.Operator, "to "+p.what()); err != nil {
		return err
	}
	if err := p.read(r); err != nil {
		return err
	}
	c, err := d.Ask(r.Context(), p.command(p.Rollout, p.Form))
	switch {
	case err != nil:
		return err
	case c.Result != nil && c.Result.Error != nil:
		return c.Result.Error
	}
	return nil
}

// The bounds of what a person fills in, as those of the API.
const (
	mostWho    = 200
	mostReason = 2000
)

func (p *actPage) read(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return &stagger.Error{Code: stagger.CodeInvalid, Message: "the form cannot be read: " + err.Error()}
	}
	who, _ := auth.Of(r.Context())
	p.Form = actForm{
		Key: r.PostForm.Get("key"), Who: who.Actor(strings.TrimSpace(r.PostForm.Get("who"))),
		Reason: strings.TrimSpace(r.PostForm.Get("reason")), Weight: r.PostForm.Get("weight"),
	}
	switch {
	case p.Form.Reason == "":
		return &stagger.Error{Code: stagger.CodeInvalid, Message: "Say why; it is kept in the history."}
	case len(p.Form.Reason) > mostReason, len(p.Form.Who) > mostWho, len(p.Form.Key) > mostWho:
		return &stagger.Error{Code: stagger.CodeInvalid, Message: fmt.Sprintf("That is too long; write at most %d letters.", mostReason)}
	case !p.NeedsHow:
		return nil
	}
	weight, err := stagger.ParseWeight(p.Form.Weight)
	if err != nil {
		return &stagger.Error{Code: stagger.CodeInvalid, Message: "The weight: " + err.Error()}
	}
	p.Form.weight = &weight
	return nil
}

// acted leads back to the rollout, or tells the open page that it is done.
func (d *dashboard) acted(w http.ResponseWriter, r *http.Request, p *actPage) {
	if r.URL.Query().Get("part") == "" {
		http.Redirect(w, r, rolloutURL(p.Rollout.ID), http.StatusSeeOther)
		return
	}
	w.Header().Set("HX-Trigger", "acted")
	w.WriteHeader(http.StatusNoContent)
}
