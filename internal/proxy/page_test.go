package proxy_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/proxy"
)

// statusPage is what a page tells who asks for JSON.
type statusPage struct {
	Service, State string
	Routes         []struct {
		Name, State, Says string
		Since, Changed    time.Time
	}
	Ended []struct {
		Name, State, Says string
		Since, Until      time.Time
	}
}

func wantJSON(r *http.Request) { r.Header.Set("Accept", "application/json") }

// page reads the status page of a service.
func (w *world) page(t testing.TB) statusPage {
	t.Helper()
	code, header, body := get(t, client(t), w.url+"/status", wantJSON)
	var p statusPage
	if err := json.Unmarshal([]byte(body), &p); err != nil || code != 200 || header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %s %v: %q", code, header.Get("Content-Type"), err, body)
	}
	return p
}

// withPage gives a service a page, and routes that declare what users get.
func withPage(s stagger.Service) stagger.Service {
	s.StatusPage = stagger.StatusPage{Path: "/status", Title: "The <shop>"}
	s.Circuit = stagger.Circuit{Consecutive: 3, Open: 50 * time.Millisecond, Probes: 1}
	s.Routes = []stagger.Route{
		{Name: "articles", Path: "/articles", Title: "Looking around", Degrade: stagger.Degrade{Static: &stagger.StaticAnswer{Status: 200, Body: "less"}}},
		{Name: "tracking", Path: "/tracking", Degrade: stagger.Degrade{Drop: true}},
		{Name: "rest", Path: "/"},
	}
	return s
}

func TestThePageTellsUsersWhatWorks(t *testing.T) {
	var ill atomic.Bool
	w := run(t, proxy.Limits{}, withPage(service(version("v1", upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		if ill.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})))))
	c := client(t)
	p := w.page(t)
	if p.Service != "The <shop>" || p.State != "works" || len(p.Routes) != 3 || p.Routes[0].Name != "Looking around" || !p.Routes[0].Changed.IsZero() || len(p.Ended) > 0 {
		t.Errorf("at first: %+v", p)
	}
	ill.Store(true)
	begin := time.Now()
	code, header, body := get(t, c, w.url+"/articles")
	if code != 200 || body != "less" || header.Get("Link") != `</status>; rel="status"` {
		t.Errorf("%d %q, which points to %q", code, body, header.Get("Link"))
	}
	p = w.page(t)
	if r := p.Routes[0]; p.State != "degraded" || r.State != "degraded" || r.Says != "degraded: a reduced answer" || r.Since.Before(begin.Add(-2*time.Second)) || r.Since.After(time.Now()) {
		t.Errorf("with a route degraded: %+v", p)
	}
	if r := p.Routes[2]; r.State != "works" || !r.Since.IsZero() {
		t.Errorf("another route, meanwhile: %+v", r)
	}
	for range 3 {
		get(t, c, w.url+"/other")
	}
	p = w.page(t)
	if p.State != "unavailable" || p.Routes[2].State != "unavailable" || p.Routes[1].State != "unavailable" || p.Routes[2].Says != "not available" {
		t.Errorf("with the circuit open: %+v", p)
	}
	ill.Store(false)
	eventually(t, "the circuit to close", func() bool {
		get(t, c, w.url+"/other")
		return w.page(t).Routes[2].State == "works"
	})
	p = w.page(t)
	found := false
	for _, e := range p.Ended {
		found = found || e.Name == "rest" && e.State == "unavailable" && !e.Until.Before(e.Since)
	}
	if !found || p.Routes[2].Changed.IsZero() {
		t.Errorf("after it: %+v", p)
	}
}

