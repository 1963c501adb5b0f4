package proxy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	neturl "net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/capture"
	"github.com/stagger-dev/stagger/internal/proxy"
)

// lines gathers what a capture writes.
type lines struct {
	mu   sync.Mutex
	data []byte
	all  []capture.Line
}

func (l *lines) add(line []byte) error {
	one, err := capture.Decode(line)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.data, l.all = append(l.data, line...), append(l.all, one)
	return nil
}

func (l *lines) seen() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

// requests are the captured ones, once the capture has ended.
func (l *lines) requests() []capture.Request {
	var all []capture.Request
	for _, line := range l.all {
		if line.Request != nil {
			all = append(all, *line.Request)
		}
	}
	return all
}

// captured runs traffic while a capture is under way, and ends it once it has
// seen so many requests.
func captured(t *testing.T, w *world, o capture.Order, n int, traffic func()) *lines {
	t.Helper()
	o.Service, o.Requests = "shop", n
	l := &lines{}
	done := make(chan error, 1)
	go func() { done <- w.Capture(t.Context(), o, l.add) }()
	eventually(t, "the capture to begin", func() bool { return l.seen() > 0 })
	traffic()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return l
}

func drain(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	_, _ = io.WriteString(w, "ok")
}

func TestACaptureHoldsTheRequestsAndNoSecret(t *testing.T) {
	for name, c := range protocols {
		t.Run(name, func(t *testing.T) {
			w := run(t, proxy.Limits{}, service(version("v1", upstream(t, drain))))
			secrets := []string{"hunter2", "ada@example.org", "4111-1111-1111-1111", "eyJhbGciOi", "k3J9xQm27bVz81LpT4", "s3ss10n"}
			l := captured(t, w, capture.Order{Share: 1}, 3, func() {
				c := c(t)
				send(t, c, "POST", w.url+"/login/ada@example.org/a%20b?next=1&password=hunter2", strings.NewReader(`{"user":"ada@example.org","card":{"n":["4111-1111-1111-1111"]},"keep":[1,"two"]}`), map[string]string{
					"Content-Type": "application/json", "Authorization": "Bearer eyJhbGciOi", "Cookie": "sid=s3ss10n", "X-Api-Key": "hunter2", "Accept": "text/html",
				})
				send(t, c, "POST", w.url+"/form", strings.NewReader(neturl.Values{"a": {"k3J9xQm27bVz81LpT4"}, "b": {"plain"}}.Encode()), map[string]string{"Content-Type": "application/x-www-form-urlencoded"})
				send(t, c, "PUT", w.url+"/blob", bytes.NewReader(make([]byte, 100<<10)), nil)
			})
			for _, s := range secrets {
				if bytes.Contains(l.data, []byte(s)) {
					t.Errorf("%s was kept: %s", s, l.data)
				}
			}
			got := l.requests()
			if len(got) != 3 || l.all[0].Head.Service != "shop" || *l.all[4].End != (capture.End{Why: capture.EndRequests, Kept: 3}) {
				t.Fatalf("%s", l.data)
			}
			login, form, blob := got[0], got[1], got[2]
			var body struct{ Keep []any }
			if err := json.Unmarshal([]byte(login.Body), &body); err != nil || len(body.Keep) != 2 || login.Method != http.MethodPost ||
				!strings.HasPrefix(login.Path, "/login/") || !strings.HasSuffix(login.Path, "/a%20b") || !strings.HasPrefix(login.Query, "next=1&password=masked-") {
				t.Errorf("%+v, %v", login, err)
			}
			if !strings.HasSuffix(form.Body, "&b=plain") || form.User == "" || form.User != login.User {
				t.Errorf("%+v", form)
			}
			if blob.Body != "" || blob.Omitted != 100<<10 {
				t.Errorf("%+v", blob)
			}
		})
	}
}

func send(t *testing.T, c *http.Client, method, target string, body io.Reader, header map[string]string) {
	t.Helper()
	r := request(t, method, target, body)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	response, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s", method, target, response.Status)
	}
}

