package recording_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/recording"
)

// line writes a line at a second; the rest follows started and failed.
func line(second int, version string, started, failed int, rest string) string {
	return fmt.Sprintf(`{"at":%q,"version":%q,"started":%d,"failed":%d%s}`+"\n",
		epoch.Add(time.Duration(second)*time.Second).Format(time.RFC3339), version, started, failed, rest)
}

// both writes a line for each version at a second.
func both(second int, rest string) string {
	return line(second, "baseline", 10, 0, rest) + line(second, "candidate", 10, 0, rest)
}

// read returns the ticks of a recording and what is wrong with it.
func read(text string) (ticks []recording.Tick, problems []string) {
	for tick, err := range recording.Ticks(source("r.jsonl", []byte(text)), names) {
		if err != nil {
			problems = append(problems, err.Error())
			continue
		}
		ticks = append(ticks, tick)
	}
	return ticks, problems
}

func TestBadLinesAreNamedWithTheirPlace(t *testing.T) {
	const head = `{"at":"2026-01-02T03:04:05Z","version":"candidate","started":10,`
	for name, c := range map[string]struct{ text, want string }{
		"no JSON":               {`hello`, `r.jsonl:1:1: "hello" stands here; write an object, {...}`},
		"an unknown field":      {head + `"failed":0,"fialed":1}`, `r.jsonl:1:76: unknown field "fialed"; write one of at, version`},
		"in the latency, too":   {head + `"failed":0,"latency":{"scheme":5}}`, `r.jsonl:1:87: latency: unknown field "scheme"; write schema, zero, buckets`},
		"columns are letters":   {`{"route":"/caf\u00e9/é","x":1}`, `r.jsonl:1:25: unknown field "x"`},
		"a field twice":         {head + `"failed":0,"failed":1}`, `r.jsonl:1:76: failed: the field is there already`},
		"no failures":           {head + `"unfinished":0}`, `r.jsonl:1:1: failed is missing; write "failed":...`},
		"no version":            {`{"at":"2026-01-02T03:04:05Z","started":1,"failed":0}`, `version is missing; write "version":"baseline" or "candidate"`},
		"a third version":       {strings.Replace(head, "candidate", "v3", 1) + `"failed":0}`, `r.jsonl:1:1: version: version "v3" is neither baseline nor candidate; name the two with --baseline and --candidate`},
		"more failed":           {head + `"failed":11}`, `r.jsonl:1:74: failed: 11 failed of 10 started`},
		"more unfinished":       {head + `"failed":1,"unfinished":10}`, `r.jsonl:1:89: unfinished: 10 unfinished and 1 failed of 10 started`},
		"less than nothing":     {head + `"failed":-2}`, `failed: -2 is less than nothing, as the difference of counters that went backwards is`},
		"half a request":        {head + `"failed":0.5}`, `failed: 0.5 is not written as a whole number`},
		"no number":             {head + `"failed":NaN}`, `failed: NaN is no number that JSON knows; write a whole number`},
		"a text":                {head + `"failed":"1"}`, `failed: "\"1\"}" stands here; write a whole number from 0 on`},
		"null":                  {head + `"failed":null}`, `failed: "null}" stands here`},
		"too many":              {head + `"failed":100000001}`, `failed: 100000001 is more than one line may count; write at most 100000000`},
		"beyond any number":     {head + `"failed":99999999999999999999}`, `is more than one line may count`},
		"a time of day":         {`{"at":"03:04:05"}`, `r.jsonl:1:7: at: "03:04:05" is not a time; write one as in 2026-01-02T03:04:05Z`},
		"a long gone time":      {`{"at":"1970-01-01T00:00:00Z"}`, `at: the year 1970 is not one that is read`},
		"no interval":           {head + `"failed":0,"seconds":0}`, `seconds: 0 s is no interval that is judged; write 0.001 to 86400`},
		"an endless interval":   {head + `"failed":0,"seconds":1e300}`, `seconds: 1e+300 s is no interval`},
		"a gauge beyond":        {head + `"failed":0,"gauges":{"cpu":1e999}}`, `gauges.cpu: 1e999 is out of range; write a number`},
		"an empty host":         {head + `"failed":0,"host":""}`, `host: the name is empty; write one`},
		"no share":              {head + `"failed":0,"share":5}`, `r.jsonl:1:84: share: 5 is no share; write the part of subjects that the candidate should get, from 0 to 1`},
		"half a count":          {head + `"failed":0,"counts":{"refunds":0.5}}`, `counts.refunds: 0.5 is not written as a whole number`},
		"a nameless count":      {head + `"failed":0,"counts":{"":1}}`, `r.jsonl:1:86: counts: a count needs a name of 1 to 200 bytes; write one`},
		"many arrivals":         {head + `"failed":0,"arrived":11}`, `r.jsonl:1:86: arrived: 11 subjects arrived with 10 requests; write how many of those who sent them were never seen before`},
		"wide buckets":          {head + `"failed":0,"latency":{"schema":3,"buckets":{}}}`, `latency.schema: the buckets of schema 3 are too wide: each holds durations that schema 5 tells apart; record with schema 5 to 8, or write latency_seconds`},
		"negative schema":       {head + `"failed":0,"latency":{"schema":-1,"buckets":{}}}`, `the buckets of schema -1 are too wide`},
		"narrow buckets":        {head + `"failed":0,"latency":{"schema":9,"buckets":{}}}`, `latency.schema: 9 is no schema that is read; write 5 to 8`},
		"no schema":             {head + `"failed":0,"latency":{"buckets":{"1":10}}}`, `latency: schema is missing; write "schema":5`},
		"an index that is none": {head + `"failed":0,"latency":{"schema":5,"buckets":{"a":10}}}`, `latency.buckets: "a" is not the index of a bucket`},
		"too few durations":     {head + `"failed":0,"latency":{"schema":5,"buckets":{"1":9}}}`, `r.jsonl:1:86: latency: it has 9 durations, but 10 requests finished`},
		"too many in a list":    {head + `"failed":0,"unfinished":10,"latency_seconds":[0.1]}`, `latency_seconds: it has 1 durations, but 0 requests finished`},
		"a negative duration":   {head + `"failed":0,"latency_seconds":[0.1,-0.1]}`, `latency_seconds: -0.1 s is less than nothing`},
		"two latencies":         {head + `"failed":0,"latency":{"schema":5},"latency_seconds":[]}`, `latency_seconds: there is a latency already; keep one of the two`},
		"an open text":          {`{"at":"2026`, `r.jsonl:1:7: at: the text that begins here is not JSON`},
		"an open object":        {head + `"failed":0`, `r.jsonl:1:75: the line ends here; write ","`},
		"two objects":           {head + `"failed":0} {}`, `r.jsonl:1:77: "{}" stands here after the object; write one object a line`},
		"no UTF-8":              {"{\"route\":\"\xff\"}", `r.jsonl:1:1: the line is not UTF-8 text`},
		"a long line":           {`{"route":"` + strings.Repeat("a", recording.MaxLine) + `"}`, `the line has 1048588 bytes; write at most 1048576`},
		"an empty route":        {head + `"failed":0,"route":""}`, `route: the name is empty; write one`},
	} {
		t.Run(name, func(t *testing.T) {
			ticks, problems := read(c.text)
			if len(problems) != 1 || !strings.Contains(problems[0], c.want) {
				t.Errorf("got  %q\nwant %q", problems, c.want)
			}
			if len(ticks) > 0 {
				t.Errorf("it became %v all the same", ticks)
			}
		})
	}
}

