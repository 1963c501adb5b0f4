package main

import (
	"os"
	"strings"
	"testing"
)

func TestTheRoundInTheMiddleIsTold(t *testing.T) {
	r := &results{Missing: []string{"nginx"}}
	for i, cpu := range []float64{3, 1, 2} {
		r.Rounds = append(r.Rounds, measurement{
			Round: i, Proxy: "own", Load: loads[0].name, Requests: 100_000, Seconds: 2, CPU: cpu, P50: "1ms", P99: "2ms", Errors: 1,
		})
	}
	var b strings.Builder
	if err := show(&b, r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| own | 20.00 | 50000 | 1ms | 2ms | 3 |", "nginx is not installed"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in %s", want, b.String())
		}
	}
}

func TestWhatWrkSaysIsRead(t *testing.T) {
	var m measurement
	if err := m.read("  Latency Distribution\n     50%  517.00us\n     99%    2.50ms\n  930123 requests in 10.00s, 1.1GB read\n  Socket errors: connect 1, read 2, write 0, timeout 3\n  Non-2xx or 3xx responses: 4\n"); err != nil {
		t.Fatal(err)
	}
	if m.Requests != 930123 || m.Errors != 10 || m.P50 != "517.00us" || m.P99 != "2.50ms" {
		t.Errorf("read %+v", m)
	}
	if m.read("unable to connect") == nil {
		t.Error("no word of what cannot be read")
	}
}

func TestTheTimeOfAProcessIsRead(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("there is no /proc here")
	}
	begin, err := cpu(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for range 1 << 30 {
		if now, err := cpu(os.Getpid()); err != nil || now > begin {
			return
		}
	}
	t.Error("it stands still")
}
