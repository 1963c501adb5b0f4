package auth

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// maxBody bounds what a request may bring, in bytes.
const maxBody = 1 << 20

// Options are what a Guard stands on. All may be left out.
type Options struct {
	Rules Rules
	// File is where sessions outlive the process; "" for nowhere.
	File string
	// Page writes a refusal for a browser that asks for a page; without it the
	// browser gets a problem document as everybody does.
	Page func(w http.ResponseWriter, r *http.Request, status int, detail string)
	Log  *slog.Logger
}

// Guard lets in who may ask, and refuses the rest.
//
// Where something is configured that people can prove themselves with, every
// path but /healthz and those of signing in needs it: a token as "Authorization:
// Bearer", as the password of "Authorization: Basic" with any user name or as the
// cookie stagger_token, or the cookie of a session. A browser that asks for a page
// without is sent to /login. Who fails too often from one address has to wait.
//
// Where nothing is configured, only requests for a loopback host are served, so
// that no web page can reach the API by letting its own name point here.
//
// Either way, a browser's request that changes something must come from a page
// of the same origin, and bodies are bounded to 1 MiB.
type Guard struct {
	page     func(w http.ResponseWriter, r *http.Request, status int, detail string)
	log      *slog.Logger
	origin   *http.CrossOriginProtection
	failures failures
	sessions *sessions
	seal     seal

	change sync.Mutex // one change of rules at a time
	ruling atomic.Pointer[ruling]
}

// New returns a guard.
func New(o Options) *Guard {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	g := &Guard{page: o.Page, log: o.Log, origin: http.NewCrossOriginProtection(), seal: newSeal()}
	g.sessions = newSessions(o.File, o.Log)
	g.Use(o.Rules)
	return g
}

// Use takes other rules into use. Whoever was let in by what is not valid any
// more is shown out: their sessions and streams end.
func (g *Guard) Use(r Rules) {
	g.change.Lock()
	defer g.change.Unlock()
	next := rule(r, g.ruling.Load(), g.log)
	g.ruling.Store(next)
	g.sessions.endUnheld(next)
}

// Rules are those in use.
func (g *Guard) Rules() Rules { return g.ruling.Load().Rules }

// Close keeps the sessions for the next process and ends what is under way.
func (g *Guard) Close() {
	g.sessions.close()
	for _, k := range g.ruling.Load().tokens {
		k.end()
	}
}

// guarded marks the context of a request that a guard let through.
type guarded struct{}

// errEnded is why requests end with the session or token that let them in.
var errEnded = errors.New("what let the request in is not valid any more")

// Handler guards next. A guard inside a guard does nothing.
func (g *Guard) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Value(guarded{}) != nil {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		by, refused := g.admit(r)
		if refused != nil && !open(r.URL.Path) {
			g.refuse(w, r, refused)
			return
		}
		if err := g.origin.Check(r); err != nil {
			by.leave()
			g.refuse(w, r, &refusal{status: http.StatusForbidden, detail: "a page of another origin may not change anything here"})
			return
		}
		defer by.leave()
		ctx, cancel := by.context(r.Context())
		defer cancel()
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// open says whether a path is for everybody: what tells that the process lives,
// and what it takes to sign in.
func open(path string) bool {
	return path == "/healthz" || path == LoginPath || strings.HasPrefix(path, LoginPath+"/") || strings.HasPrefix(path, "/static/")
}

// pass is what a request was let in by.
type pass struct {
	who  *Identity // nil for a stranger on a path for everybody
	life context.Context
	done func()
}

func (p *pass) leave() {
	if p.done != nil {
		p.done()
	}
}

// context is that of the request, and ends with what it was let in by.
func (p *pass) context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx = context.WithValue(ctx, guarded{}, true)
	if p.who != nil {
		ctx = With(ctx, *p.who)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stop := func() bool { return true }
	if p.life != nil {
		stop = context.AfterFunc(p.life, func() { cancel(errEnded) })
	}
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// admit finds who is asking. Its pass is never nil.
func (g *Guard) admit(r *http.Request) (*pass, *refusal) {
	rules := g.ruling.Load()
	if rules.Open() {
		if !loopback(r.Host) {
			return &pass{}, &refusal{status: http.StatusForbidden, detail: "without a token only localhost is served, not " + r.Host + "; set admin.token_file to open the server to others"}
		}
		return &pass{who: &Identity{Name: localName, Role: Admin, Via: Loopback}}, nil
	}
	if secret, shown := shownBy(r); shown {
		return g.admitToken(r, rules, secret)
	}
	if id := rules.sessionID(r); id != "" {
		if who, life, leave, ok := g.sessions.use(id, rules); ok {
			return &pass{&who, life, leave}, nil
		}
	}
	if cookie, err := r.Cookie(tokenCookie); err == nil {
		return g.admitToken(r, rules, cookie.Value)
	}
	return &pass{}, &refusal{status: http.StatusUnauthorized, detail: noToken, signIn: true}
}

const noToken = "the token is missing or wrong; send it as Authorization: Bearer"

func (g *Guard) admitToken(r *http.Request, rules *ruling, secret string) (*pass, *refusal) {
	k, refused := g.prove(r, rules, secret)
	if refused != nil {
		return &pass{}, refused
	}
	who := k.identity()
	return &pass{who: &who, life: k.life}, nil
}

// prove finds the token with a secret, if whoever shows it may still try.
func (g *Guard) prove(r *http.Request, rules *ruling, secret string) (*known, *refusal) {
	client, now := rules.client(r), time.Now()
	if wait := g.failures.block(client, now); wait > 0 {
		return nil, &refusal{status: http.StatusTooManyRequests, detail: "too many wrong tokens came from this address; try again later", wait: wait}
	}
	if k := rules.token(digestOf(secret)); k != nil {
		return k, nil
	}
	g.failures.count(client, now)
	g.log.Warn("a wrong token was shown", "client", client, "path", r.URL.Path)
	return nil, &refusal{status: http.StatusUnauthorized, detail: noToken}
}

// tokenCookie may hold a token itself, for scripts that know only cookies.
const tokenCookie = "stagger_token"

// shownBy is the token that a request shows in its head, if it shows any.
func shownBy(r *http.Request) (secret string, shown bool) {
	if scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(rest), true
	}
	if _, password, ok := r.BasicAuth(); ok {
		return password, true
	}
	return "", false
}
