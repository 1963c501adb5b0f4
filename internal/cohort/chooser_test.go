package cohort_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/cohort"
)

// visitor is a request's attributes in tests.
type visitor struct {
	header, cookie, claim map[string]string
	address               string
}

func (v visitor) Header(name string) string { return v.header[name] }
func (v visitor) Cookie(name string) string { return v.cookie[name] }
func (v visitor) Claim(name string) string  { return v.claim[name] }
func (v visitor) Address() string           { return v.address }

// split is a split that exposes only whom its rules name.
func split(rules ...stagger.Rule) stagger.Split {
	return stagger.Split{
		Service: "shop", Baseline: "v1", Candidate: "v2", Seed: "s",
		Key: stagger.Key{Header: "X-User"}, Rules: rules, RuleShare: stagger.WeightFull,
	}
}

// meets says whether the subject of a meets the candidate.
func meets(c *cohort.Chooser, a cohort.Attributes) bool {
	_, candidate, _ := c.Choose(a)
	return candidate
}

func compile(t *testing.T, s stagger.Split) *cohort.Chooser {
	t.Helper()
	c, err := cohort.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRulesPick(t *testing.T) {
	v := visitor{
		header:  map[string]string{"X-Beta": "yes", "X-User": "u1"},
		cookie:  map[string]string{"team": "blue"},
		claim:   map[string]string{"org": "acme"},
		address: "10.0.0.1",
	}
	for _, row := range []struct {
		rule string
		r    stagger.Rule
		want bool
	}{
		{"header equals", stagger.Rule{Header: "X-Beta", Equals: "yes"}, true},
		{"header names fold case", stagger.Rule{Header: "x-beta", Equals: "yes"}, true},
		{"values keep case", stagger.Rule{Header: "X-Beta", Equals: "YES"}, false},
		{"cookie in", stagger.Rule{Cookie: "team", In: []string{"red", "blue"}}, true},
		{"cookie not in", stagger.Rule{Cookie: "team", In: []string{"red"}}, false},
		{"claim matches", stagger.Rule{Claim: "org", Matches: "ac.*"}, true},
		{"matches means the whole value", stagger.Rule{Claim: "org", Matches: "cm"}, false},
		{"an alternative is anchored as a whole", stagger.Rule{Claim: "org", Matches: "ac|me"}, false},
		{"an absent header matches nothing", stagger.Rule{Header: "X-No", Matches: ".*"}, false},
		{"an absent cookie matches nothing", stagger.Rule{Cookie: "no", Matches: ".*"}, false},
	} {
		t.Run(row.rule, func(t *testing.T) {
			if got := meets(compile(t, split(row.r)), v); got != row.want {
				t.Errorf("got %v, want %v", got, row.want)
			}
		})
	}
}

func TestCompileRefuses(t *testing.T) {
	good := stagger.Rule{Header: "X-Beta", Equals: "yes"}
	for _, row := range []struct {
		rule  string
		spoil func(*stagger.Split)
		says  string
	}{
		{"a rule without an attribute", func(s *stagger.Split) { s.Rules[0] = stagger.Rule{Equals: "yes"} }, "rule 1: name exactly one"},
		{"a rule with two attributes", func(s *stagger.Split) { s.Rules[0].Cookie = "c" }, "rule 1: name exactly one"},
		{"a rule without a test", func(s *stagger.Split) { s.Rules[0].Equals = "" }, "rule 1: use exactly one"},
		{"a rule with two tests", func(s *stagger.Split) { s.Rules[0].Matches = "x" }, "rule 1: use exactly one"},
		{"a broken expression", func(s *stagger.Split) { s.Rules[0] = stagger.Rule{Header: "H", Matches: "a)(b"} }, "rule 1: matches"},
		{"a seed with a zero byte", func(s *stagger.Split) { s.Seed = "a\x00b" }, "zero byte"},
		{"more than everybody", func(s *stagger.Split) { s.Weight = stagger.WeightFull + 1 }, "100%"},
		{"two keys", func(s *stagger.Split) { s.Key.Cookie = "c" }, "choose one"},
	} {
		t.Run(row.rule, func(t *testing.T) {
			s := split(good)
			row.spoil(&s)
			_, err := cohort.Compile(s)
			if err == nil || !strings.Contains(err.Error(), row.says) {
				t.Fatalf("got %v, want an error that says %q", err, row.says)
			}
			if code := stagger.CodeOf(err); code != stagger.CodeInvalid {
				t.Errorf("code %q", code)
			}
		})
	}
}

func TestTheChooserAgreesWithMember(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := stagger.Weight(weights.Draw(t, "w"))
		seed, user := seeds.Draw(t, "seed"), rapid.StringMatching(`[a-z0-9]{1,20}`).Draw(t, "user")
		c, err := cohort.Compile(stagger.Split{Candidate: "v2", Seed: seed, Weight: w, Key: stagger.Key{Header: "x-user"}})
		if err != nil {
			t.Fatal(err)
		}
		v := visitor{header: map[string]string{"X-User": user}}
		for range 3 { // sticky: the answer does not change
			if got, want := meets(c, v), cohort.Member(seed, user, w); got != want {
				t.Fatalf("got %v, Member says %v", got, want)
			}
		}
	})
}

