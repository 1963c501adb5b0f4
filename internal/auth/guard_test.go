package auth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagger-dev/stagger/internal/auth"
	"github.com/stagger-dev/stagger/internal/whence"
)

const (
	adminSecret  = "the-admin-token-is-long"
	viewerSecret = "the-viewer-token-is-long"
)

var tokens = []auth.Token{
	{Name: "admin", Role: auth.Admin, Secret: adminSecret},
	{Name: "wall", Role: auth.Viewer, Secret: viewerSecret},
}

// door is a guard with a room behind it that says who is there.
type door struct {
	*auth.Guard

	handler http.Handler
}

func newDoor(t *testing.T, o auth.Options) *door {
	t.Helper()
	g := auth.New(o)
	t.Cleanup(g.Close)
	d := &door{Guard: g}
	d.handler = g.Handler(http.HandlerFunc(d.serve))
	return d
}

func (d *door) serve(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "POST /login":
		if err := d.SignIn(w, r, r.PostFormValue("token")); err != nil {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, err.Error())
		}
	case "POST /logout":
		d.SignOut(w, r)
	case "GET /wait": // as one who follows a stream
		<-r.Context().Done()
		_, _ = io.WriteString(w, context.Cause(r.Context()).Error())
	default:
		i, _ := auth.Of(r.Context())
		_, _ = io.WriteString(w, i.Name+" "+string(i.Role)+" "+string(i.Via))
	}
}

// ask sends a request with "Name: value" headers.
func (d *door) ask(t *testing.T, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://stagger.example"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			r.Host = value
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	return w
}

// signIn signs in with a token and returns the header that shows the session.
func (d *door) signIn(t *testing.T, token string, headers ...string) (cookie string, given *http.Cookie) {
	t.Helper()
	w := d.ask(t, "POST", "/login", url.Values{"token": {token}}.Encode(), headers...)
	cookies := w.Result().Cookies()
	if w.Code != 200 || len(cookies) != 1 {
		t.Fatalf("signing in: %d %s, cookies %v", w.Code, w.Body, cookies)
	}
	return "Cookie: " + cookies[0].Name + "=" + cookies[0].Value, cookies[0]
}

func (d *door) wants(t *testing.T, want string, headers ...string) {
	t.Helper()
	if w := d.ask(t, "GET", "/", "", headers...); w.Code != 200 || w.Body.String() != want {
		t.Errorf("%d %s, want %s", w.Code, w.Body, want)
	}
}

func (d *door) wantsRefusal(t *testing.T, status int, headers ...string) {
	t.Helper()
	if w := d.ask(t, "GET", "/", "", headers...); w.Code != status {
		t.Errorf("%d %s, want %d", w.Code, w.Body, status)
	}
}

func TestTokensAreWhoTheyAre(t *testing.T) {
	d := newDoor(t, auth.Options{Rules: auth.Rules{Tokens: tokens}})
	d.wants(t, "admin admin token", "Authorization: Bearer "+adminSecret)
	d.wants(t, "wall viewer token", "Authorization: Bearer "+viewerSecret)
	d.wants(t, "wall viewer token", "Cookie: stagger_token="+viewerSecret)
	d.wantsRefusal(t, 401, "Authorization: Bearer "+adminSecret+"x")
	d.wantsRefusal(t, 401)
}

