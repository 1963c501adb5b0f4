package dashboard_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api/apitest"
)

const historyPath = rolloutPath + "/history"

// long records more events of the trial than a page of its history shows.
func long(t *testing.T, w world, n int) {
	t.Helper()
	r, err := w.Store.Rollout(t.Context(), "shop-20261123-120000-4f2a")
	must(t, err)
	for i := range n {
		r.Hold, r.Phase = stagger.HoldNone, stagger.PhaseProgressing
		kind, reason := stagger.EventReleased, "nothing holds it any more"
		if i%2 == 1 {
			r.Hold, r.Phase, kind, reason = stagger.HoldSuspect, stagger.PhaseWaiting, stagger.EventHeld, "the evidence looks bad again"
		}
		enter(t, w, &r, kind, reason)
	}
}

// shown are the numbers of the events on a page, as they stand.
func shown(p page) []string {
	var seqs []string
	for _, n := range p.all(func(n *html.Node) bool { return n.Data == "li" && strings.HasPrefix(attribute(n, "id"), "event-") }) {
		seqs = append(seqs, strings.TrimPrefix(attribute(n, "id"), "event-"))
	}
	return seqs
}

// linked is where the link with these words goes.
func linked(p page, words string) string {
	for _, n := range p.tags("a") {
		if strings.Contains(text(n), words) {
			return attribute(n, "href")
		}
	}
	return ""
}

func TestDecisionsTellWhatTheyRestedOn(t *testing.T) {
	w := newWorld(t)
	r := over(t, w, "shop-old", "shop", apitest.Epoch, 3)
	p, _ := w.get(t, "/rollouts/"+r.ID+"/history", http.StatusOK)
	p.wants(t, "✘ rolled back 1% → 0%", "the evidence is beyond doubt", "The evidence it rested on",
		"! suspect latency p99 ×1.11 ×1.06 to ×1.30 ×1.05 suspect 100% rollback 60% healthy 0% v2 takes 13.4 ms at p99 against 12.1 ms for v1", "1,534 to v2", "by ada", "held: looks bad, not yet proved")
	links, err := w.Store.Chain(t.Context(), r.ID, 0, 0)
	must(t, err)
	for _, l := range links {
		p.wants(t, l.Hash)
	}
}

func TestHistoryIsTurnedPageByPage(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	long(t, w, 130)
	var seen []string
	pages := 0
	for address := historyPath; address != ""; pages++ {
		p, _ := w.get(t, address, http.StatusOK)
		seen = append(seen, shown(p)...)
		address = linked(p, "Older")
	}
	var want []string
	for seq := 134; seq > 0; seq-- {
		want = append(want, fmt.Sprint(seq))
	}
	if pages != 3 || !slices.Equal(seen, want) {
		t.Errorf("%d pages: %v", pages, seen)
	}
	p, _ := w.get(t, historyPath+"?before=51", http.StatusOK)
	if got := shown(p); len(got) != 50 || got[0] != "50" {
		t.Fatalf("before 51: %v", got)
	}
	p, _ = w.get(t, linked(p, "Newer"), http.StatusOK)
	if got := shown(p); len(got) != 50 || got[0] != "100" || got[49] != "51" {
		t.Errorf("newer: %v", got)
	}
	p, _ = w.get(t, linked(p, "Newer"), http.StatusOK)
	if got := shown(p); len(got) != 34 || got[0] != "134" || linked(p, "Newer") != "" {
		t.Errorf("newest: %v, and then %q", got, linked(p, "Newer"))
	}
}

func TestHistoryIsFiltered(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	long(t, w, 400)
	for show, want := range map[string]string{"people": "1", "created": "1", "stage_entered": "3 2"} {
		p, _ := w.get(t, historyPath+"?show="+show, http.StatusOK)
		if got := strings.Join(shown(p), " "); got != want || linked(p, "Older") != "" {
			t.Errorf("%s: %q, older %q; want %q", show, got, linked(p, "Older"), want)
		}
	}
	p, _ := w.get(t, historyPath+"?show=held", http.StatusOK)
	if got := shown(p); len(got) != 50 || got[0] != "404" || got[1] != "402" || linked(p, "Older") != historyPath+"?before=305&show=held" {
		t.Errorf("held: %v, older %q", got, linked(p, "Older"))
	}
	p, _ = w.get(t, historyPath+"?show=promoted", http.StatusOK)
	p.wants(t, "Nothing here is like that", "Show everything")
}

