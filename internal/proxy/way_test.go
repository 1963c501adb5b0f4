package proxy_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/proxy"
	"github.com/stagger-dev/stagger/internal/whence"
)

// loopback trusts everybody who can reach a test.
var loopback = whence.Trust{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}

// way returns what tells of the way in a header.
func way(h http.Header) http.Header {
	found := http.Header{}
	for name, values := range h {
		if strings.HasPrefix(name, "X-Forwarded-") || name == "Forwarded" || name == "X-Real-Ip" {
			found[name] = values
		}
	}
	return found
}

func TestTheWayTheUpstreamIsTold(t *testing.T) {
	said := http.Header{
		"X-Forwarded-For":    {"192.0.2.1", "203.0.113.7"},
		"X-Forwarded-Proto":  {"https"},
		"X-Forwarded-Host":   {"www.example.org"},
		"X-Forwarded-Port":   {"443"},
		"X-Forwarded-Prefix": {"/shop"},
		"X-Real-Ip":          {"192.0.2.1"},
		"Forwarded":          {"for=192.0.2.1;proto=https", "for=203.0.113.8"},
	}
	hiding := said.Clone()
	hiding["Connection"] = []string{"X-Forwarded-For, Forwarded, X-Forwarded-Proto"}
	for _, row := range []struct {
		rule  string
		rules whence.Rules
		said  http.Header
		want  http.Header
	}{
		{"from anybody it is written anew", whence.Rules{}, said, http.Header{
			"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Host": {"shop.example.org"},
		}},
		{"and nothing is added where it is not wanted", whence.Rules{Form: whence.RFC7239}, said, http.Header{
			"Forwarded": {"for=127.0.0.1;host=shop.example.org;proto=http"},
		}},
		{"from the trusted it is believed", whence.Rules{Trusted: loopback}, said, http.Header{
			"X-Forwarded-For": {"192.0.2.1, 203.0.113.7, 127.0.0.1"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"www.example.org"},
			"X-Forwarded-Port": {"443"}, "X-Forwarded-Prefix": {"/shop"}, "X-Real-Ip": {"192.0.2.1"},
		}},
		{"or in the other form", whence.Rules{Trusted: loopback, Form: whence.RFC7239}, said, http.Header{
			"X-Forwarded-Port": {"443"}, "X-Forwarded-Prefix": {"/shop"}, "X-Real-Ip": {"192.0.2.1"},
			"Forwarded": {"for=192.0.2.1;proto=https, for=203.0.113.8, for=127.0.0.1;host=shop.example.org;proto=http"},
		}},
		{"or told in both", whence.Rules{Trusted: loopback, Form: whence.Both}, http.Header{"X-Forwarded-For": {"2001:db8::7"}}, http.Header{
			"X-Forwarded-For": {"2001:db8::7, 127.0.0.1"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Host": {"shop.example.org"},
			"Forwarded": {`for="[2001:db8::7]";host=shop.example.org;proto=http, for=127.0.0.1`},
		}},
		{"what was meant for us alone says nothing", whence.Rules{Trusted: loopback}, hiding, http.Header{
			"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Host": {"www.example.org"},
			"X-Forwarded-Port": {"443"}, "X-Forwarded-Prefix": {"/shop"}, "X-Real-Ip": {"192.0.2.1"},
		}},
	} {
		for proto, speak := range protocols {
			if proto == "h2" && row.said["Connection"] != nil {
				continue // HTTP/2 has no such field
			}
			t.Run(row.rule+" "+proto, func(t *testing.T) {
				got := make(chan http.Header, 1)
				l := proxy.Listener{Name: "web", Address: "127.0.0.1:0", Whence: row.rules}
				w := runOn(t, l, proxy.Limits{}, service(version("v1", upstream(t, func(_ http.ResponseWriter, r *http.Request) { got <- r.Header }))))
				get(t, speak(t), w.url, func(r *http.Request) {
					r.Host = "shop.example.org"
					r.Header = row.said.Clone()
				})
				if diff := cmp.Diff(row.want, way(<-got)); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// TestTheCohortFollowsTheClientNotTheBalancer: behind a balancer that is trusted
// every client has an address of its own; otherwise all are one.
func TestTheCohortFollowsTheClientNotTheBalancer(t *testing.T) {
	for _, row := range []struct {
		rule    string
		trusted whence.Trust
		several bool
	}{
		{"a trusted balancer's clients are many", loopback, true},
		{"a stranger is one, whatever it says", whence.Trust{}, false},
	} {
		for proto, speak := range protocols {
			t.Run(row.rule+" "+proto, func(t *testing.T) {
				l := proxy.Listener{Name: "web", Address: "127.0.0.1:0", Whence: whence.Rules{Trusted: row.trusted}}
				w := runOn(t, l, proxy.Limits{}, service(version("v1", named(t, "v1")), version("v2", named(t, "v2"))))
				err := w.Apply(t.Context(), stagger.Split{
					Service: "shop", Baseline: "v1", Candidate: "v2", Weight: stagger.Percent(50), RuleShare: stagger.WeightFull,
					Key: stagger.Key{ClientAddress: true}, Seed: "s",
				})
				if err != nil {
					t.Fatal(err)
				}
				c, met := speak(t), map[string]int{}
				for i := range 40 {
					from := netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}).String()
					for range 2 { // and each stays where it is
						_, _, body := get(t, c, w.url, func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.1, "+from) })
						met[body]++
					}
				}
				if several := len(met) == 2; several != row.several {
					t.Errorf("they met %v", met)
				}
				for version, n := range met {
					if n%2 != 0 {
						t.Errorf("%s was met %d times: somebody has changed sides", version, n)
					}
				}
			})
		}
	}
}
