package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"time"

	"github.com/stagger-dev/stagger/internal/whence"
)

// Rules are who is let in, as configured now.
type Rules struct {
	Tokens []Token
	OIDC   *OIDC // nil for none
	// TTL is how long a session lasts at most, Idle how long without a request.
	TTL, Idle time.Duration
	// Whence is whose word about clients is taken.
	Whence whence.Rules
}

// The usual bounds of sessions.
const (
	UsualTTL  = 12 * time.Hour
	UsualIdle = time.Hour
)

// Open says whether nobody has to prove anything.
func (r Rules) Open() bool { return len(r.Tokens) == 0 && r.OIDC == nil }

// Token is a secret that proves a name.
type Token struct {
	Name   string
	Role   Role
	Secret string
}

// digest is the SHA-256 of a secret.
type digest [sha256.Size]byte

func digestOf(secret string) digest { return sha256.Sum256([]byte(secret)) }

// known is a token as it is compared. Its life ends when it is not valid any
// more.
type known struct {
	name string
	role Role
	hash digest
	life context.Context //nolint:containedctx // requests that were let in by it end with it
	end  context.CancelFunc
}

func (k *known) identity() Identity { return Identity{Name: k.name, Role: k.role, Via: ByToken} }

// ruling is rules made ready to judge by.
type ruling struct {
	Rules

	tokens   []*known
	provider *provider // nil for none
}

// rule makes rules ready, keeping what lives of those before, and ends what is
// not valid any more.
func rule(r Rules, before *ruling, log *slog.Logger) *ruling {
	if r.TTL <= 0 {
		r.TTL = UsualTTL
	}
	if r.Idle <= 0 {
		r.Idle = UsualIdle
	}
	next := &ruling{Rules: r}
	for _, t := range r.Tokens {
		next.tokens = append(next.tokens, keepOr(before, t))
	}
	if r.OIDC != nil {
		next.provider = providerOf(*r.OIDC, before, log)
	}
	if before != nil {
		before.endAllBut(next)
	}
	return next
}

// keepOr returns the token as it was known before, or newly.
func keepOr(before *ruling, t Token) *known {
	hash := digestOf(t.Secret)
	if before != nil {
		for _, k := range before.tokens {
			if k.hash == hash && k.name == t.Name && k.role == t.Role {
				return k
			}
		}
	}
	k := &known{name: t.Name, role: t.Role, hash: hash}
	k.life, k.end = context.WithCancel(context.Background())
	return k
}

func (r *ruling) endAllBut(next *ruling) {
	kept := make(map[*known]bool, len(next.tokens))
	for _, k := range next.tokens {
		kept[k] = true
	}
	for _, k := range r.tokens {
		if !kept[k] {
			k.end()
		}
	}
}

// token finds the token with a hash. It looks at all of them and in constant
// time, so that neither content nor length nor order shows in how long it takes.
func (r *ruling) token(hash digest) *known {
	var found *known
	for _, k := range r.tokens {
		if subtle.ConstantTimeCompare(k.hash[:], hash[:]) == 1 {
			found = k
		}
	}
	return found
}

// holder is who holds a grant now; not ok when nobody does any more. So a token
// that is taken away, or a role that changes, counts at once.
func (r *ruling) holder(g grant) (i Identity, ok bool) {
	switch g.Way {
	case ByToken:
		if k := r.token(g.Token); k != nil {
			return k.identity(), true
		}
	case ByOIDC:
		if r.provider != nil && r.provider.Issuer == g.Issuer && r.provider.ClientID == g.Client {
			role, ok := r.provider.role(g.Values)
			return Identity{Name: g.Name, Role: role, Via: ByOIDC}, ok
		}
	case Loopback:
	}
	return Identity{}, false
}
