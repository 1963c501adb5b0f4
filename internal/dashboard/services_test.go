package dashboard_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api/apitest"
	"github.com/stagger-dev/stagger/internal/config"
	"github.com/stagger-dev/stagger/internal/dashboard"
)

// town are some services, of which three have something under way: mail is held
// for a suspicion, desk is paused, and shop goes on.
func town(t testing.TB, s dashboard.Store, commit func(stagger.Rollout, []stagger.Event)) http.Handler {
	t.Helper()
	begin := func(service string, phase stagger.Phase, hold stagger.Hold, change stagger.Change) {
		start := apitest.Start()
		start.Service, start.Change = service, change
		r, e := apitest.Create(service+"-1", start)
		commit(r, []stagger.Event{e})
		r.Phase, r.Hold, r.Stage, r.Weight, r.Events = phase, hold, 0, stagger.WeightPercent, 2
		commit(r, []stagger.Event{{Rollout: r.ID, Seq: 2, At: apitest.Epoch, Kind: stagger.EventStageEntered, Phase: phase, Hold: hold, Stage: 0, Weight: r.Weight, Actor: "stagger"}})
	}
	begin("shop", stagger.PhaseProgressing, "", stagger.Change{Kind: "code", Commit: "4f2a91c", Owner: "Checkout", Ticket: "SHOP-42", Summary: "Faster totals"})
	begin("desk", stagger.PhasePaused, stagger.HoldPaused, stagger.Change{Kind: "config", Commit: "beef"})
	begin("mail", stagger.PhaseWaiting, stagger.HoldSuspect, stagger.Change{Kind: "flag"})
	services := func() (all []stagger.Service) {
		for _, name := range []string{"calm", "desk", "mail", "shop"} {
			one := apitest.Services()[0]
			one.Name = name
			all = append(all, one)
		}
		return all
	}
	return dashboard.New(dashboard.Config{Store: s, Services: services, Now: func() time.Time { return apitest.Epoch.Add(time.Minute) }})
}

// listed are the services on a page, in order, and the rollouts.
func listed(t *testing.T, source string) (services, rollouts []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(source))
	must(t, err)
	for n := range root.Descendants() {
		if name, ok := strings.CutPrefix(attribute(n, "id"), "service-"); ok && n.Data == "li" {
			services = append(services, name)
		}
		if id, ok := strings.CutPrefix(attribute(n, "id"), "rollout-"); ok {
			rollouts = append(rollouts, id)
		}
	}
	return services, rollouts
}

func TestServicesThatNeedSomebodyComeFirst(t *testing.T) {
	s := apitest.Open(t)
	h := town(t, s, func(r stagger.Rollout, e []stagger.Event) { must(t, s.Commit(t.Context(), r, e)) })
	services, rollouts := listed(t, answered(h, "/"))
	if got := strings.Join(services, " "); got != "mail desk shop calm" || len(rollouts) != 3 {
		t.Errorf("%s; %v", got, rollouts)
	}
}

