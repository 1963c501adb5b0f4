package auth

import (
	"net/netip"
	"testing"
	"time"
)

var epoch = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func TestWhoFailsTooOftenWaits(t *testing.T) {
	var f failures
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for i := range maxFailures {
		if wait := f.block(a, epoch); wait != 0 {
			t.Fatalf("after %d failures one waits %s", i, wait)
		}
		f.count(a, epoch)
	}
	if wait := f.block(a, epoch); wait != failurePace {
		t.Errorf("after %d failures one waits %s, want %s", maxFailures, wait, failurePace)
	}
	if wait := f.block(netip.MustParseAddr("::ffff:192.0.2.1"), epoch); wait == 0 {
		t.Error("the same address as IPv6 need not wait")
	}
	if wait := f.block(b, epoch); wait != 0 {
		t.Errorf("another address waits %s", wait)
	}
	if wait := f.block(a, epoch.Add(failurePace)); wait != 0 {
		t.Errorf("after the wait one waits %s more", wait)
	}
	f.count(a, epoch.Add(failurePace))
	if wait := f.block(a, epoch.Add(failurePace)); wait != failurePace {
		t.Errorf("and after one failure more %s", wait)
	}
}

func TestANetworkOfIPv6IsOneClient(t *testing.T) {
	var f failures
	for i := range maxFailures {
		a := netip.MustParseAddr("2001:db8::").As16()
		a[15] = byte(i)
		f.count(netip.AddrFrom16(a), epoch)
	}
	if f.block(netip.MustParseAddr("2001:db8::ffff:1"), epoch) == 0 {
		t.Error("somebody with a whole network tries for ever")
	}
	if f.block(netip.MustParseAddr("2001:db8:0:1::1"), epoch) != 0 {
		t.Error("their neighbour waits")
	}
}

func TestFailuresAreForgotten(t *testing.T) {
	var f failures
	address := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}) }
	for i := range 3 * maxAddresses {
		f.count(address(i), epoch.Add(time.Duration(i)*time.Millisecond))
	}
	if len(f.from) > maxAddresses {
		t.Errorf("%d addresses are remembered", len(f.from))
	}
	if _, there := f.from[address(3*maxAddresses-1)]; !there {
		t.Error("the last is forgotten, and not the first")
	}
	later := epoch.Add(time.Hour) // when all of them may try again
	for i := range maxAddresses {
		f.count(address(1<<20+i), later)
	}
	if _, there := f.from[address(3*maxAddresses-1)]; there || len(f.from) > maxAddresses {
		t.Errorf("an hour later %d addresses are remembered", len(f.from))
	}
}
