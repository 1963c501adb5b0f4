package client

import (
	"context"
	"net/url"

	"github.com/stagger-dev/stagger"
)

// Course returns how both versions did over the life of a rollout, also of one
// that is over; without moments when nothing was kept.
func (c *Client) Course(ctx context.Context, id string) (stagger.Course, error) {
	var answer stagger.Course
	err := c.get(ctx, "/rollouts/"+url.PathEscape(id)+"/course", nil, &answer)
	return answer, err
}

// Distribution returns how long the requests of both versions of a rollout took,
// also of one that is over; without bins when nothing was kept.
func (c *Client) Distribution(ctx context.Context, id string) (stagger.Distribution, error) {
	var answer stagger.Distribution
	err := c.get(ctx, "/rollouts/"+url.PathEscape(id)+"/distribution", nil, &answer)
	return answer, err
}