func TestTroublesBetweenLinesAreNamedWithTheirPlace(t *testing.T) {
	long := strings.Builder{}
	for second := range 70 {
		long.WriteString(both(second, ""))
	}
	for name, c := range map[string]struct{ text, want string }{
		"twice":         {both(0, "") + line(0, "candidate", 5, 0, ""), `r.jsonl:3:7: at: the version has a line for 2026-01-02T03:04:05Z and route "all" already, line 2`},
		"too late":      {long.String() + line(3, "candidate", 5, 0, `,"route":"late"`), `r.jsonl:141:7: at: 2026-01-02T03:04:08Z comes too late: the interval until 2026-01-02T03:04:11Z was judged already`},
		"two intervals": {line(0, "baseline", 1, 0, `,"seconds":1`) + line(0, "candidate", 1, 0, `,"seconds":2`), `r.jsonl:2:7: at: other lines of this time say 1s, this one 2s`},
		"a host twice": {
			both(0, `,"host":"a","proxy":"p"`) + line(0, "candidate", 5, 0, `,"host":"a","proxy":"p"`),
			`r.jsonl:3:7: at: the version has a line for 2026-01-02T03:04:05Z and route "all" of proxy "p" on host "a" already, line 2`,
		},
		"a host and all": {
			both(0, "") + line(0, "candidate", 5, 0, `,"host":"a"`),
			`r.jsonl:3:7: at: it counts requests of line 2 again: one of the two is of a host, the other of all hosts of route "all"; write`,
		},
		"two shares": {
			line(0, "baseline", 1, 0, `,"share":0.05`) + line(0, "candidate", 1, 0, `,"share":0.1`),
			`r.jsonl:2:7: at: other lines of this time say a share of 0.05, this one 0.1; write the same`,
		},
		"they overlap": {both(0, `,"seconds":10`) + both(5, `,"seconds":10`), `r.jsonl:3:7: at: it begins inside the interval from 2026-01-02T03:04:05Z to 2026-01-02T03:04:15Z; write the true length`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, problems := read(c.text); len(problems) != 1 || !strings.HasPrefix(problems[0], c.want) {
				t.Errorf("got  %q\nwant %q", problems, c.want)
			}
		})
	}
}