func TestAMomentIsShownWithItsEvidenceOpen(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	long(t, w, 130)
	p, _ := w.get(t, historyPath+"?at=40", http.StatusOK)
	open := p.all(func(n *html.Node) bool {
		return n.Data == "details" && slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "open" })
	})
	if len(open) != 1 || attribute(open[0].Parent, "id") != "event-40" {
		t.Errorf("%d are open", len(open))
	}
	rollout, _ := w.get(t, rolloutPath, http.StatusOK)
	if !strings.Contains(rollout.source, historyPath+"?at=130#event-130") {
		t.Error("the rollout's page does not lead to its moments")
	}
}

func TestReviewIsKept(t *testing.T) {
	w := newWorld(t)
	r := over(t, w, "shop-old", "shop", apitest.Epoch, 8)
	path := "/rollouts/" + r.ID + "/history"
	p, _ := w.get(t, path, http.StatusOK)
	p.wants(t, "What was it?", "Nobody has said yet", "false alarm it was stopped, or held, for no fault of the candidate")
	response, _ := w.post(t, "/rollouts/"+r.ID+"/review", url.Values{"key": {"k"}, "judgement": {"false_alarm"}, "reason": {"a slow disk"}, "who": {"ada"}})
	if response.StatusCode != http.StatusSeeOther || response.Header.Get("Location") != path {
		t.Fatalf("%d to %s", response.StatusCode, response.Header.Get("Location"))
	}
	p, _ = w.get(t, path, http.StatusOK)
	p.wants(t, "⚐ false alarm , said ada", "a slow disk", "✎ reviewed")
	stored, err := w.Store.Rollout(t.Context(), r.ID)
	must(t, err)
	if stored.Review == nil || stored.Review.Actor != "ada" {
		t.Errorf("%+v", stored.Review)
	}
}

func TestReviewThatCannotBeTakenIsShownWithWhatWasFilledIn(t *testing.T) {
	w := newWorld(t)
	r := over(t, w, "shop-old", "shop", apitest.Epoch, 8)
	for name, c := range map[string]struct {
		form url.Values
		says string
	}{
		"no judgement": {url.Values{"reason": {"a slow disk"}}, "choose one of the three"},
		"no reason":    {url.Values{"judgement": {"missed"}}, "Say why"},
		"too long":     {url.Values{"judgement": {"missed"}, "reason": {strings.Repeat("x", 2001)}}, "too long"},
	} {
		response, p := w.post(t, "/rollouts/"+r.ID+"/review", c.form)
		if response.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, response.StatusCode)
		}
		p.wants(t, c.says, c.form.Get("reason"))
		checked := p.all(func(n *html.Node) bool {
			return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "checked" })
		})
		if c.form.Has("judgement") && (len(checked) < 1 || attribute(checked[0], "value") != "missed") {
			t.Errorf("%s: what was chosen is lost", name)
		}
	}
}

func TestWhatRunsIsNotReviewed(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	p, _ := w.get(t, historyPath, http.StatusOK)
	if strings.Contains(p.source, "What was it?") {
		t.Error("a review is asked for")
	}
	response, _ := w.post(t, rolloutPath+"/review", url.Values{"judgement": {"missed"}, "reason": {"why"}})
	if response.StatusCode != http.StatusConflict {
		t.Errorf("%d", response.StatusCode)
	}
}

func TestReportTellsEverythingOnPaper(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	p, _ := w.get(t, rolloutPath+"/report", http.StatusOK)
	p.wants(t, "shop is on its way from v1 to v2 and is waiting in stage tenth, 42s after it began.", "Stage by stage", "staff 1 rule 2026-11-23 12:00:14 2026-11-23 12:00:21 7s",
		"tenth 10% 2026-11-23 12:00:21 goes on", "How the evidence grew", "latency p99 ✘ beyond the limit", "What people did", "ada started it: release 12", "What Stagger decided", "cookie user")
	if figures := p.tags("figure"); len(figures) != 4 {
		t.Errorf("%d plots", len(figures))
	}
	p.wants(t, "Too little was seen to draw latency p99.9.")
	for _, n := range p.tags("path") {
		if d := attribute(n, "d"); strings.ContainsAny(d, "NI") {
			t.Errorf("no number: %s", d)
		}
	}
	r := over(t, w, "shop-old", "desk", apitest.Epoch, 3)
	p, _ = w.get(t, "/rollouts/"+r.ID+"/report", http.StatusOK)
	p.wants(t, "v2 of desk was rolled back by Stagger in stage few, after 41m. It had been met there for 40m 59s when it was cut off. 60 of 10,204 requests met it.",
		"0 and 1,534 inconclusive", "Users, about 31", "⚐ false alarm , said ada", "both versions shared a slow disk")
	links, err := w.Store.Chain(t.Context(), r.ID, r.Events-1, 1)
	must(t, err)
	p.wants(t, links[0].Hash)
}