func TestServicesAndRolloutsAreSearched(t *testing.T) {
	s := apitest.Open(t)
	w := world{Server: &apitest.Server{Store: s}}
	over(t, w, "calm-old", "calm", apitest.Epoch.Add(-time.Hour), 3) // config, 4f2a91f, team-calm, SHOP-103
	h := town(t, s, func(r stagger.Rollout, e []stagger.Event) { must(t, s.Commit(t.Context(), r, e)) })
	for query, want := range map[string]string{
		"":                        "mail desk shop calm: mail-1 desk-1 shop-1 calm-old",
		"q=SHOP":                  "shop: shop-1 calm-old", // the ticket of the last has it
		"q=shop-42":               "shop: shop-1",
		"q=4f2a91":                "shop: shop-1 calm-old",
		"q=team-calm":             ": calm-old",
		"q=checkout+faster":       "shop: shop-1",
		"q=checkout+config":       ":",
		"q=v2":                    "mail desk shop calm: mail-1 desk-1 shop-1 calm-old",
		"q=min_time":              ":", // a word of the record that is none of what people look for
		"phase=running":           "mail desk shop: mail-1 desk-1 shop-1",
		"phase=held":              "mail desk: mail-1 desk-1",
		"phase=attention":         "mail desk: mail-1 desk-1",
		"phase=ended":             "calm: calm-old",
		"kind=config":             "desk: desk-1 calm-old",
		"kind=config&phase=ended": ": calm-old",
		"q=shop&phase=held":       ":",
		"q=%3Cscript%3E":          ":",
		"phase=dance&kind=":       "mail desk shop calm: mail-1 desk-1 shop-1 calm-old",
	} {
		content := answered(h, "/?"+query)
		services, rollouts := listed(t, content)
		if got := strings.Join(services, " ") + ": " + strings.Join(rollouts, " "); strings.TrimSpace(got) != want {
			t.Errorf("%q finds %q, want %q", query, got, want)
		}
		if want == ":" && (!strings.Contains(content, "Nothing is like") || !strings.Contains(content, `<a href="/">Show everything</a>`)) {
			t.Errorf("%q: nothing is said of nothing being found", query)
		}
		if strings.Contains(content, "<script>") {
			t.Errorf("%q is not escaped", query)
		}
	}
}

func TestSearchKeepsWhatWasAsked(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	p, _ := w.get(t, "/?q=basket&phase=held&kind=code", http.StatusOK)
	p.wants(t, "1 of 1 service and 1 rollout are like “basket”, held, code.")
	if q := p.tags("input"); attribute(q[0], "value") != "basket" {
		t.Errorf("the field holds %q", attribute(q[0], "value"))
	}
	live := p.all(func(n *html.Node) bool { return attribute(n, "id") == "live" })
	if got := attribute(live[0], "hx-get"); got != "/?kind=code&part=live&phase=held&q=basket" {
		t.Errorf("what is followed is %s", got)
	}
}

func TestServiceShowsItsLadderAndVerdict(t *testing.T) {
	w := newWorld(t)
	over(t, w, "shop-old", "shop", apitest.Epoch.Add(-time.Hour), 3)
	trial(t, w)
	p, _ := w.get(t, "/", http.StatusOK)
	p.wants(t, "staff: passed", "◆ tenth: waiting tenth", "half: to come", "bake: to come", "◆ hold p99 looks 24% slower on v2; not yet proved",
		"Next: rolls back when the suspicion is proved", "before ✘ v2 rolled back")
}

func TestServerWithoutAServiceTeachesTheFirst(t *testing.T) {
	h := dashboard.New(dashboard.Config{Store: apitest.Open(t), Services: func() []stagger.Service { return nil }})
	root, err := html.Parse(strings.NewReader(answered(h, "/")))
	must(t, err)
	p := page{root, ""}
	p.wants(t, "Your first service", "stagger serve -c stagger.yaml")
	file := p.tags("pre")[0].FirstChild.FirstChild.Data
	if c, err := config.ParseServer("stagger.yaml", []byte(file)); err != nil || len(c.Services) != 1 {
		t.Errorf("the file that is taught: %+v, %v", c.Services, err)
	}
}

// BenchmarkServices is what a browser costs that follows twenty services which
// all roll out.
func BenchmarkServices(b *testing.B) {
	s := apitest.Open(b)
	var services []stagger.Service
	for i := range 20 {
		one := apitest.Services()[0]
		one.Name = fmt.Sprintf("service-%d", i)
		services = append(services, one)
		start := apitest.Start()
		start.Service = one.Name
		r, e := apitest.Create(one.Name+"-1", start)
		if err := s.Commit(b.Context(), r, []stagger.Event{e}); err != nil {
			b.Fatal(err)
		}
		if err := s.SaveProgress(b.Context(), progress(r)); err != nil {
			b.Fatal(err)
		}
	}
	h := dashboard.New(dashboard.Config{Store: s, Services: func() []stagger.Service { return services }})
	for b.Loop() {
		if len(answered(h, "/?part=live")) == 0 {
			b.Fatal("no page")
		}
	}
}