func TestReadingGoesOnAfterAProblem(t *testing.T) {
	ticks, problems := read(both(0, "") + "no\n" + both(1, "") + "neither\n")
	if len(ticks) != 2 || len(problems) != 2 || !strings.HasPrefix(problems[1], "r.jsonl:6:1:") {
		t.Errorf("%d ticks, problems %q", len(ticks), problems)
	}
}

func TestAFaultyFileEndsTheReading(t *testing.T) {
	broken := errors.New("the disk is gone")
	s := recording.Source{File: "r.jsonl", Lines: func(yield func([]byte, error) bool) {
		_ = yield([]byte(strings.TrimSpace(line(0, "baseline", 1, 0, ""))), nil) && yield(nil, broken)
	}}
	var last error
	for _, err := range recording.Ticks(s, names) {
		last = err
	}
	if !errors.Is(last, broken) {
		t.Errorf("got %v", last)
	}
}

func TestLinesMayComeInAnyOrderWithinTheWindow(t *testing.T) {
	var sorted []string
	for second := range 200 {
		sorted = append(sorted, line(second, "baseline", 10, 0, ""), line(second, "candidate", 10, 1, ""))
	}
	shuffled := slices.Clone(sorted)
	random := rand.New(rand.NewPCG(1, 2))
	for at := 0; at < len(shuffled); at += 100 { // fifty times a heap
		random.Shuffle(100, func(i, j int) { shuffled[at+i], shuffled[at+j] = shuffled[at+j], shuffled[at+i] })
	}
	want, _ := try(t, []byte(strings.Join(sorted, "")))
	got, _ := try(t, []byte(strings.Join(shuffled, "")))
	if len(want) == 0 {
		t.Fatal("nothing was decided")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the order of lines changes the decisions:\n%s", diff)
	}
}

