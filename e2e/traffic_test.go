package e2e_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// traffic is wrk at some 600 requests a second from 300 users.
type traffic struct{ *process }

func (s *shop) traffic() *traffic {
	s.t.Helper()
	script, err := filepath.Abs("testdata/users.lua")
	if err != nil {
		s.t.Fatal(err)
	}
	s.runs++
	return &traffic{launch(s.t, s.dir, fmt.Sprintf("wrk-%d", s.runs), "wrk",
		"-t1", "-c8", "-d170s", "--timeout", "10s", "-s", script, s.web)}
}

// wrk prints these only when there is something to tell.
var (
	notFine  = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
	sockets  = regexp.MustCompile(`Socket errors: .*`)
	requests = regexp.MustCompile(`(\d+) requests in`)
)

// report is what the clients saw.
type report struct {
	requests, failed int
	sockets          string // socket errors in wrk's words; "" if there were none
}

// stop ends the traffic and returns what the clients saw.
func (tr *traffic) stop(t *testing.T) report {
	t.Helper()
	tr.signal(t, syscall.SIGINT)
	out := tr.output()
	r := report{requests: number(requests, out), failed: number(notFine, out), sockets: sockets.FindString(out)}
	if r.requests == 0 {
		t.Fatalf("wrk counted no requests:\n%s", out)
	}
	return r
}

func number(re *regexp.Regexp, text string) int {
	m := re.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

// fine fails the test when any client saw a failure.
func (r report) fine(t *testing.T) {
	t.Helper()
	if r.failed > 0 || r.sockets != "" {
		t.Errorf("of %d requests %d failed, %s; want none", r.requests, r.failed, r.sockets)
	}
}

// whileItRuns lets traffic flow for d.
func (tr *traffic) whileItRuns(t *testing.T, d time.Duration) {
	t.Helper()
	time.Sleep(d)
	if !tr.runs() {
		t.Fatalf("the traffic ended by itself:\n%s", tr.output())
	}
}
