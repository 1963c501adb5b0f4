// Package dashboard is Stagger in the browser: the services and what is rolled
// out, and each rollout as it happens.
//
// Pages are written on the server and whole without a script. In a browser htmx
// listens to the API's event streams and fetches the live part of the page anew
// when something changed, and uPlot draws the plots. Everything comes from this
// binary; a strict Content-Security-Policy keeps it so.
//
// A page is a handler and page/NAME.html; a part of a rollout's page is a panel,
// see panels.go.
package dashboard

import (
	"context"
	"embed"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/auth"
	"github.com/stagger-dev/stagger/internal/preview"
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
	Course(ctx context.Context, rollout string) (stagger.Course, error)
	Distribution(ctx context.Context, rollout string) (stagger.Distribution, error)
	Last(ctx context.Context) (int64, error)
	Past
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
	// Ask hands over what a person asks for and returns it with its result; see
	// inbox.Inbox. Where it is nil the pages only show.
	Ask func(context.Context, stagger.Command) (stagger.Command, error)
	// Guard is what people sign in with; nil where they cannot.
	Guard *auth.Guard
	Log   *slog.Logger
	// Now replaces the clock; nil is time.Now.
	Now func() time.Time
}

type dashboard struct {
	Config

	desk   *preview.Desk
	lives  lives
	recent recent
}

// New returns the pages. Who may see them is for the caller to guard.
func New(c Config) http.Handler {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	d := &dashboard{Config: c, desk: preview.NewDesk(preview.Stored(c.Store, c.Services))}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", d.page("services", d.services))
	mux.HandleFunc("GET /rollouts/{id}", d.page("rollout", d.rollout))
	if d.Ask != nil {
		mux.HandleFunc("GET /rollouts/{id}/act/{act}", d.page("act", d.act))
		mux.HandleFunc("POST /rollouts/{id}/act/{act}", d.perform)
	}
	d.past(mux)
	mux.HandleFunc("GET /plan", d.page("plan", d.plan))
	mux.HandleFunc("POST /plan", d.planPosted)
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

var templates = func() *template.Template {
	all := template.New("").Funcs(functions)
	template.Must(all.ParseFS(pages, "page/*.html"))
	return template.Must(all.ParseFS(panelFiles, "panel_*.html"))
}()