func TestTheIntervalIsTheSmallestGapUnlessItIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want time.Duration
	}{
		"one time":        {both(0, ""), time.Second},
		"every minute":    {both(0, "") + both(60, "") + both(180, ""), time.Minute},
		"out of order":    {both(120, "") + both(0, "") + both(90, ""), 30 * time.Second},
		"it is said":      {both(0, `,"seconds":2.5`) + both(60, `,"seconds":2.5`), 2500 * time.Millisecond},
		"days between":    {both(0, "") + both(10*86400, ""), 24 * time.Hour},
		"half a second":   {both(0, `,"seconds":0.5`), 500 * time.Millisecond},
		"empty lines":     {"\n" + both(0, "") + "\r\n \n" + both(5, ""), 5 * time.Second},
		"a mark at first": {"\ufeff" + both(0, "") + both(5, ""), 5 * time.Second},
	} {
		ticks, problems := read(c.text)
		if len(problems) > 0 || len(ticks) == 0 {
			t.Errorf("%s: %d ticks, problems %q", name, len(ticks), problems)
			continue
		}
		if got := ticks[0].To.Sub(ticks[0].From); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestFinerBucketsAreMergedExactly writes the same durations in four schemas
// and as a list.
func TestFinerBucketsAreMergedExactly(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	durations := []float64{1, 0.5, 0.25, 0x1p-7} // edges of every schema
	for range 300 {
		durations = append(durations, random.ExpFloat64()*0.1)
	}
	var want []stagger.Bucket
	for schema := 5; schema <= 8; schema++ {
		counts := map[int]int{}
		for _, d := range durations {
			counts[index(d, schema)]++
		}
		text := strings.Builder{}
		for i, n := range counts {
			fmt.Fprintf(&text, `,"%d":%d`, i, n)
		}
		got := latency(t, len(durations), fmt.Sprintf(`,"latency":{"schema":%d,"buckets":{%s}}`, schema, text.String()[1:]))
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("schema %d:\n%s", schema, diff)
		}
	}
	raw := strings.ReplaceAll(fmt.Sprint(durations), " ", ",")
	if diff := cmp.Diff(want, latency(t, len(durations), `,"latency_seconds":`+raw)); diff != "" {
		t.Errorf("as a list:\n%s", diff)
	}
}

// index finds the bucket of a duration the slow way.
func index(seconds float64, schema int) int {
	i := 0
	upper := func(i int) float64 { return math.Exp2(float64(i) / float64(int(1)<<schema)) }
	for upper(i) < seconds {
		i++
	}
	for upper(i-1) >= seconds {
		i--
	}
	return i
}

func latency(t *testing.T, n int, rest string) []stagger.Bucket {
	t.Helper()
	ticks, problems := read(line(0, "baseline", n, 0, rest))
	if len(problems) > 0 || len(ticks) != 1 {
		t.Fatalf("%d ticks, problems %q", len(ticks), problems)
	}
	return ticks[0].Lines[0][0].Latency.Buckets
}

func TestDurationsBeyondAllBucketsCountAtTheEnds(t *testing.T) {
	got := latency(t, 6, `,"latency":{"schema":5,"zero":1,"buckets":{"-100000":1,"-464":1,"216":1,"300":2}}`)
	want := []stagger.Bucket{{Index: -464, Count: 3}, {Index: 216, Count: 3}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, latency(t, 6, `,"latency_seconds":[0,0,1e-9,1e3,1e30,109]`)); diff != "" {
		t.Error(diff)
	}
}

// hear shows lines to the judge.
func hear(t *testing.T, text string) ([]recording.Decision, recording.Summary) {
	t.Helper()
	return try(t, []byte(text))
}

// TestUnfinishedRequestsWithoutLatencyProveNothing leaves the candidate's
// latency out: only those that took too long would be left to count.
func TestUnfinishedRequestsWithoutLatencyProveNothing(t *testing.T) {
	var text strings.Builder
	for second := range 300 {
		text.WriteString(line(second, "baseline", 100, 0, `,"latency":{"schema":5,"buckets":{"-180":90,"-170":10}}`))
		text.WriteString(line(second, "candidate", 100, 0, `,"unfinished":10`))
	}
	decisions, summary := hear(t, text.String())
	if len(decisions) > 0 || summary.Outcome != stagger.OutcomeInconclusive {
		t.Errorf("%s: %+v", summary.Outcome, decisions)
	}
	if want := "300 lines of candidate have no latency; neither that nor unfinished requests are judged there"; !slices.Contains(summary.Warnings, want) {
		t.Errorf("warnings %q", summary.Warnings)
	}
}

func TestUnfinishedRequestsAreSlowOnes(t *testing.T) {
	var text strings.Builder
	for second := range 300 {
		text.WriteString(line(second, "baseline", 100, 0, `,"latency":{"schema":5,"buckets":{"-180":90,"-170":10}}`))
		text.WriteString(line(second, "candidate", 100, 0, `,"unfinished":10,"latency":{"schema":5,"buckets":{"-180":80,"-170":10}}`))
	}
	if _, summary := hear(t, text.String()); summary.Outcome != stagger.OutcomeRegressed || summary.Verdict.Signal != stagger.SignalLatency {
		t.Errorf("%s for %s: %s", summary.Outcome, summary.Verdict.Signal, summary.Verdict.Sentence)
	}
}

