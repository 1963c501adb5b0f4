package capture_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stagger-dev/stagger/internal/capture"
)

var key = []byte("drawn for this test")

// secret is a value and the name it is told under; without a name its looks
// give it away.
type secret struct{ name, value string }

var names = []string{
	"password", "userPassword", "api_key", "API-KEY", "X-Auth-Token", "sessionId", "jsessionid", "access_token", "email", "e-mail", "firstName",
	"credit.card", "cvv", "otp", "client_secret", "user[phone]", "billingAddress", "IBAN", "csrfToken", "dateOfBirth", "names", "user_ids",
}

func drawSecret(t *rapid.T) secret {
	word := rapid.StringMatching(`[A-Za-z0-9]{8}`)
	switch rapid.IntRange(0, 4).Draw(t, "sort") {
	case 0:
		return secret{rapid.SampledFrom(names).Draw(t, "name"), rapid.StringMatching(`[ -~äöü€]{8,20}`).Draw(t, "value") + "Zq"}
	case 1:
		return secret{"", word.Draw(t, "who") + rapid.SampledFrom([]string{"", ".x", "+tag"}).Draw(t, "tag") + "@" + word.Draw(t, "where") + rapid.SampledFrom([]string{".org", "", ".co.uk"}).Draw(t, "top")}
	case 2:
		return secret{"", rapid.SampledFrom([]string{"4111 1111 1111 1111", "4111-1111-1111-1111", "+49 (30) 1234567890", "123456789", "030/1234.56789", "٠١٢٣٤٥٦٧٨٩"}).Draw(t, "number")}
	case 3:
		return secret{"", rapid.SampledFrom([]string{
			"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVPmB92K27uhbUJU1p1r", "550e8400-e29b-41d4-a716-446655440000",
			"ghp_16C7e42F292c6912E7710c838347Ae178B4a", "9f86d081884c7d659a2feaa0c55ad015", "k3J9x-Qm_27bVz81LpT4",
		}).Draw(t, "token")}
	}
	return secret{rapid.SampledFrom(names).Draw(t, "name"), word.Draw(t, "value")}
}

// TestWhatATextSaysIsMasked looks into texts that name values within them.
func TestWhatATextSaysIsMasked(t *testing.T) {
	m := capture.NewMasker(capture.Rules{}, key)
	for _, text := range []string{
		`{"password":"hunter2"}`, `{\"password\":\"hunter2\"}`, `mutation { login(user: "a", password: "hunter2") { id } }`, "password=hunter2",
		"a=1;sessionId=hunter2", "my password: hunter2, thanks", "token = 'hunter2'", `<input name="x" password='hunter2'>`, "apiKey:hunter2)",
	} {
		body, err := json.Marshal(map[string]any{"note": text, "list": []string{text}})
		if err != nil {
			t.Fatal(err)
		}
		got := m.Request(capture.Raw{
			Method: "POST", Path: "/a/" + url.PathEscape(text), Query: "q=" + url.QueryEscape(text) + "&" + url.QueryEscape(text), Body: body, BodyLength: int64(len(body)),
			BodyComplete: true, Header: []capture.Header{{Name: "Content-Type", Value: "application/json"}, {Name: "Prefer", Value: text}},
		})
		for _, kept := range []string{got.Path, got.Query, got.Body, fmt.Sprint(got.Header)} {
			if strings.Contains(kept, "hunter2") {
				t.Errorf("%s: %s", text, kept)
			}
		}
	}
}

// planted is a request with secrets in many places.
func planted(t *rapid.T) (capture.Raw, []string) {
	var all []string
	draw := func() secret {
		s := drawSecret(t)
		all = append(all, s.value)
		return s
	}
	escapes := rapid.IntRange(1, 3).Draw(t, "escapes")
	deep := func(s string) string {
		for range escapes - 1 {
			s = url.QueryEscape(s)
		}
		return s
	}
	r := capture.Raw{Method: "POST", Host: "shop.example", Path: "/orders/12/new", At: time.Second}
	if s := draw(); s.name == "" {
		r.Path += "/" + url.PathEscape(deep(s.value))
	} else {
		r.Path += ";" + s.name + "=" + url.PathEscape(s.value)
	}
	query := url.Values{"page": {"2"}}
	for range rapid.IntRange(0, 4).Draw(t, "pairs") {
		s := draw()
		if s.name == "" {
			s.name = "q"
		}
		query.Add(s.name, deep(s.value))
	}
	r.Query = query.Encode()
	token := draw()
	r.Header = []capture.Header{{"Authorization", "Bearer " + token.value}, {"Cookie", "sid=" + token.value}, {"X-Session-Token", token.value}, {"Accept", "text/html"}}
	if s := draw(); s.name == "" {
		r.Header = append(r.Header, capture.Header{"Accept-Language", s.value}, capture.Header{"Referer", "http://a/b?x=" + url.QueryEscape(deep(s.value))})
	}
	body, kind := plantedBody(t, draw)
	r.Header = append(r.Header, capture.Header{"Content-Type", kind})
	r.Body, r.BodyLength, r.BodyComplete = body, int64(len(body)), true
	r.User = "visitor " + all[0]
	return r, all
}

