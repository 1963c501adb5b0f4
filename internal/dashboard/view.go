package dashboard

import (
	"bytes"
	"cmp"
	"net/http"
	"net/url"

	"github.com/stagger-dev/stagger"
)

// view is one page.
type view struct {
	Title    string
	Template string // "" for the page's own
	Status   int    // 0 for that all is well
	Stream   string // the event stream that tells of changes; "" when nothing will change
	Events   bool   // of the stream, only events change the page, not how things go
	Body     any    // what the page's own template shows
	// Later returns what the template NAME_below shows below the live part. It takes
	// longer than that, which the browser shows meanwhile, and follows by itself.
	// nil for nothing.
	Later func() (any, error)

	// What the frame adds.
	Nav     []place
	Address string // of the live part
	Who     who    // is signed in
}

// place is one of the places that every page leads to.
type place struct {
	Name, Address string
	Here          bool
}

func placesFrom(here string) []place {
	places := []place{{Name: "Services", Address: "/"}, {Name: "Plan", Address: "/plan"}, {Name: "Outcomes", Address: "/outcomes"}}
	for i := range places {
		places[i].Here = places[i].Address == here
	}
	return places
}

// partLive is the part of a page that changes. A rollout's page has others: its
// panels.
const partLive = "live"

// page answers with a whole page, or with the part of it that ?part names.
func (d *dashboard) page(name string, look func(*http.Request) (view, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		shown, status := name, http.StatusOK
		v, err := look(r)
		if err != nil {
			shown, status, v = "problem", d.status(r, err), problem(err)
		}
		v.Template, v.Status, v.Who = cmp.Or(v.Template, shown), cmp.Or(v.Status, status), whoOf(r)
		a := answer{to: w, view: v}
		if a.write(r.URL); a.err != nil {
			d.Log.Error("page failed", "path", r.URL.Path, "error", a.err)
			a.fail()
			return
		}
		a.send()
	}
}

// answer is a page on its way to a browser.
type answer struct {
	view

	to   http.ResponseWriter
	text bytes.Buffer // that is not sent yet
	sent bool         // something is
	err  error        // the first; nothing is added after it
}

// write writes the page, or the part that its address asks for.
func (a *answer) write(at *url.URL) {
	query := at.Query()
	if query.Get("part") != "" {
		a.part()
		return
	}
	query.Set("part", partLive)
	a.Nav, a.Address = placesFrom(at.Path), at.Path+"?"+query.Encode()
	a.add("head", a.view)
	a.part()
	a.add("middle", nil)
	a.below()
	a.add("foot", nil)
}

// part writes the live part, or the only one.
func (a *answer) part() {
	a.add("stream", a.Stream)
	a.add(a.Template+".html", a.view)
}

// below sends what there is, and adds what comes later.
func (a *answer) below() {
	if a.Later == nil || a.err != nil {
		return
	}
	a.send()
	_ = http.NewResponseController(a.to).Flush() // where it cannot be, it comes with the rest
	later, err := a.Later()
	if a.err = err; err == nil {
		a.add(a.Template+"_below", later)
	}
}

func (a *answer) add(template string, data any) {
	if a.err == nil {
		a.err = templates.ExecuteTemplate(&a.text, template, data)
	}
}

func (a *answer) send() {
	if !a.sent {
		a.to.Header().Set("Content-Type", "text/html; charset=utf-8")
		a.to.Header().Set("Cache-Control", "no-store")
		a.to.WriteHeader(a.Status)
	}
	a.sent = true
	_, _ = a.text.WriteTo(a.to) // a client that went away is its own loss
}

func (a *answer) fail() {
	if a.sent {
		panic(http.ErrAbortHandler) // it must not look complete
	}
	http.Error(a.to, "the page cannot be shown", http.StatusInternalServerError)
}

// status logs what is our fault and returns the HTTP status of err.
func (d *dashboard) status(r *http.Request, err error) int {
	switch stagger.CodeOf(err) {
	case stagger.CodeNotFound:
		return http.StatusNotFound
	case stagger.CodeUnavailable:
		return http.StatusServiceUnavailable
	case stagger.CodeInvalid:
		return http.StatusUnprocessableEntity
	case stagger.CodeConflict:
		return http.StatusConflict
	case stagger.CodeDenied:
		return http.StatusForbidden
	case stagger.CodeInternal:
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
	case stagger.CodeDenied:
		title = "Not allowed"
	case stagger.CodeInvalid, stagger.CodeConflict, stagger.CodeInternal:
	}
	return view{Title: title, Body: err.Error()}
}
