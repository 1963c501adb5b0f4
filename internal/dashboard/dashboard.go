// Package dashboard is Stagger in the browser: the services and what is rolled
// out, and each rollout as it happens.
//
// Pages are written on the server and whole without a script. The one script
// listens to the API's event streams and fetches the live part of the page anew
// when something changed. Everything comes from this binary; a strict
// Content-Security-Policy keeps it so.
package dashboard

import (
	"bytes"
	"context"
	"embed"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/auth"
	"github.com/stagger-dev/stagger/internal/store"
)

// Store is what the pages show.
type Store interface {
	Statuses(ctx context.Context, services []stagger.Service) ([]stagger.ServiceStatus, error)
	Rollout(ctx context.Context, id string) (stagger.Rollout, error)
	Rollouts(ctx context.Context, f store.Filter) ([]stagger.Rollout, error)
	History(ctx context.Context, rollout string, after uint64, limit int) ([]stagger.Event, error)
	Progress(ctx context.Context, rollout string) (stagger.Progress, error)
	Evidence(ctx context.Context, rollout string) (stagger.Path, error)
	Last(ctx context.Context) (int64, error)
}

// Config is what the dashboard stands on. Store and Services are needed.
type Config struct {
	Store    Store
	Services func() []stagger.Service
	// Endpoints tells how those of a service are; nil when nobody knows.
	Endpoints func(service string) []stagger.EndpointStatus
	// Differences returns what was found in the mirrored requests of a rollout;
	// nil where nothing is ever mirrored.
	Differences func(rollout string) (stagger.Differences, bool)
	// Guard is what people sign in with; nil where they cannot.
	Guard *auth.Guard
	Log   *slog.Logger
	// Now replaces the clock; nil is time.Now.
	Now func() time.Time
}

type dashboard struct {
	Config
}

// New returns the pages. Who may see them is for the caller to guard.
func New(c Config) http.Handler {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	d := &dashboard{Config: c}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", d.page("services", d.services))
	mux.HandleFunc("GET /rollouts/{id}", d.page("rollout", d.rollout))
	mux.HandleFunc("GET /static/{name}", serveStatic)
	d.signIn(mux)
	mux.HandleFunc("/", d.page("problem", func(*http.Request) (view, error) {
		return view{}, &stagger.Error{Code: stagger.CodeNotFound, Message: "There is no such page."}
	}))
	return secured(mux)
}

// policy lets a page load what this server serves, and nothing run that stands
// in the page itself.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setPolicy(w.Header())
		next.ServeHTTP(w, r)
	})
}

func setPolicy(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
}

//go:embed page
var pages embed.FS

var templates = template.Must(template.New("").Funcs(functions).ParseFS(pages, "page/*.html"))

// view is one page.
type view struct {
	Title  string
	Stream string // the event stream that tells of changes; "" when nothing will change
	Body   any    // what the page's own template shows
	Who    who    // is signed in
	Live   template.HTML
	Style  string // where the style sheet and the script are
	Script string
}

// The parts of a page that may be asked for.
const (
	partLive  = "live"
	partBrief = "brief" // the live part without what changes slowly and is large
)

// page answers with a whole page, or with the part of it that ?part names.
func (d *dashboard) page(name string, look func(*http.Request) (view, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		shown, status := name, http.StatusOK
		v, err := look(r)
		if err != nil {
			shown, status, v = "problem", d.status(r, err), problem(err)
		}
		v.Who = whoOf(r)
		part := r.URL.Query().Get("part")
		body, err := render(shown, v, part == partLive || part == partBrief)
		if err != nil {
			d.Log.Error("page failed", "path", r.URL.Path, "error", err)
			http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Stagger-Stream", v.Stream) // for the script, which has only the live part
		w.WriteHeader(status)
		_, _ = w.Write(body) // a client that went away is its own loss
	}
}

// render writes the live part, and the frame around it unless part is set.
func render(name string, v view, part bool) ([]byte, error) {
	var live bytes.Buffer
	if err := templates.ExecuteTemplate(&live, name+".html", v); err != nil || part {
		return live.Bytes(), err
	}
	v.Live = template.HTML(live.String()) //nolint:gosec // our own template wrote and escaped it
	v.Style, v.Script = styleURL, scriptURL
	var whole bytes.Buffer
	err := templates.ExecuteTemplate(&whole, "frame.html", v)
	return whole.Bytes(), err
}

// status logs what is our fault and returns the HTTP status of err.
func (d *dashboard) status(r *http.Request, err error) int {
	switch stagger.CodeOf(err) {
	case stagger.CodeNotFound:
		return http.StatusNotFound
	case stagger.CodeUnavailable:
		return http.StatusServiceUnavailable
	case stagger.CodeInvalid, stagger.CodeConflict, stagger.CodeDenied, stagger.CodeInternal:
	}
	if r.Context().Err() == nil {
		d.Log.Error("page failed", "path", r.URL.Path, "error", err)
	}
	return http.StatusInternalServerError
}

// problem is the page that tells of err.
func problem(err error) view {
	title := "Something went wrong"
	switch stagger.CodeOf(err) {
	case stagger.CodeNotFound:
		title = "Not found"
	case stagger.CodeUnavailable:
		title = "Not available now"
	case stagger.CodeInvalid, stagger.CodeConflict, stagger.CodeDenied, stagger.CodeInternal:
	}
	return view{Title: title, Body: err.Error()}
}