// TestThePageShowsWhatIsOver to people as well.
func TestThePageShowsWhatIsOver(t *testing.T) {
	var ill atomic.Bool
	w := run(t, proxy.Limits{}, withPage(service(version("v1", upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		if ill.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})))))
	c := client(t)
	ill.Store(true)
	for range 3 {
		get(t, c, w.url+"/other")
	}
	if _, _, body := get(t, c, w.url+"/status"); !strings.Contains(body, "A part is not available") || !strings.Contains(body, "not available since <time") {
		t.Errorf("with the circuit open: %s", body)
	}
	ill.Store(false)
	body := ""
	eventually(t, "all to work", func() bool {
		get(t, c, w.url+"/other")
		_, _, body = get(t, c, w.url+"/status")
		return strings.Contains(body, "Everything works")
	})
	if !strings.Contains(body, "again since <time") || !strings.Contains(body, `<ul aria-labelledby="ended">`) || !strings.Contains(body, " s, until <time") {
		t.Errorf("after it: %s", body)
	}
}

func TestThePageTellsOfWhomUsersMeet(t *testing.T) {
	for _, row := range []struct {
		rule     string
		weight   stagger.Weight
		fallback bool
		want     string
	}{
		{"nobody meets the candidate", 0, false, "works"},
		{"some do", stagger.WeightFull / 2, false, "degraded: some requests fail"},
		{"all do", stagger.WeightFull, false, "not available"},
		{"the baseline answers for it", stagger.WeightFull, true, "works"},
	} {
		t.Run(row.rule, func(t *testing.T) {
			s := withPage(service(version("v1", named(t, "v1")), version("v2", "http://"+unused(t))))
			s.Fallback = row.fallback
			w := run(t, proxy.Limits{}, s)
			split := half()
			split.Weight = row.weight
			if err := w.Apply(t.Context(), split); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the page to say so", func() bool { return w.page(t).Routes[2].Says == row.want })
		})
	}
}

func TestThePageIsThereWhateverBecomesOfTheService(t *testing.T) {
	w := run(t, proxy.Limits{}, withPage(service(version("v1", "http://"+unused(t)))))
	eventually(t, "the page to know", func() bool { return w.page(t).State == "unavailable" })
	if err := w.Pause("shop", time.Minute); err != nil {
		t.Fatal(err)
	}
	if p := w.page(t); p.Routes[2].State != "unavailable" {
		t.Errorf("while requests wait: %+v", p)
	}
}

func TestThePageIsNoTrafficOfTheService(t *testing.T) {
	var asked atomic.Int64
	w := run(t, proxy.Limits{}, withPage(service(version("v1", upstream(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })))))
	c := client(t)
	for range 5 {
		get(t, c, w.url+"/status")
		perform(t, c, http.MethodHead, w.url+"/status", "")
		perform(t, c, http.MethodPost, w.url+"/status", "x")
	}
	if got := w.observed(t, "v1"); got.Started != 0 || asked.Load() != 0 {
		t.Errorf("%d requests are counted, the upstream got %d", got.Started, asked.Load())
	}
	get(t, c, w.url+"/status/of-an-order")
	get(t, c, w.url+"/statuses")
	if asked.Load() != 2 {
		t.Errorf("the upstream got %d requests to its own paths, of 2", asked.Load())
	}
}