func TestCompareMarksWhatDiffers(t *testing.T) {
	w := newWorld(t)
	a := over(t, w, "shop-a", "shop", apitest.Epoch, 3)
	b := over(t, w, "shop-b", "shop", apitest.Epoch.Add(time.Hour), 0)
	p, _ := w.get(t, "/compare?a="+a.ID+"&b="+b.ID, http.StatusOK)
	p.wants(t, "Outcome ✘ rolled back ✔ promoted ≠ differs", "Ended in few bake ≠ differs", "Took 41m 20m ≠ A took 21m longer", "Until it was caught 40m 59s – ≠ only A", "Until everybody – 1m ≠ only B",
		"Kind config code ≠ differs", "Stages few 1% (min 1m) → all everybody (min 1m) → bake everybody (for 1h) few 1% (min 1m) → all everybody (min 1m) → bake everybody (for 1h) same",
		"few 1% for 40m 59s", "not reached", "only B came here", "Requests that met it 60 of 10,204 (0.59%) 57 of 10,204 (0.56%) ≠ differs")
	alike, _ := w.get(t, "/compare?a="+a.ID+"&b="+a.ID, http.StatusOK)
	alike.wants(t, "✔ The two are alike")
	stage, _ := w.get(t, "/compare?a="+a.ID+":1&b="+b.ID+":few", http.StatusOK)
	stage.wants(t, "stage few", "Reached yes yes same", "Outcome ✘ rolled back ▶ stage entered ≠ differs", "Ended by Stagger Stagger same")
	later, _ := w.get(t, "/compare?a="+a.ID+":bake&b="+b.ID+":bake", http.StatusOK)
	later.wants(t, "Reached no yes ≠ differs")
}

func TestCompareHelpsToChoose(t *testing.T) {
	w := newWorld(t)
	a := over(t, w, "shop-a", "shop", apitest.Epoch, 0)
	over(t, w, "desk-b", "desk", apitest.Epoch, 0)
	c := over(t, w, "shop-c", "shop", apitest.Epoch.Add(time.Hour), 3)
	p, _ := w.get(t, "/compare", http.StatusOK)
	p.wants(t, "choose a rollout", "Choose two rollouts")
	p, _ = w.get(t, "/compare?a="+c.ID, http.StatusOK) // against the one before of its service
	if links := p.all(func(n *html.Node) bool { return attribute(n, "href") == "/rollouts/"+a.ID }); len(links) == 0 {
		t.Error("the rollout before is not what it is compared with")
	}
	for ref, says := range map[string]string{"none": "there is no rollout none", a.ID + ":dance": `no stage "dance"`} {
		p, _ := w.get(t, "/compare?a="+url.QueryEscape(ref)+"&b="+c.ID, http.StatusNotFound)
		p.wants(t, says)
	}
}

func TestOutcomesCountWhatEnded(t *testing.T) {
	w := newWorld(t)
	for i := range 10 {
		over(t, w, fmt.Sprintf("r%d", i), []string{"shop", "desk"}[i%2], apitest.Epoch.Add(-time.Duration(10-i)*7*24*time.Hour), i)
	}
	trial(t, w) // goes on
	p, _ := w.get(t, "/outcomes", http.StatusOK)
	p.wants(t, "Rollouts ended 10", "Promoted 6", "Rolled back 3 1 by hand", "False alarms say people 1", "November 2026 3", "September 2026 3", "June 2026 0",
		"Was it right to roll these back?", "shop v1 → v2 2026-11-09")
	if unreviewed := p.all(func(n *html.Node) bool { return attribute(n, "href") == "/rollouts/r3/history" }); len(unreviewed) != 0 {
		t.Error("one that was reviewed is asked about")
	}
	p, _ = w.get(t, "/outcomes?service=shop&months=1", http.StatusOK)
	p.wants(t, "Rollouts ended 1", "November 2026")
	p, _ = w.get(t, "/outcomes?service=nobody", http.StatusOK)
	p.wants(t, "Nothing has ended in this time for nobody")
	// A review counts at once, although how rollouts went is remembered.
	response, _ := w.post(t, "/rollouts/r8/review", url.Values{"judgement": {"false_alarm"}, "reason": {"a slow disk"}})
	if response.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d", response.StatusCode)
	}
	p, _ = w.get(t, "/outcomes", http.StatusOK)
	p.wants(t, "False alarms say people 2")
}
