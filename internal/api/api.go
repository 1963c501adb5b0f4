// Package api is Stagger over HTTP: JSON under /api/v1, described by an
// OpenAPI 3.1 document at /api/openapi.json, and two streams of server-sent
// events.
//
// It reads the store and writes commands into its inbox; it decides nothing. A
// request that asks for something waits a few seconds for what the controller
// makes of it. Errors are problem documents (RFC 9457) with a "code", the
// stagger.Code.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/auth"
	"github.com/stagger-dev/stagger/internal/capture"
	"github.com/stagger-dev/stagger/internal/store"
)

// Store is what the API reads, and the inbox it writes to.
type Store interface {
	Submit(ctx context.Context, c stagger.Command) (stagger.Command, error)
	Command(ctx context.Context, id string) (stagger.Command, error)
	Statuses(ctx context.Context, services []stagger.Service) ([]stagger.ServiceStatus, error)
	Rollout(ctx context.Context, id string) (stagger.Rollout, error)
	Rollouts(ctx context.Context, f store.Filter) ([]stagger.Rollout, error)
	History(ctx context.Context, rollout string, after uint64, limit int) ([]stagger.Event, error)
	Log(ctx context.Context, after int64, limit int) ([]store.LogEntry, error)
	RolloutLog(ctx context.Context, rollout string, after int64, limit int) ([]store.LogEntry, error)
	Last(ctx context.Context) (int64, error)
	Progress(ctx context.Context, rollout string) (stagger.Progress, error)
	AllProgress(ctx context.Context) ([]stagger.Progress, error)
	Evidence(ctx context.Context, rollout string) (stagger.Path, error)
	Courses
	Verify(ctx context.Context) (stagger.Proof, error)
	Watch() (changed <-chan struct{}, cancel func())
}

// Config is what the API stands on. Store, Services, Check and Wake are needed.
type Config struct {
	Store    Store
	Services func() []stagger.Service
	// Check refuses a start that cannot be carried out, before anything is
	// recorded. An error without a code counts as stagger.CodeInvalid.
	Check func(stagger.Start) error
	// Differences returns what was found in the mirrored requests of a rollout;
	// nil where nothing is ever mirrored.
	Differences func(rollout string) (stagger.Differences, bool)
	// Wake tells the controller that a command waits.
	Wake func()
	// Endpoints tells how those of a service are; nil when nobody knows.
	Endpoints func(service string) []stagger.EndpointStatus
	// Capture hands over captured requests line by line, until it is done or ctx
	// ends. Where it is nil nothing can be captured.
	Capture func(ctx context.Context, o capture.Order, out func(line []byte) error) error
	// Traffic lets requests wait. Where it is nil none can.
	Traffic Traffic
	// Guard lets callers in; where it is nil, Token does, see Guard. Neither counts
	// inside another guard.
	Guard   *auth.Guard
	Token   string
	Log     *slog.Logger
	Version string
	// Patience is how long a command waits for its result; 5 s when zero.
	Patience time.Duration
	// Streams bounds how many clients may follow events at a time; 64 when
	// zero.
	Streams int
}

func (c *Config) defaults() {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Streams == 0 {
		c.Streams = 64
	}
}

// server answers the operations.
type server struct {
	Config
	streams chan struct{} // holds one for each stream that is open
}

// New returns the API, guarded (see Guard).
func New(c Config) http.Handler {
	c.defaults()
	s := &server{Config: c, streams: make(chan struct{}, c.Streams)}
	mux := http.NewServeMux()
	document := s.routes(mux)
	mux.HandleFunc("GET /api/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(document) // a client that went away is its own loss
	})
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	answers := s.contained(withProblems(mux))
	if c.Guard != nil {
		return c.Guard.Handler(answers)
	}
	return Guard(c.Token, answers)
}

// routes registers every operation and returns the document that describes
// them.
func (s *server) routes(mux *http.ServeMux) []byte {
	config := huma.DefaultConfig("Stagger", "v1")
	config.Info.Description = description
	config.CreateHooks = nil // no $schema links: bodies are the nouns and nothing else
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.RejectUnknownQueryParameters = true
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", Description: "A token of the server. Neither it nor a session is needed where none is configured; then only loopback is served."},
		"session": {Type: "apiKey", In: "cookie", Name: "stagger_session", Description: "Given by /login; over TLS its name begins with __Host-, and it ends with _ and the port where the address has one."},
	}
	registerSchemas(config.Components.Schemas)
	registerSeries(config.Components.Schemas)
	api := humago.New(mux, config)
	api.UseMiddleware(s.permit)
	s.registerReads(api)
	s.registerMe(api)
	s.registerCourses(api)
	s.registerCommands(api)
	s.registerStreams(api)
	s.registerCapture(api)
	s.registerTraffic(api)
	s.registerPreview(api)
	return encodeDocument(api.OpenAPI())
}

// healthz says that the process answers.
func (s *server) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n")) // a client that went away is its own loss
}

// readyz says that the store can be read.
func (s *server) readyz(w http.ResponseWriter, r *http.Request) {
	if _, err := s.Store.Last(r.Context()); err != nil {
		writeProblem(w, problemOf(&stagger.Error{Code: stagger.CodeUnavailable, Message: "not ready: " + err.Error()}))
		return
	}
	s.healthz(w, r)
}

// contained logs a panic and ends its request, not the process. A client that
// goes away in the middle of an answer makes the router panic too.
func (s *server) contained(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if r.Context().Err() == nil && cause != http.ErrAbortHandler { //nolint:errorlint // a panic's value, compared as net/http does
				s.Log.Error("request failed", "method", r.Method, "path", r.URL.Path, "cause", cause)
			}
			panic(http.ErrAbortHandler)
		}()
		next.ServeHTTP(w, r)
	})
}
