package auth_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stagger-dev/stagger/internal/auth"
)

func TestOnlyOwnPathsAreGoneBackTo(t *testing.T) {
	for from, want := range map[string]string{
		"":                              "/",
		"/":                             "/",
		"/rollouts/r1":                  "/rollouts/r1",
		"/rollouts/r1?stage=2&part=x":   "/rollouts/r1?stage=2&part=x",
		"/plan/":                        "/plan/",
		"/a%20b":                        "/a%20b",
		"rollouts":                      "/",
		"//evil.example":                "/",
		"///evil.example":               "/",
		"/\\evil.example":               "/",
		"/%5cevil.example":              "/",
		"/%2f/evil.example":             "/",
		"/\t/evil.example":              "/",
		"/./\\evil.example":             "/",
		"/.//evil.example":              "/",
		"/a/..//evil.example":           "/",
		"https://evil.example":          "/",
		"javascript:alert(1)":           "/",
		"/login":                        "/",
		"/login/oidc":                   "/",
		"/logout":                       "/",
		"/api/v1/services":              "/",
		"/" + strings.Repeat("x", 3000): "/",
	} {
		if got := auth.ReturnPath(from); got != want {
			t.Errorf("%q leads to %q, want %q", from, got, want)
		}
	}
}

// FuzzReturnPath reads the result as a browser does (WHATWG URL: tabs and line
// ends are left out, \ is /, and // begins a host) and holds that it stays here.
func FuzzReturnPath(f *testing.F) {
	for _, seed := range []string{"/", "/a?b#c", "//x", "/\\x", "/\t/x", "/%2f%2fx", "/a/..//x", "/%5c", "/a;b//c", "/?//x", "/a%09/", "http:/x", "/..//x", "/" + strings.Repeat("é", 900)} {
		f.Add(seed)
	}
	here, err := url.Parse("https://stagger.example/login")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, from string) {
		to := auth.ReturnPath(from)
		browser := strings.ReplaceAll(strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(to), "\\", "/")
		if browser == "" || browser[0] != '/' || strings.HasPrefix(browser, "//") {
			t.Fatalf("%q leads to %q", from, to)
		}
		at, err := here.Parse(browser)
		if err != nil || at.Host != here.Host || at.Scheme != here.Scheme {
			t.Fatalf("%q leads to %q: %v %v", from, to, at, err)
		}
		if again := auth.ReturnPath(to); again != to {
			t.Fatalf("%q leads to %q, and that to %q", from, to, again)
		}
		if strings.ContainsAny(to, "\r\n") {
			t.Fatalf("%q could end a header", to)
		}
	})
}
