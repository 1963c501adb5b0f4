package difference

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"testing"

	"github.com/stagger-dev/stagger"
)

var seed = maphash.MakeSeed()

func answerOf(kind, body string) *Answer {
	return &Answer{
		Status: 200, Header: map[string][]string{"Content-Type": {kind}}, Body: []byte(body),
		Length: int64(len(body)), Sum: maphash.String(seed, body),
	}
}

func inJSON(body string) *Answer { return answerOf("application/json; charset=utf-8", body) }

func listed(places []Place) string {
	var lines []string
	for _, p := range places {
		lines = append(lines, fmt.Sprintf("%s %s %s %s", p.Path, p.Kind, p.A, p.B))
	}
	return strings.Join(lines, "\n")
}

func TestAnswersAreComparedByStructure(t *testing.T) {
	for _, row := range []struct {
		name  string
		rules stagger.Shadow
		a, b  *Answer
		want  string
	}{
		{
			"the order of members and the space between them mean nothing",
			stagger.Shadow{},
			inJSON(`{"a":1,"b":[1,2]}`), inJSON(`{ "b": [1, 2], "a": 1 }`), "",
		},
		{
			"a member that changes",
			stagger.Shadow{},
			inJSON(`{"a":{"b":[{"c":1}]}}`), inJSON(`{"a":{"b":[{"c":2}]}}`), "$.a.b[].c changed 1 2",
		},
		{
			"a member that goes and one that comes",
			stagger.Shadow{},
			inJSON(`{"a":1}`), inJSON(`{"b":"x"}`), "$.a missing 1 \n$.b added  \"x\"",
		},
		{"another type", stagger.Shadow{}, inJSON(`{"a":1}`), inJSON(`{"a":"1"}`), `$.a type 1 "1"`},
		{"null is a value", stagger.Shadow{}, inJSON(`{"a":null}`), inJSON(`{}`), "$.a missing null "},
		{
			"what differs in each item is one place",
			stagger.Shadow{},
			inJSON(`[{"p":1},{"p":2},{"p":3}]`), inJSON(`[{"p":2},{"p":3},{"p":4}]`), "$[].p changed 1 2",
		},
		{"an array that grows", stagger.Shadow{}, inJSON(`[1]`), inJSON(`[1,2]`), "$[] added  2"},
		{
			"an array with a key has no order",
			stagger.Shadow{Keys: []stagger.ArrayKey{{Array: "$.items", Key: "id"}}},
			inJSON(`{"items":[{"id":1,"p":5},{"id":2,"p":6}]}`), inJSON(`{"items":[{"id":2,"p":6},{"id":1,"p":7}]}`), "$.items[].p changed 5 7",
		},
		{"numbers that are written differently are equal", stagger.Shadow{}, inJSON(`[1.0,1e2]`), inJSON(`[1,100]`), ""},
		{
			"large whole numbers are compared to their last digit",
			stagger.Shadow{},
			inJSON(`9007199254740992`), inJSON(`9007199254740993`), "$ changed 9007199254740992 9007199254740993",
		},
		{"numbers within the tolerance", stagger.Shadow{Numbers: 0.01}, inJSON(`[100,-5]`), inJSON(`[100.9,-5.04]`), ""},
		{"numbers beyond it", stagger.Shadow{Numbers: 0.01}, inJSON(`[100]`), inJSON(`[102]`), "$[] changed 100 102"},
		{
			"an ignored place with all that lies in it",
			stagger.Shadow{Ignore: []string{"$.meta"}},
			inJSON(`{"meta":{"at":1},"metal":1}`), inJSON(`{"meta":{"at":2},"metal":2}`), "$.metal changed 1 2",
		},
		{
			"members that are data are one place",
			stagger.Shadow{},
			inJSON(`{"by":{"17":1,"23":1,"a@b.c":1}}`), inJSON(`{"by":{"17":2,"23":2,"a@b.c":2}}`), "$.by.* changed 1 2",
		},
		{
			"confidential values are masked",
			stagger.Shadow{Redact: []string{"Inner-Code"}},
			inJSON(`{"access_token":"a","user":{"e-Mail":{"x":1}},"note":"ann@example.org","innerCode":7}`),
			inJSON(`{"access_token":"b","user":{"e-Mail":{"x":2}},"note":"bob@example.org","innerCode":8}`),
			"$.access_token changed (masked) (masked)\n$.innerCode changed (masked) (masked)\n$.note changed (masked) (masked)\n$.user.e-Mail.x changed (masked) (masked)",
		},
		{"what lies in an object is not shown", stagger.Shadow{}, inJSON(`{"a":{"s":"secret"}}`), inJSON(`{"a":[1]}`), "$.a type object of 1 array of 1"},
		{"no JSON any more", stagger.Shadow{}, inJSON(`{}`), inJSON(`{}x`), "$ type JSON no valid JSON"},
		{"other bodies as a whole", stagger.Shadow{}, answerOf("text/plain", "same"), answerOf("text/plain", "same"), ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := listed(NewRules(row.rules).Compare(row.a, row.b)); got != row.want {
				t.Errorf("got\n%s\nwant\n%s", got, row.want)
			}
		})
	}
}

