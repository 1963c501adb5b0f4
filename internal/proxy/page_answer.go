package proxy

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

// pagePolicy lets the page use its own style and nothing else.
var pagePolicy = func() string {
	sum := sha256.Sum256([]byte(pageCSS))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"style": func() template.CSS { return template.CSS(pageCSS) }, //nolint:gosec // it is a file of ours
	"clock": func(t time.Time) string { return t.UTC().Format("15:04") },
	"exact": func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04:05") },
	"stamp": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"span":  span,
	"day": func(t, now time.Time) string {
		if t.UTC().YearDay() == now.UTC().YearDay() {
			return ""
		}
		return t.UTC().Format("2 January, ")
	},
}).Parse(pageHTML))

// How a browser keeps the page fresh, in seconds: it asks anew at a leisurely
// pace, and whoever caches on the way spares us a crowd.
const (
	pageRefresh = 30
	pageFresh   = 5
)

// account is what a page tells. It is the JSON as well, so it has nothing that
// is nobody's business.
type account struct {
	Service string    `json:"service"`
	State   status    `json:"state"` // of the route that does worst
	At      time.Time `json:"at"`
	// Since is when the page began to look; it knows nothing of before.
	Since  time.Time `json:"since"`
	Routes []place   `json:"routes"`
	Ended  []ended   `json:"ended"` // within the last day, the last first

	Refreshes bool   `json:"-"`
	Every     int    `json:"-"`
	Says      string `json:"-"`
}

// place is a route as users know it.
type place struct {
	Name  string `json:"name"`
	State status `json:"state"`
	Says  string `json:"says"`
	// Since is when it ceased to work as it should; Changed when its state
	// became another one. Neither is there as long as nothing happened.
	Since   time.Time `json:"since,omitzero"`
	Changed time.Time `json:"changed,omitzero"`
}

// ended is a time that is over in which a route did not work as it should.
type ended struct {
	Name  string    `json:"name"`
	State status    `json:"state"`
	Says  string    `json:"says"`
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
}

// Young says whether the page looks for less than it tells of.
func (a account) Young() bool { return a.At.Sub(a.Since) < pastFor }

// says tells users in their words what they get.
func (c condition) says() string {
	switch c.mode {
	case "static":
		return "degraded: a reduced answer"
	case "cached":
		return "degraded: cached answers"
	case "accepted":
		return "degraded: requests are taken and carried out later"
	case modePartly:
		return "degraded: some requests fail"
	}
	switch c.state {
	case degraded:
		return "degraded"
	case unavailable:
		return "not available"
	case works:
	}
	return "works"
}

// tell makes the account of now.
func (t *traffic) tell(now time.Time) account {
	t.note(now)
	now = now.UTC().Truncate(time.Second)
	begun, chapters, past := t.page.story.read()
	a := account{Service: t.page.title, State: works, At: now, Since: second(begun), Routes: []place{}, Ended: []ended{}, Every: pageRefresh}
	bad := 0
	for _, c := range chapters {
		p := place{Name: c.title, State: c.state, Says: c.says(), Changed: second(c.changed)}
		if c.state != works {
			p.Since = second(c.since)
			bad++
		}
		if c.state == unavailable || c.state == degraded && a.State == works {
			a.State = c.state
		}
		a.Routes = append(a.Routes, p)
	}
	for _, e := range past {
		a.Ended = append(a.Ended, ended{Name: e.title, State: e.state, Says: e.says(), Since: second(e.since), Until: second(e.until)})
	}
	a.Says = overall(a.State, bad, len(chapters))
	return a
}

// second is as exact as people care for.
func second(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Second)
}

// overall is the first sentence of a page.
func overall(s status, bad, all int) string {
	switch {
	case s == works:
		return "Everything works"
	case s == degraded && bad == all:
		return "Everything is degraded"
	case s == degraded:
		return "A part is degraded"
	case bad == all && all == 1:
		return "Not available"
	}
	return "A part is not available"
}

// span says how long something was, as people say it.
func span(from, until time.Time) string {
	d := until.Sub(from)
	switch {
	case d < time.Minute:
		return strconv.Itoa(max(int(d.Seconds()), 1)) + " s"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + " min"
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}

// showPage answers with the page, which is no request to the service.
func (t *traffic) showPage(w http.ResponseWriter, r *http.Request, now time.Time) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		answer(w, http.StatusMethodNotAllowed, "the status page can only be read")
		return
	}
	h := w.Header()
	h.Set("Vary", "Accept")
	h.Set("Cache-Control", "public, max-age="+strconv.Itoa(pageFresh))
	h.Set("X-Content-Type-Options", "nosniff")
	a := t.tell(now)
	var body bytes.Buffer
	if prefersJSON(r.Header["Accept"]) {
		h.Set("Content-Type", "application/json")
		to := json.NewEncoder(&body)
		to.SetIndent("", "  ")
		_ = to.Encode(a) // it is made of texts and times
	} else {
		a.Refreshes = r.URL.RawQuery != "refresh=off"
		if a.Refreshes {
			h.Set("Refresh", strconv.Itoa(pageRefresh))
		}
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("Referrer-Policy", "no-referrer")
		if err := pageTemplate.Execute(&body, a); err != nil {
			panic(fmt.Errorf("status page: %w", err)) // a test would have found it
		}
	}
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	_, _ = w.Write(body.Bytes())
}

// prefersJSON says whether whoever sent these Accept fields would rather have
// JSON than a page (RFC 9110, section 12.5.1).
func prefersJSON(accept []string) bool {
	var forJSON, forHTML float64
	for one := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		kind, parameters, _ := strings.Cut(one, ";")
		quality := 1.0
		for p := range strings.SplitSeq(parameters, ";") {
			if text, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(p)), "q="); ok {
				quality, _ = strconv.ParseFloat(text, 64)
			}
		}
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case "application/json", "application/*":
			forJSON = max(forJSON, quality)
		case "text/html", "application/xhtml+xml", "text/*":
			forHTML = max(forHTML, quality)
		}
	}
	return forJSON > forHTML
}