func plantedBody(t *rapid.T, draw func() secret) (body []byte, kind string) {
	kind = rapid.SampledFrom([]string{"application/json", "application/problem+json; charset=utf-8", "application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"}).Draw(t, "kind")
	form, tree := url.Values{}, map[string]any{"n": 1, "ok": true, "none": nil}
	for i := range rapid.IntRange(1, 4).Draw(t, "fields") {
		s := draw()
		name := s.name
		if name == "" {
			name = fmt.Sprint("field", i)
		}
		form.Add(name, s.value)
		var value any = s.value
		for range rapid.IntRange(0, 3).Draw(t, "depth") {
			value = rapid.SampledFrom([]func(any) any{
				func(v any) any { return map[string]any{"inner": v} }, func(v any) any { return []any{1, v} },
			}).Draw(t, "wrap")(value)
		}
		if s.name == "" && rapid.Bool().Draw(t, "as key") {
			name, value = s.value, true
		}
		tree[name] = value
	}
	if strings.Contains(kind, "json") {
		body, _ = json.Marshal(tree)
		return body, kind
	}
	return []byte(form.Encode()), kind
}

// unescaped returns a text at every layer of escapes.
func unescaped(s string) []string {
	all := []string{s}
	for range 6 {
		next, err := url.QueryUnescape(s)
		if err != nil || next == s {
			break
		}
		all, s = append(all, next), next
	}
	return all
}

func TestNoSecretIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw, secrets := planted(t)
		m := capture.NewMasker(capture.Rules{Headers: []string{"Authorization", "Cookie", "X-Session-Token", "Referer"}}, key)
		kept := m.Request(raw)
		line, err := capture.Encode(capture.Line{Request: &kept})
		if err != nil {
			t.Fatal(err)
		}
		places := []string{string(line), kept.Path, kept.Query, kept.Body, kept.User, fmt.Sprint(kept.Header)}
		var body any
		if json.Unmarshal([]byte(kept.Body), &body) == nil {
			places = append(places, fmt.Sprint(body))
		}
		for _, place := range places {
			for _, text := range unescaped(place) {
				for _, s := range secrets {
					if strings.Contains(text, s) {
						t.Fatalf("%q was kept in %s", s, text)
					}
				}
			}
		}
		if again, err := capture.Decode(line); err != nil || !cmp.Equal(*again.Request, kept) {
			t.Fatalf("it is not read as it was written: %v %s", err, cmp.Diff(*again.Request, kept))
		}
	})
}

func TestWhatTellsNothingStaysAsItWas(t *testing.T) {
	m := capture.NewMasker(capture.Rules{Headers: []string{"X-Tenant"}}, key)
	raw := capture.Raw{
		At: 1500 * time.Millisecond, Method: "POST", Host: "shop.example:8080", Path: "/blog/my-2024-trip-to-paris-part-2/a%20b//c;v=1",
		Query:  "page=2&sort=-price&q=red+shoes&empty=&flag&a=1&a=2",
		Header: []capture.Header{{"Accept", "*/*"}, {"Content-Type", "application/json"}, {"X-Tenant", "acme"}, {"User-Agent", "x"}},
		Body:   []byte(`{"b": [1, 2.50, -3e2, true, null, "text with words"], "a": {"": "x"}, "a": 12345678, "h": "<a&b>"}`),
	}
	raw.BodyLength, raw.BodyComplete = int64(len(raw.Body)), true
	got := m.Request(raw)
	want := capture.Request{
		At: 1.5, Method: "POST", Host: raw.Host, Path: raw.Path, Query: raw.Query,
		Header: raw.Header[:3], Body: `{"b":[1,2.50,-3e2,true,null,"text with words"],"a":{"":"x"},"a":12345678,"h":"<a&b>"}`,
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Error(diff)
	}
}