func TestWholeUsersAreCapturedOrNone(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", upstream(t, drain)), version("v2", upstream(t, drain))))
	if err := w.Apply(t.Context(), stagger.Split{Service: "shop", Baseline: "v1", Candidate: "v2", Key: stagger.Key{Header: "X-User"}, Seed: "s"}); err != nil {
		t.Fatal(err)
	}
	const users, each = 200, 3
	ctx, cancel := context.WithCancel(t.Context())
	l := &lines{}
	done := make(chan error, 1)
	go func() { done <- w.Capture(ctx, capture.Order{Service: "shop", Share: 0.3, Users: true}, l.add) }()
	eventually(t, "the capture to begin", func() bool { return l.seen() > 0 })
	c := client(t)
	for range each {
		for u := range users {
			send(t, c, "GET", w.url+"/", nil, map[string]string{"X-User": fmt.Sprint("user ", u)})
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	perUser := map[string]int{}
	for _, r := range l.requests() {
		perUser[r.User]++
	}
	for user, n := range perUser {
		if n != each {
			t.Errorf("%d of %d requests of user %s", n, each, user)
		}
	}
	// 60 expected, standard deviation 6.5.
	if len(perUser) < 28 || len(perUser) > 92 {
		t.Errorf("%d of %d users", len(perUser), users)
	}
	if end := l.all[len(l.all)-1].End; end == nil || end.Why != capture.EndStopped {
		t.Errorf("the last line is %+v", l.all[len(l.all)-1])
	}
}

func TestOneCaptureAtATimeAndWithinBounds(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", upstream(t, drain))))
	nobody := func([]byte) error { return nil }
	for name, o := range map[string]capture.Order{
		"invalid":   {Service: "shop", Share: 2},
		"not_found": {Service: "none", Share: 1},
	} {
		if err := w.Capture(t.Context(), o, nobody); string(stagger.CodeOf(err)) != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := w.Capture(t.Context(), capture.Order{Service: "shop", Share: 1, Rules: capture.Rules{Headers: []string{"Cookie"}}}, nobody); stagger.CodeOf(err) != stagger.CodeInvalid {
		t.Error(err)
	}
	l := captured(t, w, capture.Order{Share: 1, Bytes: 400}, 1000, func() {
		if err := w.Capture(t.Context(), capture.Order{Service: "shop", Share: 1}, nobody); stagger.CodeOf(err) != stagger.CodeConflict {
			t.Error(err)
		}
		c := client(t)
		for range 10 {
			send(t, c, "GET", w.url+"/?q="+strings.Repeat("word+", 10), nil, nil)
		}
	})
	if end := l.all[len(l.all)-1].End; end.Why != capture.EndBytes || end.Kept == 0 || end.Kept > 5 {
		t.Errorf("%+v", end)
	}
	short := captured(t, w, capture.Order{Share: 1, For: time.Millisecond}, 1000, func() {})
	if end := short.all[len(short.all)-1].End; end.Why != capture.EndTime {
		t.Errorf("%+v", end)
	}
	if all := w.Captures(); len(all) != 0 {
		t.Errorf("%+v are under way", all)
	}
}

// TestACaptureOutlivesAReload goes on after the services were laid out anew.
func TestACaptureOutlivesAReload(t *testing.T) {
	s := service(version("v1", upstream(t, drain)))
	w := run(t, proxy.Limits{}, s)
	l := captured(t, w, capture.Order{Share: 1}, 2, func() {
		c := client(t)
		send(t, c, "GET", w.url+"/a", nil, nil)
		if err := w.Reload([]stagger.Service{s}); err != nil {
			t.Fatal(err)
		}
		if all := w.Captures(); len(all) != 1 || all[0].Service != "shop" {
			t.Errorf("%+v are under way", all)
		}
		send(t, c, "GET", w.url+"/b", nil, nil)
	})
	if got := l.requests(); len(got) != 2 || got[1].Path != "/b" || got[1].At < got[0].At {
		t.Errorf("%+v", got)
	}
}

// TestABodyThatComesInPiecesIsCapturedWhole sends the head, and half of the body
// when the upstream has seen that.
func TestABodyThatComesInPiecesIsCapturedWhole(t *testing.T) {
	begun := make(chan struct{}, 3)
	w := run(t, proxy.Limits{}, service(version("v1", upstream(t, func(w http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		drain(w, r)
	}))))
	for name, length := range map[string]int64{"of known length": 20_014, "of unknown length": -1} {
		t.Run(name, func(t *testing.T) {
			l := captured(t, w, capture.Order{Share: 1}, 1, func() {
				from, to := io.Pipe()
				go func() {
					<-begun
					for _, piece := range []string{`{"a":"`, strings.Repeat("x", 20_000), `","b":1}`} {
						_, _ = io.WriteString(to, piece[:len(piece)-1])
						_, _ = io.WriteString(to, piece[len(piece)-1:])
					}
					_ = to.Close()
				}()
				r := request(t, http.MethodPost, w.url+"/", from)
				r.ContentLength = length
				r.Header.Set("Content-Type", "application/json")
				response, err := client(t).Do(r)
				if err != nil {
					t.Fatal(err)
				}
				_ = response.Body.Close()
			})
			if got := l.requests(); len(got) != 1 || len(got[0].Body) != 20_014 || got[0].Omitted != 0 {
				t.Errorf("%.200s", l.data)
			}
		})
	}
}

// plantedRequest is a request with one secret of its own in each of many places.
func plantedRequest(t *rapid.T, url string) (r *http.Request, secrets []string) {
	word := rapid.StringMatching(`[A-Za-z0-9]{10}`)
	draw := func(sort string) string {
		s := word.Draw(t, sort)
		switch sort {
		case "mail":
			s += "@" + word.Draw(t, "domain") + ".org"
		case "digits":
			s = rapid.StringMatching(`[1-9][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}`).Draw(t, sort)
		case "token":
			s = "a1B2c3D4" + s + "e5F6g7H8"
		}
		secrets = append(secrets, s)
		return s
	}
	name := func() string {
		return rapid.SampledFrom([]string{"password", "apiKey", "access_token", "SESSION-ID", "user.email", "lastName", "card_number"}).Draw(t, "name")
	}
	look := func() string { return draw(rapid.SampledFrom([]string{"mail", "digits", "token"}).Draw(t, "look")) }
	query := neturl.Values{name(): {draw("value")}, "q": {look(), look()}, "page": {"1"}}
	target := url + "/a/" + neturl.PathEscape(look()) + "/reset/" + draw("value") + "1?" + query.Encode()
	tree := map[string]any{name(): draw("value"), "list": []any{1, map[string]any{"text": look(), name(): []any{draw("value")}}}}
	kind, body := "application/json", []byte(nil)
	switch rapid.IntRange(0, 2).Draw(t, "body") {
	case 0:
		body, _ = json.Marshal(tree)
	case 1:
		kind, body = "application/x-www-form-urlencoded", []byte(neturl.Values{name(): {draw("value")}, "x": {look()}}.Encode())
	case 2:
		kind, body = "text/plain", []byte("to whom it may concern: "+draw("value"))
	}
	r, err := http.NewRequest(http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for field, value := range map[string]string{
		"Content-Type": kind, "Authorization": "Bearer " + draw("value"), "Cookie": "sid=" + draw("value"), "X-Api-Key": draw("value"),
		"X-Whatever": draw("value"), "Referer": "http://shop/?token=" + draw("value"), "Accept-Language": look(),
	} {
		r.Header.Set(field, value)
	}
	return r, secrets
}

// TestWhateverIsPlantedIsMasked sends requests full of secrets through the proxy
// and looks for them in what was captured, at every layer of escapes.
func TestWhateverIsPlantedIsMasked(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", upstream(t, drain))))
	ctx, cancel := context.WithCancel(t.Context())
	l, done := &lines{}, make(chan error, 1)
	go func() { done <- w.Capture(ctx, capture.Order{Service: "shop", Share: 1}, l.add) }()
	eventually(t, "the capture to begin", func() bool { return l.seen() == 1 })
	c, all, sent := client(t), []string(nil), 0
	rapid.Check(t, func(t *rapid.T) {
		r, secrets := plantedRequest(t, w.url)
		response, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Fatalf("%s", response.Status)
		}
		all = append(all, secrets...)
		sent++
	})
	eventually(t, "every request to be written", func() bool { return l.seen() > sent })
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	kept := string(l.data)
	for range 4 {
		for _, s := range all {
			if strings.Contains(kept, s) {
				t.Fatalf("%q was kept", s)
			}
		}
		plain, err := neturl.QueryUnescape(kept)
		if err != nil {
			t.Fatal(err)
		}
		kept = plain
	}
}
