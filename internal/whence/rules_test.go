package whence_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stagger-dev/stagger/internal/whence"
)

var balancers = whence.Trust{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}

func hop(r whence.Rules, peer string) whence.Hop {
	h := whence.Hop{Address: peer, Proto: "http", Host: "shop.example.org"}
	if peer != "" {
		h.Peer = netip.MustParseAddr(peer)
	}
	h.Trusted = r.Trusted.Holds(h.Peer)
	return h
}

func TestOnlyTheTrustedAreBelieved(t *testing.T) {
	for _, row := range []struct {
		rule, peer string
		form       whence.Form
		told       whence.Told
		client     string
		proto      string
		passed     whence.Fields
	}{
		{
			rule: "anybody is who they are, whatever they say", peer: "203.0.113.7",
			told:   whence.Told{For: "192.0.2.1", Proto: "https", Host: "bank.example", Forwarded: "for=192.0.2.1"},
			client: "203.0.113.7", proto: "http",
			passed: whence.Fields{For: "203.0.113.7", Proto: "http", Host: "shop.example.org"},
		},
		{
			rule: "a balancer is believed and named", peer: "10.0.0.1",
			told:   whence.Told{For: "203.0.113.7", Proto: "https", Host: "www.example.org"},
			client: "203.0.113.7", proto: "https",
			passed: whence.Fields{For: "203.0.113.7, 10.0.0.1", Proto: "https", Host: "www.example.org"},
		},
		{
			rule: "what a client made up stands to the left of it", peer: "10.0.0.1",
			told: whence.Told{For: "192.0.2.1, 10.9.9.9, 203.0.113.7"}, client: "203.0.113.7", proto: "http",
			passed: whence.Fields{For: "192.0.2.1, 10.9.9.9, 203.0.113.7, 10.0.0.1", Proto: "http", Host: "shop.example.org"},
		},
		{
			rule: "two balancers in a row", peer: "10.0.0.1",
			told: whence.Told{For: "192.0.2.1, 203.0.113.7:5555, [fd00::2]:443 "}, client: "203.0.113.7", proto: "http",
			passed: whence.Fields{For: "192.0.2.1, 203.0.113.7:5555, [fd00::2]:443 , 10.0.0.1", Proto: "http", Host: "shop.example.org"},
		},
		{
			rule: "where the way is lost, the one who lost it counts", peer: "10.0.0.1",
			told: whence.Told{For: "203.0.113.7, unknown, 10.0.0.2"}, client: "10.0.0.2", proto: "http",
			passed: whence.Fields{For: "203.0.113.7, unknown, 10.0.0.2, 10.0.0.1", Proto: "http", Host: "shop.example.org"},
		},
		{
			rule: "a request of the inside", peer: "10.0.0.1", told: whence.Told{For: "10.0.0.3, 10.0.0.2"}, client: "10.0.0.3", proto: "http",
			passed: whence.Fields{For: "10.0.0.3, 10.0.0.2, 10.0.0.1", Proto: "http", Host: "shop.example.org"},
		},
		{
			rule: "what is no protocol and no host is replaced", peer: "10.0.0.1",
			told: whence.Told{Proto: "gopher", Host: "a b/c"}, client: "10.0.0.1", proto: "http",
			passed: whence.Fields{For: "10.0.0.1", Proto: "http", Host: "shop.example.org"},
		},
		{
			rule: "Forwarded alone", peer: "10.0.0.1", form: whence.RFC7239,
			told:   whence.Told{For: "192.0.2.1", Proto: "https", Forwarded: `For="[2001:db8::7]:4711";proto=HTTPS;host="shop.example.org:8443", for=10.0.0.2`},
			client: "2001:db8::7", proto: "https",
			passed: whence.Fields{Forwarded: `For="[2001:db8::7]:4711";proto=HTTPS;host="shop.example.org:8443", for=10.0.0.2, for=10.0.0.1;host=shop.example.org;proto=http`},
		},
		{
			rule: "the protocol is what a balancer said, not the client", peer: "10.0.0.1", form: whence.RFC7239,
			told: whence.Told{Forwarded: `for=192.0.2.1;proto=https, for=203.0.113.7;proto=http`}, client: "203.0.113.7", proto: "http",
			passed: whence.Fields{Forwarded: `for=192.0.2.1;proto=https, for=203.0.113.7;proto=http, for=10.0.0.1;host=shop.example.org;proto=http`},
		},
		{
			rule: "Forwarded that cannot be read says nothing", peer: "10.0.0.1", form: whence.RFC7239,
			told: whence.Told{Forwarded: `for=203.0.113.7, for="open`}, client: "10.0.0.1", proto: "http",
			passed: whence.Fields{Forwarded: `for=10.0.0.1;host=shop.example.org;proto=http`},
		},
		{
			rule: "both are told of what one says", peer: "10.0.0.1", form: whence.Both,
			told:   whence.Told{For: "2001:db8::7, junk", Proto: "https", Forwarded: "for=192.0.2.1"},
			client: "10.0.0.1", proto: "https",
			passed: whence.Fields{
				For: "2001:db8::7, junk, 10.0.0.1", Proto: "https", Host: "shop.example.org",
				Forwarded: `for="[2001:db8::7]";host=shop.example.org;proto=https, for=unknown, for=10.0.0.1`,
			},
		},
		{
			rule: "a unix socket that nobody trusts", told: whence.Told{For: "192.0.2.1"}, proto: "http",
			passed: whence.Fields{Proto: "http", Host: "shop.example.org"},
		},
	} {
		t.Run(row.rule, func(t *testing.T) {
			r := whence.Rules{Trusted: balancers, Form: row.form}
			h := hop(r, row.peer)
			client := ""
			if a := r.Client(h, row.told); a.IsValid() {
				client = a.String()
			}
			if client != row.client {
				t.Errorf("client %s, want %s", client, row.client)
			}
			if proto := r.Proto(h, row.told); proto != row.proto {
				t.Errorf("protocol %s, want %s", proto, row.proto)
			}
			if got := r.Pass(h, row.told); got != row.passed {
				t.Errorf("passed on\n%+v, want\n%+v", got, row.passed)
			}
		})
	}
}

