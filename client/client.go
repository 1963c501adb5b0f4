// Package client talks to a Stagger server: it lists what is rolled out, gives
// commands and follows events. The command line is built on it; programs may be
// too.
//
// Errors of the server come back as *stagger.Error with the server's code. A
// server that does not answer is stagger.CodeUnavailable. Errors of the context
// come back as they are.
package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/stagger-dev/stagger"
)

// ServiceStatus is a service as it is now.
type ServiceStatus = stagger.ServiceStatus

// Proof is what checking the whole history found.
type Proof = stagger.Proof

// Filter chooses rollouts; the zero Filter chooses the newest of all.
type Filter struct {
	Service string // of this service only
	Active  bool   // only those not yet over
	Limit   int    // at most so many, 100 when zero, 1000 at most
}

// Client is a client of one server. It is safe for concurrent use.
type Client struct {
	base  string // without a slash at the end
	token string
	http  *http.Client
}

// Option changes how a client talks.
type Option func(*Client)

// WithToken shows the server's token with every request.
func WithToken(token string) Option { return func(c *Client) { c.token = token } }

// WithHTTPClient replaces the HTTP client, for TLS or a proxy of one's own. It
// must not have a Timeout: that would end streams.
func WithHTTPClient(h *http.Client) Option { return func(c *Client) { c.http = h } }

// New returns a client of the server at base, "http://127.0.0.1:8899" for
// example. It does not connect yet.
func New(base string, options ...Option) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, &stagger.Error{
			Code:    stagger.CodeInvalid,
			Message: fmt.Sprintf("%q is not the address of a server; write it like http://127.0.0.1:8899", base),
		}
	}
	c := &Client{base: strings.TrimRight(u.String(), "/"), http: &http.Client{}}
	for _, option := range options {
		option(c)
	}
	return c, nil
}

// Services returns the services, the baseline of each and the rollout under way.
func (c *Client) Services(ctx context.Context) ([]ServiceStatus, error) {
	var answer struct {
		Services []ServiceStatus `json:"services"`
	}
	err := c.get(ctx, "/services", nil, &answer)
	return answer.Services, err
}

// Rollouts returns the rollouts that f chooses, newest first.
func (c *Client) Rollouts(ctx context.Context, f Filter) ([]stagger.Rollout, error) {
	query := url.Values{}
	if f.Service != "" {
		query.Set("service", f.Service)
	}
	if f.Active {
		query.Set("active", "true")
	}
	if f.Limit > 0 {
		query.Set("limit", strconv.Itoa(f.Limit))
	}
	var answer struct {
		Rollouts []stagger.Rollout `json:"rollouts"`
	}
	err := c.get(ctx, "/rollouts", query, &answer)
	return answer.Rollouts, err
}

// Rollout returns one rollout; stagger.CodeNotFound when there is none.
func (c *Client) Rollout(ctx context.Context, id string) (stagger.Rollout, error) {
	var r stagger.Rollout
	err := c.get(ctx, "/rollouts/"+url.PathEscape(id), nil, &r)
	return r, err
}

// Progress returns how a rollout does now; stagger.CodeNotFound when nothing is
// known of it since the server started.
func (c *Client) Progress(ctx context.Context, id string) (stagger.Progress, error) {
	var p stagger.Progress
	err := c.get(ctx, "/rollouts/"+url.PathEscape(id)+"/progress", nil, &p)
	return p, err
}

// Evidence returns how the evidence of a rollout grew, also of one that is
// over; without points when nothing was kept.
func (c *Client) Evidence(ctx context.Context, id string) (stagger.Path, error) {
	var p stagger.Path
	err := c.get(ctx, "/rollouts/"+url.PathEscape(id)+"/evidence", nil, &p)
	return p, err
}

// Differences returns what the answers to mirrored requests of a rollout differ
// in; stagger.CodeNotFound when nothing of it was mirrored since the server
// started.
func (c *Client) Differences(ctx context.Context, id string) (stagger.Differences, error) {
	var d stagger.Differences
	err := c.get(ctx, "/rollouts/"+url.PathEscape(id)+"/differences", nil, &d)
	return d, err
}

// historyPage is how many events one request asks for.
const historyPage = 1000

// History returns all that happened to a rollout, oldest first.
func (c *Client) History(ctx context.Context, id string) ([]stagger.Event, error) {
	var all []stagger.Event
	for {
		var answer struct {
			Events []stagger.Event `json:"events"`
		}
		query := url.Values{"limit": {strconv.Itoa(historyPage)}}
		if len(all) > 0 {
			query.Set("after", strconv.FormatUint(all[len(all)-1].Seq, 10))
		}
		if err := c.get(ctx, "/rollouts/"+url.PathEscape(id)+"/history", query, &answer); err != nil {
			return nil, err
		}
		all = append(all, answer.Events...)
		if len(answer.Events) < historyPage {
			return all, nil
		}
	}
}

// Verify lets the server compute the whole history anew. What is wrong with it
// is in Proof.Broken, not in the error.
func (c *Client) Verify(ctx context.Context) (Proof, error) {
	var p Proof
	err := c.get(ctx, "/verify", nil, &p)
	return p, err
}

// Version returns the version of the server.
func (c *Client) Version(ctx context.Context) (string, error) {
	var answer struct {
		Version string `json:"version"`
	}
	err := c.get(ctx, "/version", nil, &answer)
	return answer.Version, err
}

// get reads one answer into v.
func (c *Client) get(ctx context.Context, path string, query url.Values, v any) error {
	q := request{method: http.MethodGet, path: path, query: query}
	return c.exchange(ctx, q, func(response *http.Response) error { return c.decode(response.Body, v) })
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// interrupted says whether err is the context's.
func interrupted(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
