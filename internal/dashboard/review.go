package dashboard

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/auth"
	"github.com/stagger-dev/stagger/internal/present"
)

// reviewForm shows what people made of a rollout that is over, and asks.
type reviewForm struct {
	Standing *stagger.Review // nil while nobody has said anything
	Said     present.Sign
	Offered  bool // there is somebody to carry it out
	Refused  string
	Unnamed  bool
	Address  string
	Choices  []judgement

	Key, Who, Reason string // as filled in
	Problem          string // with that
}

// judgement is a choice with its meaning.
type judgement struct {
	choice

	Meaning string
}

// reviewForm is nil while the rollout is not over.
func (d *dashboard) reviewForm(r *http.Request, rollout stagger.Rollout) *reviewForm {
	if !rollout.Phase.Final() {
		return nil
	}
	who, _ := auth.Of(r.Context())
	f := &reviewForm{Standing: rollout.Review, Offered: d.Ask != nil, Unnamed: who.Via == auth.Loopback, Address: rolloutURL(rollout.ID) + "/review", Key: rand.Text()}
	if f.Standing != nil {
		f.Said = present.Judgement(f.Standing.Judgement)
	}
	if err := auth.Require(r.Context(), auth.Operator, "reviewing a rollout"); err != nil {
		f.Refused = err.Error()
	}
	chosen := stagger.Judgement("")
	if r.Method == http.MethodPost {
		f.Key, f.Who, f.Reason = cmp.Or(r.PostForm.Get("key"), f.Key), strings.TrimSpace(r.PostForm.Get("who")), strings.TrimSpace(r.PostForm.Get("reason"))
		chosen = stagger.Judgement(r.PostForm.Get("judgement"))
	}
	for _, j := range stagger.Judgements() {
		f.Choices = append(f.Choices, judgement{choice{string(j), present.Judgement(j).Words, j == chosen}, present.Meaning(j)})
	}
	return f
}

// review takes what a person made of a rollout, and leads back to its history;
// what cannot be taken is shown there with what was filled in.
func (d *dashboard) review(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	err := d.askReview(r, id)
	if err == nil {
		http.Redirect(w, r, historyURL(id), http.StatusSeeOther)
		return
	}
	d.page("history", func(r *http.Request) (view, error) {
		v, failed := d.events(r)
		p, ok := v.Body.(historyPage)
		switch {
		case failed != nil:
			return v, failed
		case !ok || p.Review == nil:
			return v, err
		}
		p.Review.Problem, v.Status = err.Error(), d.status(r, err)
		return v, nil
	})(w, r)
}

func (d *dashboard) askReview(r *http.Request, id string) error {
	if err := auth.Require(r.Context(), auth.Operator, "reviewing a rollout"); err != nil {
		return err
	}
	c, err := readReview(r)
	if err != nil {
		return err
	}
	c.Rollout = id
	c, err = d.Ask(r.Context(), c)
	switch {
	case err != nil:
		return err
	case c.Result != nil && c.Result.Error != nil:
		return c.Result.Error
	}
	return nil
}

func readReview(r *http.Request) (stagger.Command, error) {
	if err := r.ParseForm(); err != nil {
		return stagger.Command{}, &stagger.Error{Code: stagger.CodeInvalid, Message: "the form cannot be read: " + err.Error()}
	}
	who, _ := auth.Of(r.Context())
	c := stagger.Command{
		ID: r.PostForm.Get("key"), Verb: stagger.VerbReview, Judgement: stagger.Judgement(r.PostForm.Get("judgement")),
		Reason: strings.TrimSpace(r.PostForm.Get("reason")), Actor: cmp.Or(who.Actor(r.PostForm.Get("who")), "somebody"),
	}
	switch {
	case !slices.Contains(stagger.Judgements(), c.Judgement):
		return c, &stagger.Error{Code: stagger.CodeInvalid, Message: "Say what it was: choose one of the three."}
	case c.Reason == "":
		return c, &stagger.Error{Code: stagger.CodeInvalid, Message: "Say why; it is kept in the history."}
	case len(c.Reason) > mostReason, len(c.Actor) > mostWho, len(c.ID) > mostWho:
		return c, &stagger.Error{Code: stagger.CodeInvalid, Message: fmt.Sprintf("That is too long; write at most %d letters.", mostReason)}
	}
	return c, nil
}
