package config_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger/internal/config"
	"github.com/stagger-dev/stagger/internal/scenario"
)

func TestALoadIsReadAsItIsWritten(t *testing.T) {
	l, err := config.ParseLoad("load.yaml", read(t, "../../examples/load.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if l.Profile != (scenario.Profile{
		Kind: scenario.PeakHour, From: 50, To: 300, Length: 2 * time.Minute, Steps: 5, Every: 10 * time.Second, Burst: time.Second,
	}) {
		t.Errorf("%+v", l.Profile)
	}
	if len(l.Requests) != 3 || l.Users != 5000 || l.Edges != 0.02 || l.Stop != (scenario.Stop{Errors: 0.5, Over: 10 * time.Second}) || len(l.Limits) != 2 {
		t.Errorf("%+v", l)
	}
	order := l.Requests[2]
	v := scenario.Values{User: 7, Number: 9}
	header := ""
	for _, f := range order.Header {
		header += f.Name + ": " + f.Value.Fill(v) + "\n"
	}
	if order.Name != "order" || order.Method != http.MethodPost || order.Body.Fill(v) != `{"user": 7, "items": [{"id": 9}]}` ||
		header != "Content-Type: application/json\nX-User: user-7\nCookie: session=s7\n" || order.Expect.Takes(404) || !order.Expect.Takes(409) {
		t.Errorf("%+v\n%s", order, header)
	}
}

func TestARequestsOwnHeaderComesFirst(t *testing.T) {
	l, err := config.ParseLoad("load.yaml", []byte("headers: {X-A: all, X-B: all}\nrequests: [{name: a, headers: {x-a: own}}]"))
	if err != nil {
		t.Fatal(err)
	}
	if h := l.Requests[0].Header; len(h) != 2 || h[0].Value.String() != "own" || h[1].Name != "X-B" {
		t.Errorf("%+v", h)
	}
}

func TestAnEdgeCaseHasItsOwnWeight(t *testing.T) {
	l, err := config.ParseLoad("load.yaml", []byte("requests: [{name: a, weight: 9}, {name: b, path: /shop, edge_case: range, headers: {X-A: 1}, expect: {status: [206]}}]"))
	if err != nil {
		t.Fatal(err)
	}
	r := l.Requests[1]
	if r.Name != "b" || r.Weight != 1 || r.Path.String() != "/shop" || r.Header[0].Name != "Range" || r.Header[1].Name != "X-A" || r.Expect.Takes(200) {
		t.Errorf("%+v", r)
	}
}

func TestACheckIsTypedAsItIsWritten(t *testing.T) {
	for text, want := range map[string]scenario.Limit{
		"errors=1%":   {Of: scenario.ErrorShare, Bound: 0.01},
		"p99=250ms":   {Of: scenario.P99, Bound: 0.25},
		"p99.9=1.5s":  {Of: scenario.P999, Bound: 1.5},
		"rate=0.95":   {Of: scenario.RateShare, Bound: 0.95},
		"errors=0.5%": {Of: scenario.ErrorShare, Bound: 0.005},
	} {
		if got, err := config.ParseLimit(text); err != nil || got != want {
			t.Errorf("%s is %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "p99", "p99=", "p98=1s", "p99=250", "errors=few", "p99=1s\"}"} {
		if got, err := config.ParseLimit(text); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s is %+v, %v", text, got, err)
		}
	}
}

func FuzzParseLoad(f *testing.F) {
	f.Add(seed(f, "../../examples/load.yaml"))
	f.Add(seed(f, "testdata/load-many.yaml"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := config.ParseLoad("f", data)
		if err != nil {
			return
		}
		if _, err := l.Profile.Shape(); err != nil {
			t.Errorf("accepted a profile that is none: %v", err)
		}
	})
}