func TestBrowsersAreSentToSignIn(t *testing.T) {
	d := newDoor(t, auth.Options{Rules: auth.Rules{Tokens: tokens}})
	for name, row := range map[string]struct {
		path    string
		headers []string
		status  int
		to      string
	}{
		"a page":                     {"/rollouts/r1?a=b", []string{"Accept: text/html"}, 303, "/login?to=%2Frollouts%2Fr1%3Fa%3Db"},
		"the first page":             {"/", []string{"Accept: text/html,*/*"}, 303, "/login"},
		"a page, by navigation":      {"/plan", []string{"Accept: text/html", "Sec-Fetch-Mode: navigate"}, 303, "/login?to=%2Fplan"},
		"a part, by a script":        {"/?part=live", []string{"Accept: text/html", "Sec-Fetch-Mode: cors"}, 401, ""},
		"a part, by htmx":            {"/?part=live", []string{"Accept: text/html", "Hx-Request: true"}, 401, ""},
		"data":                       {"/api/v1/services", nil, 401, ""},
		"a page with a dead session": {"/", []string{"Accept: text/html", "Cookie: stagger_session=gone"}, 303, "/login"},
		"a page with a wrong token":  {"/", []string{"Accept: text/html", "Authorization: Basic eDp5"}, 401, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := d.ask(t, "GET", row.path, "", row.headers...)
			if w.Code != row.status || w.Header().Get("Location") != row.to {
				t.Errorf("%d to %q", w.Code, w.Header().Get("Location"))
			}
		})
	}
	w := d.ask(t, "GET", "/?part=live", "", "Hx-Request: true", "Hx-Current-Url: http://stagger.example/rollouts/r1")
	if to := w.Header().Get("Hx-Redirect"); to != "/login?to=%2Frollouts%2Fr1" {
		t.Errorf("htmx is sent to %q", to)
	}
}

func TestASessionIsTheTokenItBeganWith(t *testing.T) {
	d := newDoor(t, auth.Options{Rules: auth.Rules{Tokens: tokens}})
	wrong := d.ask(t, "POST", "/login", "token=wrong")
	if wrong.Code != 403 || len(wrong.Result().Cookies()) != 0 {
		t.Errorf("a wrong token: %d %v", wrong.Code, wrong.Result().Cookies())
	}
	cookie, given := d.signIn(t, viewerSecret)
	d.wants(t, "wall viewer token", cookie)
	if !given.HttpOnly || given.Secure || given.SameSite != http.SameSiteLaxMode || given.Path != "/" || strings.Contains(given.Value, viewerSecret) {
		t.Errorf("the cookie: %+v", given)
	}
	again, _ := d.signIn(t, viewerSecret, cookie)
	if again == cookie {
		t.Error("signing in again keeps the id")
	}
	d.wantsRefusal(t, 401, cookie)
	d.wants(t, "wall viewer token", again)
	d.ask(t, "POST", "/logout", "", again)
	d.wantsRefusal(t, 401, again)
}

func TestCookiesAreForTLSWhereThereIsTLS(t *testing.T) {
	rules := auth.Rules{Tokens: tokens, Whence: whence.Rules{Trusted: whence.Trust{Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}}}
	d := newDoor(t, auth.Options{Rules: rules}) // httptest's client is 192.0.2.1
	cookie, given := d.signIn(t, adminSecret, "X-Forwarded-Proto: https")
	if given.Name != "__Host-stagger_session" || !given.Secure {
		t.Errorf("the cookie: %+v", given)
	}
	d.wants(t, "admin admin token", cookie, "X-Forwarded-Proto: https")
	unbound := strings.Replace(cookie, "__Host-", "", 1)
	d.wantsRefusal(t, 401, unbound, "X-Forwarded-Proto: https") // any host of the domain could have set it
	stranger := newDoor(t, auth.Options{Rules: auth.Rules{Tokens: tokens}})
	if _, given := stranger.signIn(t, adminSecret, "X-Forwarded-Proto: https"); given.Secure {
		t.Error("anybody is believed to speak TLS")
	}
}

// TestServersOnOneHostLeaveEachOthersSessionsAlone signs in at two ports, as one
// browser: it sends all cookies of the host to both.
func TestServersOnOneHostLeaveEachOthersSessionsAlone(t *testing.T) {
	d := newDoor(t, auth.Options{Rules: auth.Rules{Tokens: tokens}})
	names := map[string]bool{}
	for _, host := range []string{"stagger.example", "stagger.example:7979", "stagger.example:7980", "[::1]:7979", "stagger.example:none"} {
		_, given := d.signIn(t, viewerSecret, "Host: "+host)
		names[given.Name] = true
	}
	want := map[string]bool{"stagger_session": true, "stagger_session_7979": true, "stagger_session_7980": true}
	if !maps.Equal(names, want) {
		t.Errorf("cookies %v, want %v", names, want)
	}
}

