package dashboard_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/stagger-dev/stagger"
)

const pausePath = rolloutPath + "/act/pause"

// post sends a form as a browser does that has no script.
func (w world) post(t *testing.T, path string, form url.Values) (*http.Response, page) {
	t.Helper()
	client := *w.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.PostForm(w.url+path, form)
	must(t, err)
	defer response.Body.Close()
	root, err := html.Parse(response.Body)
	must(t, err)
	return response, page{root, ""}
}

func TestActionsSayWhatTheyWillDo(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	for act, wants := range map[string][]string{
		"pause":       {"v2 stays at 10%", "A regression still rolls back"},
		"rollback":    {"Everybody goes back to v1 within about a second, about 120 requests/s", "ends as rolled back"},
		"abort":       {"Everybody goes back to v1", "blames nobody"},
		"weight":      {"Weight for v2"},
		"promote-all": {"the evidence speaks against it"},
		"resume":      {"it is not a person who holds the rollout"},
	} {
		p, _ := w.get(t, rolloutPath+"/act/"+act, http.StatusOK)
		p.wants(t, wants...)
	}
	w.get(t, rolloutPath+"/act/dance", http.StatusNotFound)
	w.get(t, "/rollouts/none/act/pause", http.StatusNotFound)
}

func TestActingKeepsWhoAndWhy(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	response, _ := w.post(t, pausePath, url.Values{"key": {"once"}, "reason": {"lunch"}, "who": {"ada"}})
	if response.StatusCode != http.StatusSeeOther || response.Header.Get("Location") != rolloutPath {
		t.Fatalf("%d to %s", response.StatusCode, response.Header.Get("Location"))
	}
	c, err := w.Store.Command(t.Context(), "once")
	must(t, err)
	if c.Verb != stagger.VerbPause || c.Actor != "ada" || c.Reason != "lunch" || c.Result == nil || c.Result.Error != nil {
		t.Errorf("%+v", c)
	}
	p, _ := w.get(t, rolloutPath, http.StatusOK)
	p.wants(t, "paused", "Resume")
}

func TestNothingIsDoneWithoutAReason(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	for name, form := range map[string]url.Values{
		"none":    {"key": {"a"}, "who": {"ada"}},
		"blank":   {"key": {"a"}, "who": {"ada"}, "reason": {"  "}},
		"endless": {"key": {"a"}, "who": {"ada"}, "reason": {strings.Repeat("x", 3000)}},
	} {
		response, p := w.post(t, pausePath, form)
		if response.StatusCode != http.StatusUnprocessableEntity || len(p.tags("form")) != 1 {
			t.Errorf("%s: %d", name, response.StatusCode)
		}
	}
	if _, err := w.Store.Command(t.Context(), "a"); stagger.CodeOf(err) != stagger.CodeNotFound {
		t.Errorf("a command was recorded: %v", err)
	}
}

func TestABadWeightIsSaidWithWhatWasWritten(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	response, p := w.post(t, rolloutPath+"/act/weight", url.Values{"key": {"a"}, "who": {"ada"}, "reason": {"more"}, "weight": {"lots"}})
	kept := p.all(func(n *html.Node) bool { return attribute(n, "name") == "weight" && attribute(n, "value") == "lots" })
	if response.StatusCode != http.StatusUnprocessableEntity || len(kept) != 1 {
		t.Errorf("%d, %d fields keep what was written", response.StatusCode, len(kept))
	}
	p.wants(t, "✘ The weight:", "more")
}

// TestAFormOfAnotherOriginDoesNothing is what keeps other people's pages from
// acting in one's name.
func TestAFormOfAnotherOriginDoesNothing(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+pausePath, strings.NewReader("key=evil&reason=x"))
	must(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", "https://evil.test")
	response, err := w.HTTP.Do(request)
	must(t, err)
	defer response.Body.Close()
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("%d", response.StatusCode)
	}
}
