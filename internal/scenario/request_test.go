package scenario_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stagger-dev/stagger/internal/scenario"
)

func TestATemplateFillsItsPlacesOnly(t *testing.T) {
	v := scenario.Values{User: 7, Number: 11, Random: 13}
	for text, want := range map[string]string{
		"":                         "",
		"/plain":                   "/plain",
		"{user}":                   "7",
		"/u/{user}/{n}?x={random}": "/u/7/11?x=13",
		`{"user":{user},"n":{n}}`:  `{"user":7,"n":11}`,
		"{users}{user":             "{users}{user",
	} {
		if got := scenario.NewTemplate(text).Fill(v); got != want {
			t.Errorf("%q is filled as %q, want %q", text, got, want)
		}
	}
}

func TestStatusesAreReadAsTheyAreWritten(t *testing.T) {
	for text, want := range map[string]scenario.Statuses{"200": {200, 200}, "2xx": {200, 299}, "404": {404, 404}, "5XX": {500, 599}} {
		got, err := scenario.ParseStatuses(text)
		if err != nil || got != want || !strings.EqualFold(got.String(), text) {
			t.Errorf("%s is %v (%v), %v", text, got, got, err)
		}
	}
	for _, text := range []string{"", "2", "20", "2000", "600", "0xx", "2x0", "ok"} {
		if got, err := scenario.ParseStatuses(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestAnAnswerIsExpectedByStatus(t *testing.T) {
	var lenient scenario.Expect
	some := scenario.Expect{Status: []scenario.Statuses{{200, 299}, {404, 404}}}
	for status, want := range map[int][2]bool{200: {true, true}, 404: {true, true}, 403: {true, false}, 500: {false, false}, 302: {true, false}} {
		if got := [2]bool{lenient.Takes(status), some.Takes(status)}; got != want {
			t.Errorf("%d: got %v, want %v", status, got, want)
		}
	}
}

func TestEdgeCasesMakeUpTheirShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		share := rapid.Float64Range(0.001, 1).Draw(t, "share")
		requests := []scenario.Request{
			{Name: "a", Weight: rapid.Float64Range(0.1, 10).Draw(t, "a"), Path: scenario.NewTemplate("/a?x=1")},
			{Name: "b", Weight: 3, Path: scenario.NewTemplate("/b")},
		}
		mixed, err := scenario.Mixed(requests, share, nil)
		if err != nil {
			t.Fatal(err)
		}
		edges, all := 0.0, 0.0
		for _, r := range mixed {
			all += r.Weight
			if strings.HasPrefix(r.Name, "edge:") {
				edges += r.Weight
			}
			if !strings.HasPrefix(r.Path.String(), "/") || r.Method == "" && strings.HasPrefix(r.Name, "edge:") {
				t.Fatalf("%+v is no request", r)
			}
		}
		if math.Abs(edges/all-share) > 1e-9 {
			t.Fatalf("edge cases are %g of all, want %g", edges/all, share)
		}
	})
	if _, err := scenario.Mixed([]scenario.Request{{Weight: 1}}, 0.1, []string{"head", "none"}); err == nil || !strings.Contains(err.Error(), `no edge case "none"`) {
		t.Error(err)
	}
}

func TestAMixDrawsByWeight(t *testing.T) {
	m, err := scenario.NewMix([]scenario.Request{{Weight: 1}, {Weight: 0}, {Weight: 3}})
	if err != nil {
		t.Fatal(err)
	}
	var got [3]int
	for i := range 400 {
		got[m.Draw(float64(i)/400)]++
	}
	if got != [3]int{100, 0, 300} {
		t.Errorf("drawn %v times", got)
	}
	for _, bad := range [][]scenario.Request{nil, {{Weight: 0}}, {{Weight: -1}, {Weight: 2}}, {{Weight: math.NaN()}}} {
		if _, err := scenario.NewMix(bad); err == nil {
			t.Errorf("%v is a mix", bad)
		}
	}
}

func TestARunIsGivenUpOnlyWhenItFailsLately(t *testing.T) {
	w := scenario.NewWatch(scenario.Stop{Errors: 0.5, Over: 10 * time.Second})
	for i := range 60 { // a minute without an error
		if why := w.See(time.Duration(i+1)*time.Second, uint64(100*(i+1)), 0); why != "" {
			t.Fatalf("given up at %d s: %s", i+1, why)
		}
	}
	for i := range 30 { // and then nothing else
		why := w.See(time.Duration(61+i)*time.Second, uint64(6000+100*(i+1)), uint64(100*(i+1)))
		if why == "" {
			continue
		}
		if i < 4 || i > 6 || !strings.Contains(why, "failed, in 10s") {
			t.Errorf("given up %d s after the failure began: %s", i+1, why)
		}
		return
	}
	t.Error("never given up")
}

func TestAScenarioOutOfBoundsIsRefused(t *testing.T) {
	good := func() scenario.Scenario {
		return scenario.Scenario{
			Targets: []string{"http://127.0.0.1:8080"}, Shape: scenario.Shape{{Length: time.Second, From: 1, To: 1}},
			InFlight: 1, Timeout: time.Second, Requests: []scenario.Request{{Name: "a", Weight: 1, Path: scenario.NewTemplate("/")}},
		}
	}
	if err := good().Check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*scenario.Scenario){
		"no target":             func(s *scenario.Scenario) { s.Targets = nil },
		"a path":                func(s *scenario.Scenario) { s.Targets = []string{"http://a/b"} },
		"another scheme":        func(s *scenario.Scenario) { s.Targets = []string{"ftp://a"} },
		"no host":               func(s *scenario.Scenario) { s.Targets = []string{"localhost:80"} },
		"no end":                func(s *scenario.Scenario) { s.Shape = scenario.Shape{{From: 1, To: 1}} },
		"nothing flies":         func(s *scenario.Scenario) { s.InFlight = 0 },
		"no timeout":            func(s *scenario.Scenario) { s.Timeout = 0 },
		"no requests":           func(s *scenario.Scenario) { s.Requests = nil },
		"a relative path":       func(s *scenario.Scenario) { s.Requests[0].Path = scenario.NewTemplate("a") },
		"a path with a space":   func(s *scenario.Scenario) { s.Requests[0].Path = scenario.NewTemplate("/a b") },
		"two words of a method": func(s *scenario.Scenario) { s.Requests[0].Method = "GET /" },
		"a huge body": func(s *scenario.Scenario) {
			s.Requests[0].Body = scenario.NewTemplate(strings.Repeat("x", scenario.MaxBody+1))
		},
	} {
		s := good()
		change(&s)
		if s.Check() == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
