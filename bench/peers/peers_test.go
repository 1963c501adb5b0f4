package peers_test

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/bench/peers"
)

// TestTheProgramLacksThem proves that nothing of this package is in the binary.
func TestTheProgramLacksThem(t *testing.T) {
	deps := func(of string) string {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", of).CombinedOutput()
		if err != nil {
			t.Fatalf("go list: %v\n%s", err, out)
		}
		return string(out)
	}
	if strings.Contains(deps("../../cmd/stagger"), "/bench/") {
		t.Error("cmd/stagger depends on something in bench")
	}
	if !strings.Contains(deps("../judge"), "/bench/peers") {
		t.Error("go list -deps does not show bench/peers where it must")
	}
}

// seconds feeds one sample for each second and returns after how many of them
// the peer alarmed, 0 for never.
func seconds(p peers.Peer, n int, at func(second int) peers.Sample) int {
	for i := 1; i <= n; i++ {
		s := at(i)
		s.At = time.Duration(i) * time.Second
		if p.Observe(s) {
			return i
		}
	}
	return 0
}

// failing is a second in which each version gets a thousand requests.
func failing(baseline, candidate int) peers.Sample {
	return peers.Sample{
		Baseline: peers.Side{Requests: 1000, Failed: baseline}, Candidate: peers.Side{Requests: 1000, Failed: candidate}, Share: 0.5,
	}
}

func TestWhenTheyAlarm(t *testing.T) {
	good, bad := failing(1, 1), failing(1, 20) // a success rate of 98% in bad seconds
	minute := func(bads ...int) func(int) peers.Sample {
		return func(second int) peers.Sample {
			for _, m := range bads {
				if (second-1)/60 == m-1 {
					return bad
				}
			}
			return good
		}
	}
	rate := peers.SuccessRate(0.99)
	for _, row := range []struct {
		rule string
		peer peers.Peer
		at   func(int) peers.Sample
		want int
	}{
		{"z looks each second", peers.NewZTest(0.01, time.Second), minute(1), 1},
		{"z looks each minute", peers.NewZTest(0.01, time.Minute), minute(1), 60},
		{"z sees none", peers.NewZTest(0.01, time.Second), minute(), 0},
		{"Flagger at the first failed check", peers.NewFlagger(1, time.Minute, rate), minute(2), 120},
		{"Flagger adds them up", peers.NewFlagger(2, time.Minute, rate), minute(2, 4), 240},
		{"Flagger waits for as many", peers.NewFlagger(3, time.Minute, rate), minute(2, 4), 0},
		{"Argo allows as many", peers.NewArgo(1, time.Minute, rate), minute(2), 0},
		{"Argo fails at one more", peers.NewArgo(1, time.Minute, rate), minute(2, 4), 240},
		{"the known split", peers.NewBetaBinomial(0.01, 100), minute(1), 2},
		{"the known split, alike", peers.NewBetaBinomial(0.01, 100), minute(), 0},
	} {
		t.Run(row.rule, func(t *testing.T) {
			if got := seconds(row.peer, 300, row.at); got != row.want {
				t.Errorf("alarm after %d s, want %d", got, row.want)
			}
		})
	}
}

func TestChecksOfNothingPass(t *testing.T) {
	var nothing peers.Sample
	if !peers.SuccessRate(0.99)(nothing) || !peers.TailRatio(1.2)(nothing) {
		t.Error("a check of no request failed")
	}
}

// slow is a histogram with one duration in each bucket from one to another.
func slow(from, to int32) stagger.Histogram {
	var h stagger.Histogram
	for i := from; i <= to; i++ {
		h.Buckets = append(h.Buckets, stagger.Bucket{Index: i, Count: 1})
	}
	return h
}

func TestTailRatio(t *testing.T) {
	// Eight buckets are a factor of 2^(1/4), 1.189; nine are 1.215.
	for shift, want := range map[int32]bool{0: true, 8: true, 9: false} {
		s := peers.Sample{Baseline: peers.Side{Latency: slow(-200, -101)}, Candidate: peers.Side{Latency: slow(-200+shift, -101+shift)}}
		if got := peers.TailRatio(1.2)(s); got != want {
			t.Errorf("%d buckets slower passes: %t", shift, got)
		}
	}
}

func TestRankLooksAtAllRequests(t *testing.T) {
	at := func(shift int32) func(int) peers.Sample {
		return func(int) peers.Sample {
			return peers.Sample{Baseline: peers.Side{Latency: slow(-200, -101)}, Candidate: peers.Side{Latency: slow(-200+shift, -101+shift)}}
		}
	}
	if got := seconds(peers.NewRank(0.01, time.Minute), 300, at(5)); got != 60 {
		t.Errorf("alarm after %d s, want 60", got)
	}
	if got := seconds(peers.NewRank(0.01, time.Minute), 300, at(0)); got != 0 {
		t.Errorf("alarm after %d s without a difference", got)
	}
}

func TestKayentaWaitsForItsPoints(t *testing.T) {
	at := func(second int) peers.Sample { return failing(second%7, 20+second%5) }
	if got := seconds(peers.NewKayenta(5*time.Minute, time.Minute, peers.Failures), 900, at); got != 300 {
		t.Errorf("alarm after %d s, want 300", got)
	}
	if got := seconds(peers.NewKayenta(10*time.Minute, 10*time.Minute, peers.Failures), 900, at); got != 600 {
		t.Errorf("alarm after %d s, want 600", got)
	}
	same := func(int) peers.Sample { return failing(3, 3) }
	if got := seconds(peers.NewKayenta(5*time.Minute, time.Minute, peers.Failures), 900, same); got != 0 {
		t.Errorf("alarm after %d s on equal series", got)
	}
}