func TestStatusAndFieldsAreCompared(t *testing.T) {
	a, b := answerOf("text/plain", "x"), answerOf("text/plain", "x")
	a.Header["Location"], b.Header["Location"] = []string{"/a?token=1"}, []string{"/b?token=2"}
	a.Header["Date"] = []string{"today"}
	b.Header["X-Cache"] = []string{"hit"}
	rules := NewRules(stagger.Shadow{Headers: []string{"Location", "X-Cache", "Etag"}})
	if got, want := listed(rules.Compare(a, b)), "header.location changed /a?… /b?…\nheader.x-cache added  hit"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	b.Status = 500
	if got, want := listed(rules.Compare(a, b)), "status changed 200 500"; got != want {
		t.Errorf("another status: got %q, want %q", got, want)
	}
	b.Status, b.Trouble = 0, "timeout"
	if got, want := listed(rules.Compare(a, b)), "status missing 200 no answer: timeout"; got != want {
		t.Errorf("no answer: got %q, want %q", got, want)
	}
	if got := rules.Compare(b, b); len(got) != 0 {
		t.Errorf("an answer differs from itself: %s", listed(got))
	}
}

func TestBodiesThatWereCutAreComparedWhole(t *testing.T) {
	a, b := inJSON(`{"a":1`), inJSON(`{"a":1`)
	a.Cut, b.Cut = true, true
	a.Length, b.Length = 100, 100
	rules := NewRules(stagger.Shadow{})
	if got := rules.Compare(a, b); len(got) != 0 {
		t.Errorf("equal bodies differ: %s", listed(got))
	}
	b.Sum++
	if got := rules.Compare(a, b); len(got) != 1 || got[0].Path != "body" {
		t.Errorf("bodies that differ beyond the cut: got %q", listed(got))
	}
}

func FuzzNothingThatIsShownIsLongOrDiffersFromItself(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":null}],"c":1e400}`), []byte(`{"a":[2],"d":{}}`))
	f.Add([]byte(strings.Repeat(`{"aaaaaaaaaaaaaaaaaaaa":`, 30)), []byte(`[[[[[[`))
	f.Add([]byte(`[`+strings.Repeat(`{"k":1},`, 90)+`0]`), []byte(`[0]`))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		rules := NewRules(stagger.Shadow{Numbers: 0.01, Keys: []stagger.ArrayKey{{Array: "$", Key: "k"}}})
		x, y := inJSON(string(a)), inJSON(string(b))
		if got := rules.Compare(x, &Answer{Status: 200, Header: x.Header, Body: bytes.Clone(a), Length: x.Length, Sum: x.Sum + 1}); len(got) > 0 && got[0].Path != "body" {
			t.Errorf("%q differs from itself: %s", a, listed(got))
		}
		places := rules.Compare(x, y)
		if len(places) > maxPlaces {
			t.Errorf("%d places", len(places))
		}
		for _, p := range places {
			if len(p.Path) > maxPath || len(p.A) > 2*maxShown || len(p.B) > 2*maxShown {
				t.Errorf("a long place: %+v", p)
			}
		}
		back := rules.Compare(y, x)
		if len(places) < maxPlaces && !slices.EqualFunc(sorted(places), sorted(back), func(p, q Place) bool { return p.Path == q.Path && p.Kind == mirrored(q.Kind) }) {
			t.Errorf("%q and %q differ in one direction\n%s\nand in the other\n%s", a, b, listed(places), listed(back))
		}
	})
}

func mirrored(k stagger.DifferenceKind) stagger.DifferenceKind {
	switch k {
	case stagger.DifferenceMissing:
		return stagger.DifferenceAdded
	case stagger.DifferenceAdded:
		return stagger.DifferenceMissing
	case stagger.DifferenceChanged, stagger.DifferenceType:
	}
	return k
}

func sorted(places []Place) []Place {
	places = slices.Clone(places)
	slices.SortFunc(places, func(p, q Place) int { return strings.Compare(p.Path+orderOf(p.Kind), q.Path+orderOf(q.Kind)) })
	return places
}

// orderOf puts what is mirrored in the same place.
func orderOf(k stagger.DifferenceKind) string {
	if k == stagger.DifferenceMissing || k == stagger.DifferenceAdded {
		return "m"
	}
	return string(k)
}