func TestTheSameValueLooksTheSameInOneCaptureOnly(t *testing.T) {
	one, other := capture.NewMasker(capture.Rules{}, key), capture.NewMasker(capture.Rules{}, []byte("another key"))
	raw := func(user, mail string) capture.Raw {
		return capture.Raw{Method: "GET", Path: "/", Query: "q=" + url.QueryEscape(mail), User: user}
	}
	a, again, b := one.Request(raw("ada", "ada@a.org")), one.Request(raw("ada", "ada@a.org")), one.Request(raw("bob", "bob@a.org"))
	if a.User != again.User || a.Query != again.Query || a.User == b.User || a.Query == b.Query {
		t.Errorf("%+v, %+v, %+v", a, again, b)
	}
	if c := other.Request(raw("ada", "ada@a.org")); c.User == a.User || c.Query == a.Query {
		t.Errorf("two captures tell the same person: %+v", c)
	}
}

func TestARuleKeepsWhatItAllows(t *testing.T) {
	m := capture.NewMasker(capture.Rules{Headers: []string{"X-User", "Cookie", "X-Token"}, Allow: []string{"x-user", "Name", "cookie"}}, key)
	got := m.Request(capture.Raw{
		Method: "GET", Path: "/", Query: "name=shoes&email=x",
		Header: []capture.Header{{"X-User", "42"}, {"Cookie", "a=b"}, {"X-Token", "t"}},
	})
	if len(got.Header) != 1 || got.Header[0].Value != "42" || !strings.HasPrefix(got.Query, "name=shoes&email=masked-") {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff(m.Refused(), []string{"Cookie", "X-Token"}); diff != "" {
		t.Error(diff)
	}
}

func TestABodyThatCannotBeMaskedIsNotKept(t *testing.T) {
	m := capture.NewMasker(capture.Rules{Body: 100}, key)
	for name, r := range map[string]capture.Raw{
		"text":       {Body: []byte("my password is x"), BodyComplete: true, Header: []capture.Header{{"Content-Type", "text/plain"}}},
		"no type":    {Body: []byte(`{"a":1}`), BodyComplete: true},
		"not JSON":   {Body: []byte(`{"a":1`), BodyComplete: true, Header: []capture.Header{{"Content-Type", "application/json"}}},
		"two of it":  {Body: []byte(`{} {}`), BodyComplete: true, Header: []capture.Header{{"Content-Type", "application/json"}}},
		"half of it": {Body: []byte(`{}`), Header: []capture.Header{{"Content-Type", "application/json"}}},
		"compressed": {Body: []byte(`{}`), BodyComplete: true, Header: []capture.Header{{"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}}},
		"large":      {Body: []byte(`"` + strings.Repeat("x", 100) + `"`), BodyComplete: true, Header: []capture.Header{{"Content-Type", "application/json"}}},
		"deep": {
			Body: []byte(strings.Repeat("[", 99) + strings.Repeat("]", 99)), BodyComplete: true,
			Header: []capture.Header{{"Content-Type", "application/json"}},
		},
	} {
		r.Method, r.Path, r.BodyLength = "POST", "/", int64(len(r.Body))
		if got := m.Request(r); got.Body != "" || got.Omitted != r.BodyLength {
			t.Errorf("%s: kept %q, omitted %d of %d", name, got.Body, got.Omitted, r.BodyLength)
		}
	}
}

func TestALineIsRefusedUnlessItIsOne(t *testing.T) {
	for _, bad := range []string{
		``, `{}`, `[]`, `{"head":{"format":2}}`, `{"request":{"method":"GET","path":"x"}}`, `{"request":{"path":"/"}}`,
		`{"request":{"method":"GET","path":"/","at":-1}}`, `{"request":{"method":"GET","path":"/ HTTP/1.1\r\n"}}`,
		`{"request":{"method":"GET","path":"/","header":[{"name":"a","value":"b\r\nc: d"}]}}`, `{"request":{"method":"GET","path":"/","omitted":-1}}`,
	} {
		if l, err := capture.Decode([]byte(bad)); err == nil {
			t.Errorf("%s is %+v", bad, l)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"head":{"format":1,"service":"shop"}}`))
	f.Add([]byte(`{"request":{"at":1.5,"method":"GET","path":"/a","header":[{"name":"a","value":"b"}]}}`))
	f.Add([]byte(`{"end":{"why":"time","kept":1}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := capture.Decode(data)
		if err != nil {
			return
		}
		text, err := capture.Encode(l)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := capture.Decode(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	})
}
