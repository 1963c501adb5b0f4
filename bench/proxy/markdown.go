package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// proxies are those of a load, in the order in which they are told.
func (r *report) proxies(l load) []string {
	order := []string{ours, "newest nginx", "nginx", "HAProxy", overNetHTTP, "ReverseProxy", direct}
	var names []string
	for _, name := range order {
		if len(r.of(name, l)) > 0 {
			names = append(names, name)
		}
	}
	return names
}

func (r *report) of(proxy string, l load) []measurement {
	var some []measurement
	for _, m := range r.Rounds {
		if m.Proxy == proxy && m.Load == l.name {
			some = append(some, m)
		}
	}
	return some
}

// middle returns the round with the median of a figure, so that what is told of
// it belongs together.
func middle(some []measurement, figure func(measurement) float64) measurement {
	some = slices.Clone(some)
	slices.SortStableFunc(some, func(a, b measurement) int { return cmp.Compare(figure(a), figure(b)) })
	return some[len(some)/2]
}

func byCost(m measurement) float64 { return m.cost() }

// view is one part of the document that the results fill in.
type view struct {
	name  string
	write func(*strings.Builder, *report)
}

// views are all of them, by the names that the document calls them by.
func views() []view {
	all := []view{{"machine", writeMachine}, {"ratios", writeRatios}}
	for _, l := range loads {
		all = append(all, view{l.name, func(b *strings.Builder, r *report) { writeLoad(b, r, l) }})
	}
	return append(all, view{"nginx.conf", writeConf(nginxConf, " http2", "")}, view{"haproxy.cfg", writeConf(haproxyConf, "", "")})
}

// unmeasured stands where there are no results.
const unmeasured = "Not measured yet.\n"

func (v view) text(r *report) string {
	var b strings.Builder
	v.write(&b, r)
	if b.Len() == 0 {
		return unmeasured
	}
	return b.String()
}

// filled returns a document with the results between its marks,
// "<!-- table NAME -->" and "<!-- end NAME -->".
func filled(document string, r *report) (string, error) {
	for _, v := range views() {
		begin, end := "<!-- table "+v.name+" -->\n", "<!-- end "+v.name+" -->"
		before, rest, marked := strings.Cut(document, begin)
		_, after, closed := strings.Cut(rest, end)
		if !marked || !closed {
			return "", fmt.Errorf("fill in the table %s: the document has no place for it", v.name)
		}
		document = before + begin + v.text(r) + end + after
	}
	return document, nil
}

func fillIn(document string, files []string) error {
	r, err := readAll(files)
	if err != nil {
		return err
	}
	before, err := os.ReadFile(document)
	if err != nil {
		return fmt.Errorf("read the document: %w", err)
	}
	after, err := filled(string(before), r)
	if err != nil {
		return err
	}
	if err := os.WriteFile(document, []byte(after), 0o644); err != nil { //nolint:gosec // documents are for everybody to read
		return fmt.Errorf("write the document: %w", err)
	}
	return nil
}

// show prints what was measured.
func show(w io.Writer, r *report) error {
	var b strings.Builder
	for _, v := range views() {
		if text := v.text(r); text != unmeasured && !strings.HasPrefix(text, "```") {
			fmt.Fprintf(&b, "\n### %s\n\n%s", v.name, text)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeMachine(b *strings.Builder, r *report) {
	if len(r.Rounds) == 0 {
		return
	}
	fmt.Fprintf(b, "| | |\n|---|---|\n| measured | %s, %s |\n| machine | %s, %s |\n| Go | %s |\n", r.Date, cmp.Or(r.Note, "no note"), r.Machine, r.Kernel, r.Go)
	for _, name := range slices.Sorted(maps.Keys(r.Versions)) {
		fmt.Fprintf(b, "| %s | %s |\n", name, r.Versions[name])
	}
	for _, line := range r.Missing {
		fmt.Fprintf(b, "| left out | %s |\n", line)
	}
}

// writeLoad writes what every proxy did under one load.
func writeLoad(b *strings.Builder, r *report, l load) {
	names := r.proxies(l)
	if len(names) == 0 {
		return
	}
	if l.client == idling {
		b.WriteString("| proxy | bytes per connection | memory at the end | rounds |\n|---|---|---|---|\n")
		for _, name := range names {
			some := r.of(name, l)
			m := middle(some, func(m measurement) float64 { return m.PerConnection })
			fmt.Fprintf(b, "| %s | %.0f | %.1f MiB | %d |\n", name, m.PerConnection, float64(m.Memory)/(1<<20), len(some))
		}
		return
	}
	b.WriteString("| proxy | CPU us/request | requests/s | p50 us | p99 us | errors | rounds |\n|---|---|---|---|---|---|---|\n")
	for _, name := range names {
		b.WriteString(line(name, r.of(name, l)))
	}
}

// line tells the median round; the errors are those of all rounds. A round that
// stayed disturbed is told.
func line(name string, some []measurement) string {
	failed, disturbed := int64(0), 0
	for _, m := range some {
		failed += m.Errors
		if m.Others > mostOthers {
			disturbed++
		}
	}
	rounds := fmt.Sprint(len(some))
	if disturbed > 0 {
		rounds += fmt.Sprintf(", %d disturbed", disturbed)
	}
	m := middle(some, byCost)
	return fmt.Sprintf("| %s | %.2f | %.0f | %s | %s | %d | %s |\n", name, m.cost(), m.rate(), known(m.P50), known(m.P99), failed, rounds)
}

// known writes a figure that some clients do not tell.
func known(us float64) string {
	if us == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f", us)
}

// writeRatios says how many times as much CPU each other proxy takes, and how
// many times as many requests we carry in a second, in brackets.
func writeRatios(b *strings.Builder, r *report) {
	peers := []string{"HAProxy", "nginx", "newest nginx", "ReverseProxy"}
	for _, l := range loads {
		if l.client == idling || len(r.of(ours, l)) == 0 {
			continue
		}
		if b.Len() == 0 {
			b.WriteString("| load | " + strings.Join(peers, " | ") + " |\n|---" + strings.Repeat("|---", len(peers)) + "|\n")
		}
		fmt.Fprintf(b, "| %s |", l.title)
		for _, peer := range peers {
			b.WriteString(" " + r.ratio(peer, l) + " |")
		}
		b.WriteString("\n")
	}
}

// ratio compares within rounds, as machines drift between them, and tells the
// medians.
func (r *report) ratio(peer string, l load) string {
	var cost, rate []float64
	for _, us := range r.of(ours, l) {
		for _, them := range r.of(peer, l) {
			if us.Round == them.Round && us.cost() > 0 && them.rate() > 0 {
				cost = append(cost, them.cost()/us.cost())
				rate = append(rate, us.rate()/them.rate())
			}
		}
	}
	if len(cost) == 0 {
		return "-"
	}
	slices.Sort(cost)
	slices.Sort(rate)
	if l.client == openLoop { // the rate is given
		return fmt.Sprintf("%.2f", cost[len(cost)/2])
	}
	return fmt.Sprintf("%.2f (%.2f)", cost[len(cost)/2], rate[len(rate)/2])
}

// writeConf writes a configuration as it is used, but for the directory.
func writeConf(text, onListen, directive string) func(*strings.Builder, *report) {
	return func(b *strings.Builder, _ *report) {
		fmt.Fprintf(b, "```\n%s```\n", configuration(text, "/tmp/bench", onListen, directive))
	}
}
