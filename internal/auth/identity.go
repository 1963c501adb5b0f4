package auth

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/stagger-dev/stagger"
)

// Way is how somebody proved who they are.
type Way string

// The ways.
const (
	Loopback Way = "loopback" // not at all: nothing is configured, and only this machine is let in
	ByToken  Way = "token"    // with a token that has a name
	ByOIDC   Way = "oidc"     // by the word of the OpenID Connect provider
)

// localName is what anybody on this machine is called where nobody has to prove
// anything.
const localName = "local"

// Identity is who is asking.
type Identity struct {
	Name string
	Role Role
	Via  Way
	// Until is when the session ends at the latest; zero without a session.
	Until time.Time
}

// Session says whether there is a session, which can be ended.
func (i Identity) Session() bool { return !i.Until.IsZero() }

// Actor is the name under which the history keeps what was asked for, given whom
// the request says it is for.
//
// A person whom the provider vouches for is who they are. A token may be used by
// many, so whom they say they are is kept beside its name, which is what was
// proved: "ana via ci". Where nobody proves anything, anybody is believed.
func (i Identity) Actor(claimed string) string {
	claimed = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, claimed))
	switch {
	case claimed == "" || i.Via == ByOIDC:
		return i.Name
	case i.Via == Loopback:
		return claimed
	case claimed == i.Name:
		return i.Name
	}
	return claimed + " via " + i.Name
}

type identityKey struct{}

// With returns a context that knows who is asking.
func With(ctx context.Context, i Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, i)
}

// Of returns who is asking; ok is false where no guard let the request in.
func Of(ctx context.Context) (i Identity, ok bool) {
	i, ok = ctx.Value(identityKey{}).(Identity)
	return i, ok
}

// Require returns nil when the one who asks may do what needs the role, and an
// error with stagger.CodeDenied that names what was asked for and both roles
// when not.
func Require(ctx context.Context, needed Role, what string) error {
	i, ok := Of(ctx)
	switch {
	case !ok:
		return &stagger.Error{Code: stagger.CodeDenied, Message: what + " needs the role " + string(needed) + "; sign in first"}
	case !i.Role.Covers(needed):
		return &stagger.Error{Code: stagger.CodeDenied, Message: fmt.Sprintf("%s needs the role %s; %s has the role %s", what, needed, i.Name, i.Role)}
	}
	return nil
}
