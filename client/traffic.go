package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// PauseTraffic lets the requests to a service wait that begin from now on, until
// ResumeTraffic or for most at most; a minute is the most there can be.
func (c *Client) PauseTraffic(ctx context.Context, service string, most time.Duration) error {
	body, err := json.Marshal(map[string]string{"for": most.String()})
	if err != nil {
		return fmt.Errorf("pause traffic: %w", err)
	}
	return c.traffic(ctx, service, "pause", body)
}

// ResumeTraffic lets them go on; without a pause it does nothing.
func (c *Client) ResumeTraffic(ctx context.Context, service string) error {
	return c.traffic(ctx, service, "resume", nil)
}

func (c *Client) traffic(ctx context.Context, service, verb string, body []byte) error {
	q := request{method: http.MethodPost, path: "/services/" + url.PathEscape(service) + "/" + verb, body: body}
	return c.exchange(ctx, q, func(*http.Response) error { return nil })
}