func TestPagesOfOthersChangeNothing(t *testing.T) {
	d := newDoor(t, auth.Options{Rules: auth.Rules{Tokens: tokens}})
	cookie, _ := d.signIn(t, adminSecret)
	for _, path := range []string{"/login", "/logout", "/rollouts/r1/abort"} {
		for _, mark := range []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: http://evil.example"} {
			if w := d.ask(t, "POST", path, "token="+adminSecret, cookie, mark); w.Code != 403 {
				t.Errorf("%s with %s: %d", path, mark, w.Code)
			}
		}
	}
	d.wants(t, "admin admin token", cookie)
}

func TestGuessingIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, auth.Options{Rules: auth.Rules{Tokens: tokens}})
		cookie, _ := d.signIn(t, adminSecret)
		refused := 0
		for range 100 {
			if d.ask(t, "GET", "/", "", "Authorization: Bearer guess").Code == 429 {
				refused++
			}
		}
		if refused != 80 {
			t.Errorf("%d of 100 guesses were not looked at, want 80", refused)
		}
		w := d.ask(t, "GET", "/", "", "Authorization: Bearer "+adminSecret)
		if w.Code != 429 || w.Header().Get("Retry-After") != "3" {
			t.Errorf("the right one after them: %d, again after %q", w.Code, w.Header().Get("Retry-After"))
		}
		d.wants(t, "admin admin token", cookie) // who is in stays in
		time.Sleep(3 * time.Second)
		d.wants(t, "admin admin token", "Authorization: Bearer "+adminSecret)
	})
}

func TestSessionsEnd(t *testing.T) {
	rules := auth.Rules{Tokens: tokens, TTL: 10 * time.Hour, Idle: time.Hour}
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, auth.Options{Rules: rules})
		idle, _ := d.signIn(t, adminSecret)
		used, _ := d.signIn(t, adminSecret)
		for range 10 {
			d.wants(t, "admin admin token", used)
			time.Sleep(time.Hour - time.Minute)
		}
		d.wantsRefusal(t, 401, idle)
		d.wants(t, "admin admin token", used)
		time.Sleep(10 * time.Minute)
		d.wantsRefusal(t, 401, used) // however much it is used
	})
}

// follow asks for what does not end by itself, and tells why it did.
func (d *door) follow(t *testing.T, headers ...string) <-chan string {
	t.Helper()
	why := make(chan string, 1)
	go func() { why <- d.ask(t, "GET", "/wait", "", headers...).Body.String() }()
	return why
}

func TestStreamsEndWithWhatLetThemIn(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, d *door, cookie string){
		"signed out":       func(t *testing.T, d *door, cookie string) { d.ask(t, "POST", "/logout", "", cookie) },
		"signed in anew":   func(t *testing.T, d *door, cookie string) { d.signIn(t, adminSecret, cookie) },
		"token taken away": func(_ *testing.T, d *door, _ string) { d.Use(auth.Rules{Tokens: tokens[1:]}) },
		"time is over":     func(*testing.T, *door, string) { time.Sleep(12 * time.Hour) },
		"the server stops": func(_ *testing.T, d *door, _ string) { d.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDoor(t, auth.Options{Rules: auth.Rules{Tokens: tokens}})
				cookie, _ := d.signIn(t, adminSecret)
				why := d.follow(t, cookie)
				time.Sleep(3 * time.Hour) // longer than one may be idle: who follows is there
				select {
				case early := <-why:
					t.Fatalf("it ended before: %s", early)
				default:
				}
				end(t, d, cookie)
				synctest.Wait()
				select {
				case got := <-why:
					if !strings.Contains(got, "not valid any more") {
						t.Errorf("it ended because %s", got)
					}
				default:
					t.Fatal("it goes on")
				}
			})
		})
	}
}

func TestATokenThatIsTakenAwayEndsItsStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, auth.Options{Rules: auth.Rules{Tokens: tokens}})
		gone, stays := d.follow(t, "Authorization: Bearer "+adminSecret), d.follow(t, "Authorization: Bearer "+viewerSecret)
		synctest.Wait()
		d.Use(auth.Rules{Tokens: tokens[1:]})
		<-gone
		synctest.Wait()
		select {
		case <-stays:
			t.Error("another token's stream ended too")
		default:
		}
		d.wantsRefusal(t, 401, "Authorization: Bearer "+adminSecret)
		d.Close()
		<-stays
	})
}