func TestGaugesAreReadAndSaidToBeIgnored(t *testing.T) {
	ticks, _ := read(line(0, "baseline", 1, 0, `,"gauges":{"cpu":0.4,"threads":-1e3}`))
	if diff := cmp.Diff(map[string]float64{"cpu": 0.4, "threads": -1000}, ticks[0].Lines[0][0].Gauges); diff != "" {
		t.Error(diff)
	}
	_, summary := hear(t, line(0, "baseline", 1, 0, `,"gauges":{"cpu":0.4,"threads":3}`)+line(0, "candidate", 1, 0, ""))
	if want := "no guardrail looks at cpu, threads; name them as metric in a plan, and give it as --rollout"; !slices.Contains(summary.Warnings, want) {
		t.Errorf("warnings %q", summary.Warnings)
	}
}

func TestNothingRecordedIsBlind(t *testing.T) {
	for name, text := range map[string]string{
		"an empty file":      "",
		"one version":        line(0, "candidate", 100, 0, "") + line(1, "candidate", 100, 0, ""),
		"times that differ":  line(0, "baseline", 100, 0, "") + line(1, "candidate", 100, 0, ""),
		"one long interval":  line(0, "candidate", 100, 0, `,"seconds":3600`),
		"hours that differ":  line(0, "baseline", 100, 0, `,"seconds":3600`) + line(3600, "candidate", 100, 0, `,"seconds":3600`),
		"a flood of failure": line(0, "candidate", 100000, 100000, ""),
	} {
		if _, summary := hear(t, text); summary.Outcome != stagger.OutcomeBlind || summary.Verdict.Sentence == "" {
			t.Errorf("%s: %s, %q", name, summary.Outcome, summary.Verdict.Sentence)
		}
	}
}

// TestWhatIsOftenMissingIsNeverHealthy loses a tick in five, none for long.
func TestWhatIsOftenMissingIsNeverHealthy(t *testing.T) {
	for _, each := range []int{5, 50} {
		text := made["healthy"]
		text.ticks, text.every = 300, 1
		text.skips = func(side, second int) bool { return side == 1 && second%each == 0 }
		decisions, summary := try(t, text.record(1))
		if want := map[int]stagger.Outcome{5: stagger.OutcomeBlind, 50: stagger.OutcomeHealthy}[each]; summary.Outcome != want {
			t.Errorf("one in %d missing: %s, want %s\n%+v", each, summary.Outcome, want, decisions)
		}
	}
}

// TestRecordingsOfTwoTimesAreAligned compares two files from different days.
func TestRecordingsOfTwoTimesAreAligned(t *testing.T) {
	day := 86_400
	var a, b strings.Builder
	for second := range 60 {
		a.WriteString(line(second, "old", 100, 0, ""))
		b.WriteString(strings.Replace(line(day+second, "new", 100, 5, ""), `"version":"new",`, "", 1))
	}
	h := recording.NewHearing(trial())
	for tick, err := range recording.Aligned(source("a.jsonl", []byte(a.String())), source("b.jsonl", []byte(b.String()))) {
		if err != nil {
			t.Fatal(err)
		}
		h.Hear(tick)
	}
	s := h.Summary()
	if s.Outcome != stagger.OutcomeRegressed || s.Ticks != 60 || s.Missing != 0 || !s.From.Equal(epoch) {
		t.Errorf("%+v", s)
	}
}

