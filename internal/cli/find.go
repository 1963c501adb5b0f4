package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/client"
)

// searched is how many of the newest rollouts a piece of an id is looked for in.
const searched = 1000

// find returns the rollout that name means. Without a name it is the only one
// that is active.
func find(ctx context.Context, api API, name string) (stagger.Rollout, error) {
	if name == "" {
		return findActive(ctx, api)
	}
	r, err := api.Rollout(ctx, name)
	if stagger.CodeOf(err) != stagger.CodeNotFound {
		return r, err
	}
	if r, ok, err := findOfService(ctx, api, name); ok || err != nil {
		return r, err
	}
	return findByPiece(ctx, api, name)
}

func findActive(ctx context.Context, api API) (stagger.Rollout, error) {
	active, err := api.Rollouts(ctx, client.Filter{Active: true})
	switch {
	case err != nil:
		return stagger.Rollout{}, err
	case len(active) == 0:
		return stagger.Rollout{}, advise(notFound("no rollout is under way"), "'stagger start -f FILE' starts one, 'stagger list' shows those that are over")
	case len(active) > 1:
		return stagger.Rollout{}, ambiguous("several rollouts are under way", active)
	}
	return active[0], nil
}

// findOfService returns the active rollout of a service, or its newest.
func findOfService(ctx context.Context, api API, service string) (stagger.Rollout, bool, error) {
	for _, f := range []client.Filter{{Service: service, Active: true, Limit: 1}, {Service: service, Limit: 1}} {
		list, err := api.Rollouts(ctx, f)
		if err != nil {
			return stagger.Rollout{}, false, err
		}
		if len(list) > 0 {
			return list[0], true, nil
		}
	}
	return stagger.Rollout{}, false, nil
}

// findByPiece returns the one rollout whose id begins with piece or ends with
// it after a dash.
func findByPiece(ctx context.Context, api API, piece string) (stagger.Rollout, error) {
	list, err := api.Rollouts(ctx, client.Filter{Limit: searched})
	if err != nil {
		return stagger.Rollout{}, err
	}
	var found []stagger.Rollout
	for _, r := range list {
		if strings.HasPrefix(r.ID, piece) || strings.HasSuffix(r.ID, "-"+piece) {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 0:
		return stagger.Rollout{}, notFound("there is no rollout %s, nor a service of that name that has one", piece)
	case 1:
		return found[0], nil
	}
	return stagger.Rollout{}, ambiguous(piece+" may be several rollouts", found)
}

func notFound(format string, args ...any) error {
	return &stagger.Error{Code: stagger.CodeNotFound, Message: fmt.Sprintf(format, args...)}
}

// ambiguous names some of the rollouts that could be meant.
func ambiguous(what string, list []stagger.Rollout) error {
	const named = 4
	var ids []string
	for i, r := range list {
		if i == named {
			ids = append(ids, "…")
			break
		}
		ids = append(ids, r.ID)
	}
	return advise(invalid("%s: %s", what, strings.Join(ids, ", ")), "say which one is meant")
}

// first returns the first argument, "" when there is none.
func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