func TestThePageNeedsNothingButItself(t *testing.T) {
	w := run(t, proxy.Limits{}, withPage(service(version("v1", named(t, "v1")))))
	code, header, body := get(t, client(t), w.url+"/status")
	if code != 200 || header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.HasPrefix(body, "<!doctype html>") {
		t.Fatalf("%d %s: %.80q", code, header.Get("Content-Type"), body)
	}
	_, rest, _ := strings.Cut(body, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	policy := header.Get("Content-Security-Policy")
	if len(style) < 500 || !strings.HasPrefix(policy, "default-src 'none';") || !strings.Contains(policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
		t.Errorf("the policy %q does not allow the style of %d bytes", policy, len(style))
	}
	for _, not := range []string{"<script", "src=", "http://", "https://", "style=", "v1", "127.0.0.1", "<shop>"} {
		if strings.Contains(body, not) {
			t.Errorf("the page has %q", not)
		}
	}
	for _, want := range []string{"Everything works", "Status of The &lt;shop&gt;", "Looking around"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if header.Get("Refresh") != "30" || header.Get("X-Version") != "" || header.Get("Vary") != "Accept" {
		t.Errorf("the header: %v", header)
	}
	if _, header, body = get(t, client(t), w.url+"/status?refresh=off"); header.Get("Refresh") != "" || !strings.Contains(body, `href="?"`) {
		t.Error("the page cannot be stopped from renewing itself")
	}
}

func TestThePageCanOnlyBeRead(t *testing.T) {
	w := run(t, proxy.Limits{}, withPage(service(version("v1", named(t, "v1")))))
	c := client(t)
	code, header, body := perform(t, c, http.MethodHead, w.url+"/status", "")
	if code != 200 || body != "" || header.Get("Content-Length") == "0" {
		t.Errorf("HEAD: %d %q %v", code, body, header)
	}
	if code, header, _ := perform(t, c, http.MethodDelete, w.url+"/status", ""); code != 405 || header.Get("Allow") != "GET, HEAD" {
		t.Errorf("DELETE: %d, allowed is %q", code, header.Get("Allow"))
	}
}

// TestThePageComesBetweenOtherRequests on one connection, and in one segment.
func TestThePageComesBetweenOtherRequests(t *testing.T) {
	w := run(t, proxy.Limits{}, withPage(service(version("v1", named(t, "v1")))))
	const ask = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
	first, reader, _ := raw(t, w.url, ask+"GET /status HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n\r\n"+ask)
	for i, want := range []string{"v1", `"state": "works"`, "v1"} {
		response := first
		if i > 0 {
			var err error
			if response, err = http.ReadResponse(reader, nil); err != nil {
				t.Fatal(err)
			}
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || !strings.Contains(string(body), want) {
			t.Errorf("answer %d: %q, %v", i+1, body, err)
		}
	}
}

func TestThePageIsOnTheHostsOfItsService(t *testing.T) {
	at := func(s stagger.Service, hosts ...string) stagger.Service {
		s.Routes = nil
		for _, h := range hosts {
			s.Routes = append(s.Routes, stagger.Route{Name: "all", Host: h, Path: "/"})
		}
		return s
	}
	shop := at(withPage(service(version("v1", named(t, "shop")))), "shop.example", "*.shop.example")
	cart := at(withPage(service(version("v1", named(t, "cart")))), "")
	cart.Name, cart.StatusPage.Title, cart.StatusPage.Host = "cart", "", "status.example"
	w := run(t, proxy.Limits{}, shop, cart)
	for host, want := range map[string]string{
		"shop.example": `"service": "The \u003cshop\u003e"`, "de.shop.example:8080": `"service": "The \u003cshop\u003e"`,
		"status.example": `"service": "cart"`, "other.example": "cart",
	} {
		code, _, body := get(t, client(t), w.url+"/status", wantJSON, func(r *http.Request) { r.Host = host })
		if code != 200 || !strings.Contains(body, want) || want == "cart" && body != want {
			t.Errorf("%s: %d %q", host, code, body)
		}
	}
}

func TestAPageCannotTakeTheBestOfARoute(t *testing.T) {
	for _, path := range []string{"/", "/rest", "status", "/status/"} {
		s := withPage(service(version("v1", "http://127.0.0.1:1")))
		s.Routes[2].Path = "/rest"
		s.Routes = append(s.Routes, stagger.Route{Name: "all", Path: "/"})
		s.StatusPage.Path = path
		if _, err := proxy.New(proxy.Config{Listeners: []proxy.Listener{{Name: "web"}}, Services: []stagger.Service{s}}, nil, nil); err == nil {
			t.Errorf("a page at %q is accepted", path)
		}
	}
}

func TestThePageRemembersOverAReload(t *testing.T) {
	var ill atomic.Bool
	s := withPage(service(version("v1", upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		if ill.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))))
	w := run(t, proxy.Limits{}, s)
	ill.Store(true)
	get(t, client(t), w.url+"/articles")
	before := w.page(t).Routes[0]
	s.StatusPage.Title = "Shop"
	if err := w.Reload([]stagger.Service{s}); err != nil {
		t.Fatal(err)
	}
	p := w.page(t)
	if r := p.Routes[0]; p.Service != "Shop" || r.State != "degraded" || !r.Since.Equal(before.Since) {
		t.Errorf("%+v before the reload, %+v after it", before, p)
	}
}
