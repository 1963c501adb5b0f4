package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/stagger-dev/stagger"
)

// Do gives a command and waits until it was carried out, however long that
// takes; ctx bounds it. It returns the rollout as it is then, or the refusal.
//
// A start needs Start; any other verb needs Rollout. The ID is the idempotency
// key: whoever does not know what became of a command repeats it with the same
// ID. An empty ID is filled in. Result, Service and At are the server's.
func (c *Client) Do(ctx context.Context, command stagger.Command) (stagger.Rollout, error) {
	q, err := encode(command)
	if err != nil {
		return stagger.Rollout{}, err
	}
	for {
		r, done, err := c.command(ctx, q)
		if err != nil || done {
			return r, err
		}
		// Still pending: the same again waits on.
		if err := pause(ctx, firstPause); err != nil {
			return stagger.Rollout{}, fmt.Errorf("command %s is recorded but not carried out yet: %w", q.key, err)
		}
	}
}

// command sends a command once and says whether it was carried out.
func (c *Client) command(ctx context.Context, q request) (r stagger.Rollout, done bool, err error) {
	err = c.exchange(ctx, q, func(response *http.Response) error {
		if response.StatusCode == http.StatusAccepted {
			return nil
		}
		done = true
		return c.decode(response.Body, &r)
	})
	return r, done, err
}

// ask is the body of every command; the server refuses what a verb does not
// know.
type ask struct {
	*stagger.Start

	Actor  string          `json:"actor,omitempty"`
	Reason string          `json:"reason,omitempty"`
	All    bool            `json:"all,omitempty"`
	Weight *stagger.Weight `json:"weight,omitempty"`

	Judgement stagger.Judgement `json:"judgement,omitempty"`
}

func encode(c stagger.Command) (request, error) {
	q := request{method: http.MethodPost, key: c.ID}
	if q.key == "" {
		q.key = rand.Text()
	}
	switch {
	case c.Verb == stagger.VerbStart && c.Start != nil:
		q.path = "/rollouts"
	case c.Verb != stagger.VerbStart && c.Verb != "" && c.Rollout != "":
		q.path = "/rollouts/" + url.PathEscape(c.Rollout) + "/" + url.PathEscape(string(c.Verb))
	default:
		return q, &stagger.Error{
			Code:    stagger.CodeInvalid,
			Message: fmt.Sprintf("the command %q lacks what it is about: a start for start, a rollout for the rest", c.Verb),
		}
	}
	var err error
	q.body, err = json.Marshal(ask{Start: c.Start, Actor: c.Actor, Reason: c.Reason, All: c.All, Weight: c.Weight, Judgement: c.Judgement})
	if err != nil {
		return q, fmt.Errorf("encode the command: %w", err)
	}
	return q, nil
}