func TestAUnixSocketIsTrustedWhereThatIsSaid(t *testing.T) {
	r := whence.Rules{Trusted: whence.Trust{Local: true}}
	h := hop(r, "")
	if got := r.Client(h, whence.Told{For: "192.0.2.1"}); got != netip.MustParseAddr("192.0.2.1") {
		t.Errorf("client %v", got)
	}
	if got := r.Pass(h, whence.Told{For: "192.0.2.1"}); got.For != "192.0.2.1" {
		t.Errorf("passed on %+v", got)
	}
}

// FuzzRules: whatever is told, an untrusted peer is the client; a trusted one is
// believed no further than the first who is not; and what is passed on is one
// line that says the same again to the next hop.
func FuzzRules(f *testing.F) {
	f.Add(uint8(0), "203.0.113.7, 10.0.0.2", "https", "a:1", `for=1.2.3.4`)
	f.Add(uint8(1), "", "", "", `for="[2001:db8::7]:4711";proto=https;host="a\"b", for=10.0.0.2`)
	f.Add(uint8(2), "::ffff:1.2.3.4,unknown,", "http,https", "[::1]:80", "")
	f.Fuzz(func(t *testing.T, form uint8, list, proto, host, forwarded string) {
		told := whence.Told{For: list, Proto: proto, Host: host, Forwarded: forwarded}
		r := whence.Rules{Trusted: balancers, Form: whence.Form(form % 3)}
		stranger, friend := hop(r, "203.0.113.9"), hop(r, "10.0.0.1")
		if got := r.Client(stranger, told); got != stranger.Peer {
			t.Fatalf("a stranger became %v", got)
		}
		if got := r.Pass(stranger, told); got != r.Pass(stranger, whence.Told{}) {
			t.Fatalf("a stranger's word was passed on: %+v", got)
		}
		if p := r.Proto(friend, told); p != "http" && p != "https" {
			t.Fatalf("protocol %q", p)
		}
		client := r.Client(friend, told)
		if !client.IsValid() {
			t.Fatal("a friend's client is nobody")
		}
		passed := r.Pass(friend, told)
		if clean := !strings.ContainsAny(list+forwarded, "\r\n"); clean && strings.ContainsAny(passed.For+passed.Proto+passed.Host+passed.Forwarded, "\r\n") {
			t.Fatalf("a line was broken: %+v", passed)
		}
		next := hop(r, "10.0.0.2")
		if again := r.Client(next, whence.Told(passed)); again != client {
			t.Fatalf("the client is %v, and %v to the next hop, told %+v", client, again, passed)
		}
	})
}
