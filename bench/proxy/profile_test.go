package main

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/pprof/profile"
)

// kept is what builds are guided by.
const kept = "../../cmd/stagger/default.pgo"

func readKept(t *testing.T) (*profile.Profile, []byte) {
	t.Helper()
	raw, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	p, err := profile.ParseData(raw)
	if err != nil {
		t.Fatal(err)
	}
	return p, raw
}

func TestTheProfileNamesNoPlaceOfAMachine(t *testing.T) {
	p, raw := readKept(t)
	if found := places(p); len(found) > 0 {
		t.Errorf("it names %q", found)
	}
	var plain bytes.Buffer
	if err := p.WriteUncompressed(&plain); err != nil {
		t.Fatal(err)
	}
	for _, place := range []string{"/work", "/root", "/home", "/tmp", "/usr/", "/opt/"} {
		if bytes.Contains(plain.Bytes(), []byte(place)) {
			t.Errorf("it holds %q", place)
		}
	}
	if p.TimeNanos != 0 {
		t.Error("it tells when it was taken")
	}
	if most := 200 << 10; len(raw) > most {
		t.Errorf("it is %d bytes, more than %d: everybody downloads it", len(raw), most)
	}
}

func TestTheProfileIsOfOurOwnTransportAndLeavesTheKernelOut(t *testing.T) {
	p, _ := readKept(t)
	if calls := slices.ContainsFunc(p.Sample, func(s *profile.Sample) bool { return isCall(s.Location[0]) }); calls {
		t.Error("it counts the kernel's time")
	}
	want := []string{"proxy.(*courier).carry", "proxy/wire.(*Request).Parse", "meter.(*Series).BeginRequest"}
	for _, f := range p.Function {
		want = slices.DeleteFunc(want, func(name string) bool { return strings.HasSuffix(f.Name, name) })
	}
	if len(want) > 0 {
		t.Errorf("it does not know %q, which every request passes: make profile", want)
	}
}

// taken is a profile with a sample of a function in a file for each of names.
func taken(file string, names ...string) *profile.Profile {
	m := &profile.Mapping{ID: 1, File: "/somewhere/bench", BuildID: "one"}
	p := &profile.Profile{
		SampleType: []*profile.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}},
		PeriodType: &profile.ValueType{Type: "cpu", Unit: "nanoseconds"}, Period: 10_000_000,
		Mapping: []*profile.Mapping{m}, TimeNanos: 17, DurationNanos: 18,
	}
	for i, name := range names {
		f := &profile.Function{ID: uint64(i + 1), Name: name, SystemName: name, Filename: file}
		l := &profile.Location{ID: f.ID, Mapping: m, Address: 4711, Line: []profile.Line{{Function: f, Line: 7}}}
		p.Function, p.Location = append(p.Function, f), append(p.Location, l)
		p.Sample = append(p.Sample, &profile.Sample{Location: []*profile.Location{l}, Value: []int64{2, 20_000_000}})
	}
	return p
}

func TestAProfileIsKeptWithoutTheMachineAndTheKernel(t *testing.T) {
	file := t.TempDir() + "/one.pgo"
	some := taken("stagger/carry.go", "carry", "internal/runtime/syscall/linux.Syscall6")
	other := taken("stagger/carry.go", "carry", "parse", "parse")
	if err := writeProfile(file, []*profile.Profile{some, other}); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got, err := profile.ParseData(raw)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	for _, s := range got.Sample {
		counts[s.Location[0].Line[0].Function.Name] += s.Value[0]
	}
	// Of the first load all of its own time, of the second a third.
	if counts["carry"] != 13_333 || counts["parse"] != 6_666 || len(counts) != 2 {
		t.Errorf("it counts %v", counts)
	}
	if found := places(got); len(found) > 0 || got.TimeNanos != 0 || got.DurationNanos != 0 {
		t.Errorf("it names %q, taken at %d for %d", found, got.TimeNanos, got.DurationNanos)
	}
}

func TestAProfileOfAProgramThatKnowsItsPathsIsNotKept(t *testing.T) {
	file := t.TempDir() + "/one.pgo"
	err := writeProfile(file, []*profile.Profile{taken("/somewhere/stagger/carry.go", "carry")})
	if err == nil || !strings.Contains(err.Error(), "-trimpath") {
		t.Errorf("it says %v", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("it was kept")
	}
}