func TestARoleThatChangesCountsAtOnce(t *testing.T) {
	d := newDoor(t, auth.Options{Rules: auth.Rules{Tokens: tokens}})
	cookie, _ := d.signIn(t, adminSecret)
	d.Use(auth.Rules{Tokens: []auth.Token{{Name: "ana", Role: auth.Viewer, Secret: adminSecret}}})
	d.wants(t, "ana viewer token", cookie)
}

func TestSessionsOutliveTheProcess(t *testing.T) {
	file := filepath.Join(t.TempDir(), "stagger.db.sessions")
	o := auth.Options{Rules: auth.Rules{Tokens: tokens}, File: file}
	before := newDoor(t, o)
	cookie, given := before.signIn(t, adminSecret)
	left, _ := before.signIn(t, viewerSecret)
	before.ask(t, "POST", "/logout", "", left)

	killed := newDoor(t, o) // without a Close before
	killed.wants(t, "admin admin token", cookie)
	killed.wantsRefusal(t, 401, left)
	before.Close()
	after := newDoor(t, o)
	after.wants(t, "admin admin token", cookie)

	content, err := os.ReadFile(file)
	must(t, err)
	info, err := os.Stat(file)
	must(t, err)
	if info.Mode().Perm() != 0o600 || bytes.Contains(content, []byte(given.Value)) || bytes.Contains(content, []byte(adminSecret)) {
		t.Errorf("mode %v: %s", info.Mode(), content)
	}
	o.Rules.Tokens = tokens[1:] // and not the token they began with
	newDoor(t, o).wantsRefusal(t, 401, cookie)
}

func TestWhatCannotBeKeptOrReadIsNoMoreThanSigningInAnew(t *testing.T) {
	for name, content := range map[string]string{
		"no JSON": "{", "another version": `{"version":9}`, "nothing": "", "null": `{"version":1,"sessions":[null,{}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "sessions")
			must(t, os.WriteFile(file, []byte(content), 0o600))
			d := newDoor(t, auth.Options{Rules: auth.Rules{Tokens: tokens}, File: file})
			cookie, _ := d.signIn(t, adminSecret)
			d.wants(t, "admin admin token", cookie)
		})
	}
	d := newDoor(t, auth.Options{Rules: auth.Rules{Tokens: tokens}, File: filepath.Join(t.TempDir(), "missing", "sessions")})
	cookie, _ := d.signIn(t, adminSecret)
	d.wants(t, "admin admin token", cookie)
}

func TestTooManySessionsEndTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, auth.Options{Rules: auth.Rules{Tokens: tokens}})
		other, _ := d.signIn(t, viewerSecret)
		var all []string
		for range 101 {
			cookie, _ := d.signIn(t, adminSecret)
			all = append(all, cookie)
			time.Sleep(time.Second)
		}
		d.wantsRefusal(t, 401, all[0])
		d.wants(t, "admin admin token", all[1])
		d.wants(t, "admin admin token", all[100])
		d.wants(t, "wall viewer token", other)
	})
}

func TestRefusalsAreProblems(t *testing.T) {
	d := newDoor(t, auth.Options{Rules: auth.Rules{Tokens: tokens}})
	w := d.ask(t, "GET", "/api/v1/services", "")
	var p struct {
		Title, Code, Detail string
		Status              int
	}
	must(t, json.Unmarshal(w.Body.Bytes(), &p))
	if w.Header().Get("Content-Type") != "application/problem+json" || p.Status != 401 || p.Code != "denied" || p.Title != "Unauthorized" || p.Detail == "" {
		t.Errorf("%v %+v", w.Header(), p)
	}
}

func TestWithoutProofOnlyThisMachineIsLetIn(t *testing.T) {
	d := newDoor(t, auth.Options{Page: func(w http.ResponseWriter, _ *http.Request, status int, detail string) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "page: "+detail)
	}})
	r := httptest.NewRequestWithContext(t.Context(), "GET", "http://localhost:7979/", http.NoBody)
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	if w.Body.String() != "local admin loopback" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if page := d.ask(t, "GET", "/", "", "Accept: text/html"); page.Code != 403 || !strings.HasPrefix(page.Body.String(), "page: without a token only localhost") {
		t.Errorf("%d %s", page.Code, page.Body)
	}
}
