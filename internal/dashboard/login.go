package dashboard

import (
	"bytes"
	"log/slog"
	"net/http"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/auth"
)

// who is signed in, as the corner of every page shows it.
type who struct {
	Name string
	Role auth.Role
	// Session says whether there is one to end.
	Session bool
}

// Known says whether anybody is signed in.
func (w who) Known() bool { return w.Name != "" }

// May says whether a role is covered, as {{if .Who.May "operator"}}.
func (w who) May(role auth.Role) bool { return w.Role.Covers(role) }

func whoOf(r *http.Request) who {
	i, ok := auth.Of(r.Context())
	if !ok {
		return who{}
	}
	return who{i.Name, i.Role, i.Session()}
}

// loginPage is where people prove who they are.
type loginPage struct {
	To       string // where to go after
	Problem  string // why it did not work
	Left     bool   // just signed out
	Token    bool   // whether a token helps
	Provider string // where to go for the provider, "" for none
	Label    string // what it is called
}

// signIn registers the pages of signing in.
func (d *dashboard) signIn(mux *http.ServeMux) {
	if d.Guard == nil {
		return
	}
	mux.HandleFunc("GET "+auth.LoginPath, d.showLogin)
	mux.HandleFunc("POST "+auth.LoginPath, d.login)
	mux.HandleFunc("POST "+auth.LogoutPath, d.logout)
	mux.HandleFunc("GET "+auth.ProviderPath, d.toProvider)
	mux.HandleFunc("GET "+auth.CallbackPath, d.fromProvider)
}

func (d *dashboard) showLogin(w http.ResponseWriter, r *http.Request) {
	to := auth.ReturnPath(r.URL.Query().Get("to"))
	if d.Guard.Rules().Open() || whoOf(r).Known() {
		http.Redirect(w, r, to, http.StatusSeeOther) //nolint:gosec // a path of this server, as ReturnPath made sure
		return
	}
	d.writeLogin(w, r, http.StatusOK, loginPage{To: to, Left: r.URL.Query().Has("left")})
}

func (d *dashboard) login(w http.ResponseWriter, r *http.Request) {
	to := auth.ReturnPath(r.PostFormValue("to"))
	if err := d.Guard.SignIn(w, r, r.PostFormValue("token")); err != nil {
		d.writeLogin(w, r, statusOfRefusal(err), loginPage{To: to, Problem: err.Error()})
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (d *dashboard) logout(w http.ResponseWriter, r *http.Request) {
	d.Guard.SignOut(w, r)
	http.Redirect(w, r, auth.LoginPath+"?left", http.StatusSeeOther)
}

func (d *dashboard) toProvider(w http.ResponseWriter, r *http.Request) {
	to := r.URL.Query().Get("to")
	if err := d.Guard.BeginOIDC(w, r, to); err != nil {
		d.writeLogin(w, r, statusOfRefusal(err), loginPage{To: auth.ReturnPath(to), Problem: err.Error()})
	}
}

func (d *dashboard) fromProvider(w http.ResponseWriter, r *http.Request) {
	to, err := d.Guard.FinishOIDC(w, r)
	if err != nil {
		d.writeLogin(w, r, statusOfRefusal(err), loginPage{To: auth.ReturnPath(to), Problem: err.Error()})
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func statusOfRefusal(err error) int {
	switch stagger.CodeOf(err) {
	case stagger.CodeNotFound:
		return http.StatusNotFound
	case stagger.CodeUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusForbidden
	}
}

func (d *dashboard) writeLogin(w http.ResponseWriter, r *http.Request, status int, p loginPage) {
	offers := d.Guard.Offers()
	p.Token = offers.Token
	if p.Label = offers.Provider; p.Label != "" {
		p.Provider = auth.ProviderURL(p.To)
	}
	write(w, r, "login", status, view{Title: "Sign in", Body: p, Who: whoOf(r)}, d.Log)
}

// Refused is the page for a browser that is not let in. It tells why; there is
// nothing else it may show.
func Refused(w http.ResponseWriter, r *http.Request, status int, detail string) {
	setPolicy(w.Header())
	write(w, r, "refused", status, view{Title: http.StatusText(status), Body: detail}, slog.New(slog.DiscardHandler))
}

// write answers with a page that stands for itself, without the frame.
func write(w http.ResponseWriter, r *http.Request, name string, status int, v view, log *slog.Logger) {
	var page bytes.Buffer
	if err := templates.ExecuteTemplate(&page, name+".html", v); err != nil {
		log.Error("page failed", "path", r.URL.Path, "error", err)
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // a client that went away is its own loss
}
