package proxy_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/cohort"
	"github.com/stagger-dev/stagger/internal/proxy"
)

// half is a split that shows the candidate to half of the users.
func half() stagger.Split {
	return stagger.Split{
		Service: "shop", Baseline: "v1", Candidate: "v2", Weight: stagger.Percent(50),
		Key: stagger.Key{Header: "X-User"}, Seed: "seed",
	}
}

func user(name string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("X-User", name) }
}

func TestASubjectKeepsItsVersion(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", named(t, "v1")), version("v2", named(t, "v2"))))
	clients := []*http.Client{client(t), client(t, h2c)}
	for _, weight := range []stagger.Weight{stagger.Percent(10), stagger.Percent(50), stagger.Percent(90)} {
		s := half()
		s.Weight = weight
		if err := w.Apply(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			name := fmt.Sprint("user-", i)
			want := "v1"
			if cohort.Member("seed", name, weight) {
				want = "v2"
			}
			for _, c := range clients {
				_, header, body := get(t, c, w.url, user(name))
				if body != want || header.Get("X-Version") != want {
					t.Fatalf("%s at %v met %q, marked %q, want %s", name, weight, body, header.Get("X-Version"), want)
				}
			}
		}
	}
}

func TestRulesSeeTheRequest(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", named(t, "v1")), version("v2", named(t, "v2"))))
	token := func(payload string) string {
		return "Bearer e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".sig"
	}
	for _, row := range []struct {
		rule string
		r    stagger.Rule
		set  func(*http.Request)
		want string
	}{
		{"a header", stagger.Rule{Header: "x-beta", Equals: "1"}, func(r *http.Request) { r.Header.Set("X-Beta", "1") }, "v2"},
		{"the host", stagger.Rule{Header: "host", Equals: "beta.example.org"}, func(r *http.Request) { r.Host = "beta.example.org" }, "v2"},
		{"a cookie among others", stagger.Rule{Cookie: "team", Equals: "blue"}, func(r *http.Request) { r.Header.Set("Cookie", "a=b; team=blue; c=d") }, "v2"},
		{"a quoted cookie", stagger.Rule{Cookie: "team", Equals: "blue"}, func(r *http.Request) { r.Header.Set("Cookie", `team="blue"`) }, "v2"},
		{"no cookie", stagger.Rule{Cookie: "team", Equals: "blue"}, func(r *http.Request) { r.Header.Set("Cookie", "teams=blue") }, "v1"},
		{"a claim", stagger.Rule{Claim: "org", In: []string{"acme"}}, func(r *http.Request) { r.Header.Set("Authorization", token(`{"org":"acme"}`)) }, "v2"},
		{"a number", stagger.Rule{Claim: "tenant", Matches: "4[0-9]"}, func(r *http.Request) { r.Header.Set("Authorization", token(`{"tenant":42}`)) }, "v2"},
		{"a claim that is a list", stagger.Rule{Claim: "org", Matches: ".*"}, func(r *http.Request) { r.Header.Set("Authorization", token(`{"org":["acme"]}`)) }, "v1"},
		{"a payload of null", stagger.Rule{Claim: "org", Matches: ".*"}, func(r *http.Request) { r.Header.Set("Authorization", token(`null`)) }, "v1"},
		{"a token that is none", stagger.Rule{Claim: "org", Matches: ".*"}, func(r *http.Request) { r.Header.Set("Authorization", "Bearer a.b!.c") }, "v1"},
		{"a token that is huge", stagger.Rule{Claim: "org", Matches: ".*"}, func(r *http.Request) {
			r.Header.Set("Authorization", token(fmt.Sprintf(`{"org":"acme","pad":"%010000d"}`, 0)))
		}, "v1"},
		{"another scheme", stagger.Rule{Claim: "org", Matches: ".*"}, func(r *http.Request) { r.Header.Set("Authorization", "Basic YTpi") }, "v1"},
	} {
		t.Run(row.rule, func(t *testing.T) {
			s := half()
			s.Weight, s.Rules, s.RuleShare = 0, []stagger.Rule{row.r}, stagger.WeightFull
			if err := w.Apply(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			if _, _, body := get(t, client(t), w.url, row.set); body != row.want {
				t.Errorf("met %s, want %s", body, row.want)
			}
		})
	}
}

// TestAFlipIsImmediate sends requests at full speed while the candidate is
// switched on and off. No request that starts after Apply took the weight away
// may reach it.
func TestAFlipIsImmediate(t *testing.T) {
	const flips = 1000
	w := run(t, proxy.Limits{}, service(version("v1", named(t, "v1")), version("v2", named(t, "v2"))))
	// The state is odd while the candidate is switched off for sure.
	var state atomic.Int64
	var off, on atomic.Int64
	stop := make(chan struct{})
	var load sync.WaitGroup
	for i := range 8 {
		set := []func(*http.Protocols){h2c}
		if i%2 == 0 {
			set = nil
		}
		c := client(t, set...)
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				before := state.Load()
				_, _, body := get(t, c, w.url)
				if body == "v2" {
					on.Add(1)
					// Off before the request and not changed since.
					if before%2 == 1 && state.Load() == before {
						t.Error("a request met the candidate after its weight was taken away")
						return
					}
					continue
				}
				if body != "v1" {
					t.Errorf("a request was lost: %q", body)
					return
				}
				off.Add(1)
			}
		})
	}
	full, none := half(), half()
	full.Weight, none.Weight = stagger.WeightFull, stagger.WeightNone
	for range flips {
		if err := w.Apply(t.Context(), full); err != nil {
			t.Error(err)
		}
		n := on.Load()
		eventually(t, "the candidate", func() bool { return on.Load() > n })
		if err := w.Apply(t.Context(), none); err != nil {
			t.Error(err)
		}
		state.Add(1)
		n = off.Load()
		eventually(t, "the baseline", func() bool { return off.Load() > n })
		state.Add(1)
	}
	close(stop)
	load.Wait()
	t.Logf("%d requests met the candidate, %d the baseline", on.Load(), off.Load())
}

func TestApplyRefusesWhatItDoesNotKnow(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", named(t, "v1")), version("v2", named(t, "v2"))))
	for _, row := range []struct {
		rule  string
		spoil func(*stagger.Split)
		code  stagger.Code
	}{
		{"an unknown service", func(s *stagger.Split) { s.Service = "x" }, stagger.CodeNotFound},
		{"an unknown baseline", func(s *stagger.Split) { s.Baseline = "x" }, stagger.CodeNotFound},
		{"an unknown candidate", func(s *stagger.Split) { s.Candidate = "x" }, stagger.CodeNotFound},
		{"a rule that is none", func(s *stagger.Split) { s.Rules = []stagger.Rule{{}} }, stagger.CodeInvalid},
		{"more than everybody", func(s *stagger.Split) { s.Weight = stagger.WeightFull + 1 }, stagger.CodeInvalid},
	} {
		t.Run(row.rule, func(t *testing.T) {
			s := half()
			row.spoil(&s)
			if err := w.Apply(t.Context(), s); stagger.CodeOf(err) != row.code {
				t.Errorf("got %v, want code %s", err, row.code)
			}
			now, err := w.Current(t.Context(), "shop")
			if err != nil || now.Candidate != "" || now.Baseline != "v1" {
				t.Errorf("the split is %+v, %v", now, err)
			}
		})
	}
	if _, err := w.Current(t.Context(), "x"); stagger.CodeOf(err) != stagger.CodeNotFound {
		t.Errorf("an unknown service has a split: %v", err)
	}
}