func TestWhatCannotBeAlignedIsSaid(t *testing.T) {
	every := func(seconds int) string {
		return line(0, "v", 1, 0, "") + line(seconds, "v", 1, 0, "") + line(2*seconds, "v", 1, 0, "")
	}
	for name, c := range map[string]struct{ a, b, want string }{
		"other intervals":   {every(1), every(10), `b.jsonl:1:7: at: the intervals are 10s long here and 1s in a.jsonl`},
		"changing ones":     {every(1), line(0, "v", 1, 0, `,"seconds":1`) + line(1, "v", 1, 0, `,"seconds":2`), `b.jsonl:2:7: at: this interval is 2s long, the first was 1s`},
		"two in one file":   {every(1), line(0, "v", 1, 0, "") + line(1, "w", 1, 0, ""), `b.jsonl:2:1: version: version "w" follows "v" in a file of one version`},
		"a fault in either": {every(1) + "x", every(1), `a.jsonl:4:1: "x" stands here`},
	} {
		var got []string
		for _, err := range recording.Aligned(source("a.jsonl", []byte(c.a)), source("b.jsonl", []byte(c.b))) {
			if err != nil {
				got = append(got, err.Error())
			}
		}
		if len(got) != 1 || !strings.HasPrefix(got[0], c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestAProfileIsThatOfOneVersionAndTheTrafficOfAll(t *testing.T) {
	text := line(0, "v1", 10, 1, `,"latency":{"schema":5,"buckets":{"-100":10}}`) + line(0, "v1", 5, 1, `,"route":"/a"`) +
		line(0, "v2", 20, 3, `,"latency":{"schema":5,"buckets":{"-50":20}}`) + line(0, "v3", 30, 4, "") +
		line(2, "v1", 40, 0, `,"latency":{"schema":5,"buckets":{"-100":39,"-99":1}}`)
	var p recording.Profile
	for tick, err := range recording.All(source("r.jsonl", []byte(text)), "v1") {
		if err != nil {
			t.Fatal(err)
		}
		p.Add(tick)
	}
	want := recording.Profile{
		Requests: 55, Failed: 2, All: 105, Seconds: 4,
		Latency: stagger.Histogram{Buckets: []stagger.Bucket{{Index: -100, Count: 49}, {Index: -99, Count: 1}}},
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Error(diff)
	}
}

// FuzzRecording reads anything at all, as one file and as two.
func FuzzRecording(f *testing.F) {
	f.Add([]byte(both(0, "")))
	f.Add([]byte(both(0, `,"unfinished":1`) + both(70, `,"gauges":{"cpu":1}`)))
	f.Add([]byte(line(0, "candidate", 3, 1, `,"latency":{"schema":7,"zero":1,"buckets":{"-9":2}}`)))
	f.Add([]byte(line(0, "baseline", 2, 0, `,"route":"/é","seconds":0.25,"latency_seconds":[0.1,2e9]`)))
	f.Add([]byte(both(0, `,"host":"a","proxy":"p","arrived":3,"share":0.5,"counts":{"n":2},"gauges":{"cpu":1}`) + both(0, `,"host":"b","proxy":"p"`)))
	f.Add(made["errors"].record(1)[:3000])
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 20_000 {
			return
		}
		s := source("r.jsonl", text)
		h, asked, harm := recording.NewHearing(trial()), false, false
		until := time.Time{}
		for tick, err := range recording.Ticks(s, names) {
			if err != nil {
				if p, ok := errors.AsType[*recording.Problem](err); !ok || p.Message == "" || p.Line < 1 || p.Column < 1 {
					t.Fatalf("%#v", err)
				}
				continue
			}
			if !tick.To.After(tick.From) || tick.From.Before(until) {
				t.Fatalf("a tick from %s to %s after one until %s", tick.From, tick.To, until)
			}
			until = tick.To
			for _, l := range tick.Lines[1] {
				asked = asked || l.Started > 0 && len(tick.Lines[0]) > 0
				harm = harm || l.Failed > 0 || l.Unfinished > 0 || l.Latency.Count() > 0
			}
			h.Hear(tick)
		}
		switch summary := h.Summary(); {
		case summary.Outcome == stagger.OutcomeHealthy && !asked:
			t.Error("healthy without data")
		case summary.Outcome == stagger.OutcomeRegressed && !(asked && harm):
			t.Error("regressed without harm")
		case summary.Ticks == 0 && summary.Outcome != stagger.OutcomeBlind:
			t.Error("nothing was seen, and it is not blind")
		}
		first, second, _ := bytes.Cut(text, []byte("\n\n"))
		for tick, err := range recording.Aligned(source("a.jsonl", first), source("b.jsonl", second)) {
			if err == nil && !tick.To.After(tick.From) {
				t.Fatalf("a tick from %s to %s", tick.From, tick.To)
			}
		}
	})
}