func TestWithoutItsKeyASubjectIsItsAddress(t *testing.T) {
	for _, key := range []stagger.Key{{Header: "X-User"}, {Cookie: "sid"}, {ClientAddress: true}, {}} {
		c := compile(t, stagger.Split{Candidate: "v2", Seed: "s", Weight: stagger.Percent(50), Key: key})
		for i := range 100 {
			address := fmt.Sprintf("10.0.0.%d", i)
			if got, want := meets(c, visitor{address: address}), cohort.Member("s", address, stagger.Percent(50)); got != want {
				t.Errorf("key %+v, %s: got %v, want %v", key, address, got, want)
			}
		}
	}
}

func TestSheddingCutsTheSubjectsOfRulesToo(t *testing.T) {
	s := split(stagger.Rule{Header: "X-Beta", Equals: "yes"})
	full := compile(t, s)
	s.RuleShare = stagger.Percent(10)
	shed := compile(t, s)
	s.RuleShare = 0
	none := compile(t, s)

	kept := 0
	for i := range 1000 {
		v := visitor{header: map[string]string{"X-Beta": "yes", "X-User": fmt.Sprint(i)}}
		if !meets(full, v) {
			t.Fatal("a full share must keep every subject of a rule")
		}
		if meets(shed, v) {
			kept++
		}
		if meets(none, v) {
			t.Fatal("a share of zero must keep nobody")
		}
	}
	if kept < 60 || kept > 140 {
		t.Errorf("%d of 1000 stayed at 10%%", kept)
	}
}

// TestWhereNoRuleHasASayTheWeightDecides holds that such subjects meet the
// candidate exactly as the weight says, and that the others are told apart.
func TestWhereNoRuleHasASayTheWeightDecides(t *testing.T) {
	for _, row := range []struct {
		rule              string
		weight, ruleShare stagger.Weight
		ruled             bool
	}{
		{"a rule that gives more", stagger.Percent(20), stagger.WeightFull, true},
		{"a rule that gives as much", stagger.Percent(20), stagger.Percent(20), false},
		{"a rule that gives less", stagger.Percent(20), stagger.Percent(5), false},
	} {
		t.Run(row.rule, func(t *testing.T) {
			s := split(stagger.Rule{Header: "X-Beta", Equals: "yes"})
			s.Weight, s.RuleShare = row.weight, row.ruleShare
			c := compile(t, s)
			for i := range 300 {
				user := fmt.Sprint(i)
				v := visitor{header: map[string]string{"X-User": user}}
				picked := i%3 == 0
				if picked {
					v.header["X-Beta"] = "yes"
				}
				_, candidate, ruled := c.Choose(v)
				if ruled != (picked && row.ruled) {
					t.Fatalf("%s, picked %v: ruled %v", user, picked, ruled)
				}
				if !ruled && candidate != cohort.Member("s", user, row.weight) {
					t.Errorf("%s meets the candidate: %v, not as the weight says", user, candidate)
				}
			}
		})
	}
}

func TestWithoutACandidateNobodyMeetsIt(t *testing.T) {
	c := compile(t, stagger.Split{Baseline: "v1", Weight: stagger.WeightFull})
	if meets(c, visitor{address: "10.0.0.1"}) {
		t.Error("a candidate was chosen where there is none")
	}
}

func TestChoosingDoesNotAllocate(t *testing.T) {
	s := split(stagger.Rule{Header: "X-Beta", Equals: "yes"})
	s.Weight = stagger.Percent(5)
	c := compile(t, s)
	var a cohort.Attributes = visitor{header: map[string]string{"X-User": "u1"}, address: "10.0.0.1"}
	if n := testing.AllocsPerRun(100, func() { c.Choose(a) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkChoose(b *testing.B) {
	c, err := cohort.Compile(stagger.Split{Candidate: "v2", Seed: "s", Weight: 50_000, Key: stagger.Key{Header: "X-User"}})
	if err != nil {
		b.Fatal(err)
	}
	var a cohort.Attributes = visitor{header: map[string]string{"X-User": "user-4711"}}
	b.ReportAllocs()
	for b.Loop() {
		c.Choose(a)
	}
}
