package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stagger-dev/stagger/internal/simulate"
)

// span writes a delay as people read it.
func span(d time.Duration) string {
	if d == simulate.Never {
		return "never"
	}
	return spanOf(d.Seconds())
}

// spanOf writes seconds; 0 is nothing known.
func spanOf(s float64) string {
	switch {
	case s == 0:
		return "-"
	case s < 1:
		return "<1 s"
	case s < 9.95:
		return strconv.FormatFloat(math.Round(10*s)/10, 'f', -1, 64) + " s"
	case s < 99.5:
		return fmt.Sprintf("%.0f s", s)
	case s < 90*60:
		return fmt.Sprintf("%.1f min", s/60)
	default:
		return fmt.Sprintf("%.1f h", s/3600)
	}
}

// percent writes a share.
func percent(share float64) string {
	switch {
	case share == 0:
		return "0"
	case share == 1:
		return "100%"
	case share < 0.1:
		return fmt.Sprintf("%.2g%%", 100*share)
	default:
		return fmt.Sprintf("%.0f%%", 100*share)
	}
}

func load(r row) string {
	rate := strconv.FormatFloat(r.Rate, 'f', -1, 64)
	if r.Rate >= 1000 {
		rate = strconv.FormatFloat(r.Rate/1000, 'f', -1, 64) + "k"
	}
	return rate + " × " + strconv.FormatFloat(100*r.Share, 'f', -1, 64) + "%"
}

// A view shows the rows of one section.
type view struct {
	name, title string
	section     string
	write       func(*strings.Builder, []row)
}

// views are the tables, by the names that documents call them by.
var views = []view{
	{"null", "Identical versions for an hour, looked at all the time: share of lives with an alarm", sectionNull, writeNull},
	{"robust", "Identical versions under difficult traffic, an hour at 1k × 5%", sectionRobust, writeNull},
	{"delay", "Delay: limit / plain evidence, where known / held / rolled back, medians; (over the design's)", sectionDelay, writeDelays},
	{"ratios", "Delay over the limit, at 1k requests per second: plain evidence, where known / held / rolled back", sectionDelay, writeRatios},
	{"late", "Intermittent and late harm, 5% candidate", sectionLate, writeLate},
	{"blips", "Blips of half of all requests, 1k × 5%", sectionBlips, writeBlips},
	{"usual", "Delay with the tolerances of plans that say nothing, 1k × 5%", sectionUsual, writeLate},
	{"clumps", "Requests that depend on each other, 1k × 5%", sectionClumps, writeClumps},
	{"signals", "All that can be looked at, 1k × 5% on 20 hosts: false alarms and delays", sectionSignals, writeSignals},
	{"peers", "Peers on the same ticks: share of healthy hours with an alarm", sectionPeers, writePeers},
	{"peers-delay", "Peers on the same ticks: median delay, and share found, 1k × 5%", sectionPeersAt, writePeersAt},
}

// table writes what v shows, and whether there is anything.
func (v view) table(r report) (string, bool) {
	var rows []row
	for _, each := range r.Rows {
		if each.Section == v.section {
			rows = append(rows, each)
		}
	}
	var b strings.Builder
	if len(rows) > 0 {
		v.write(&b, rows)
	}
	return b.String(), len(rows) > 0
}

// writeMarkdown writes a table for each section that was measured.
func writeMarkdown(out io.Writer, r report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s with %s on %s, %d of %d cores. %s\n", r.Date, r.Go, r.OS, r.Used, r.Cores, r.Note)
	for _, v := range views {
		if table, ok := v.table(r); ok {
			fmt.Fprintf(&b, "\n### %s\n\n%s", v.title, table)
		}
	}
	if _, err := io.WriteString(out, b.String()); err != nil {
		return fmt.Errorf("print the tables: %w", err)
	}
	return nil
}

// filled returns a document with the tables of r between its marks,
// "<!-- table NAME -->" and "<!-- end NAME -->".
func filled(document string, r report) (string, error) {
	for _, v := range views {
		begin, end := "<!-- table "+v.name+" -->\n", "<!-- end "+v.name+" -->"
		before, rest, marked := strings.Cut(document, begin)
		if !marked {
			continue
		}
		_, after, closed := strings.Cut(rest, end)
		table, known := v.table(r)
		if !closed || !known {
			return "", fmt.Errorf("fill in the table %s: it is not closed, or was not measured", v.name)
		}
		document = before + begin + table + end + after
	}
	return document, nil
}

// within says a share and the interval of 99% around it.
func within(m simulate.Measure) string {
	return fmt.Sprintf("%s (%s to %s)", percent(m.Share()), percent(m.Low), percent(m.High))
}

// apart says whether the rows tell a suspected candidate from what both versions
// suffer, and have plain evidence: older ones do not.
func apart(rows []row) bool {
	return slices.ContainsFunc(rows, func(r row) bool { return r.Apart })
}

// ifApart shows what only newer rows know.
func (r row) ifApart(raw []int, show func(simulate.Measure) string) string {
	if !r.Apart {
		return "-"
	}
	return show(r.sum(raw))
}

func median(m simulate.Measure) string { return span(m.Median) }

func often(m simulate.Measure) string { return percent(m.Share()) }

func writeNull(b *strings.Builder, rows []row) {
	if !apart(rows) {
		b.WriteString("| model | rps × candidate | lives | held, at most 5% | rolled back, at most 1% |\n|---|---|---|---|---|\n")
		for _, r := range rows {
			fmt.Fprintf(b, "| %s | %s | %d | %s | %s |\n", r.Model, load(r), len(r.Rollback), within(r.sum(r.Suspect)), within(sum(r.Rollback)))
		}
		return
	}
	b.WriteString("| model | rps × candidate | lives | suspected, at most 5% | held for both | split alarm, at most 0.1% | plain evidence, at most 1% | rolled back, at most 1% |\n" +
		"|---|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(b, "| %s | %s | %d | %s | %s | %s | %s | %s |\n", r.Model, load(r), len(r.Rollback),
			r.ifApart(r.Suspect, within), r.ifApart(r.Shared, often), r.ifApart(r.Split, often), r.ifApart(r.Core, within), within(sum(r.Rollback)))
	}
}

// writeLines writes a line for each name of a row, and in it what show makes of
// the rows with that name.
func writeLines(b *strings.Builder, rows []row, name, show func(row) string) {
	last := ""
	for _, r := range rows {
		if line := name(r); line != last {
			if last != "" {
				b.WriteString("|\n")
			}
			fmt.Fprintf(b, "%s", line)
			last = line
		}
		b.WriteString(show(r))
	}
	b.WriteString("|\n")
}

// writeDelays writes a line for each model and rate, and a column for each share.
func writeDelays(b *strings.Builder, rows []row) {
	b.WriteString("| harm | rps | lives | 1% candidate | 5% candidate | 25% candidate |\n|---|---|---|---|---|---|\n")
	name := func(r row) string { return fmt.Sprintf("| %s | %g | %d ", r.Model, r.Rate, len(r.Rollback)) }
	writeLines(b, rows, name, func(r row) string {
		core, m := "", sum(r.Rollback)
		if apart(rows) {
			core = r.ifApart(r.Core, median) + " / "
		}
		return fmt.Sprintf("| %s / %s%s / **%s** (%s) ", spanOf(r.Limit), core, median(r.sum(r.Suspect)), span(m.Median), times(m.Median, r.WantRollback))
	})
}

// aims are how many times the limit plain evidence may need, by what the names
// of models begin with.
var aims = []struct {
	model string
	most  float64
}{{"errors", 1.75}, {"p50", 3.1}, {"p99", 4}}

// aim is that of a model, 0 if there is none.
func aim(model string) float64 {
	for _, a := range aims {
		if strings.HasPrefix(model, a.model) {
			return a.most
		}
	}
	return 0
}

// writeRatios writes how far delays are from the limit.
func writeRatios(b *strings.Builder, rows []row) {
	var at1k []row
	for _, r := range rows {
		if r.Rate == 1000 && r.Model != "errors=50%" { // there a look each second is what limits
			at1k = append(at1k, r)
		}
	}
	told := apart(at1k)
	aims, line := "", "|---|---|---|---|\n"
	if told {
		aims, line = " plain: aim |", "|---|---|---|---|---|\n"
	}
	fmt.Fprintf(b, "| harm |%s 1%% candidate | 5%% candidate | 25%% candidate |\n%s", aims, line)
	name := func(r row) string {
		if told {
			return fmt.Sprintf("| %s | %g ", r.Model, aim(r.Model))
		}
		return fmt.Sprintf("| %s ", r.Model)
	}
	writeLines(b, at1k, name, func(r row) string {
		over := func(m simulate.Measure) string { return times(m.Median, r.Limit) }
		core := ""
		if told {
			core = r.ifApart(r.Core, over) + " / "
		}
		return fmt.Sprintf("| %s%s / **%s** ", core, over(r.sum(r.Suspect)), over(sum(r.Rollback)))
	})
}

// times is how many times a delay is of so many seconds.
func times(d time.Duration, seconds float64) string {
	switch {
	case seconds == 0:
		return "-"
	case d == simulate.Never:
		return "never"
	}
	return fmt.Sprintf("%.2f", d.Seconds()/seconds)
}

func writeLate(b *strings.Builder, rows []row) {
	core := func(string) string { return "" }
	if apart(rows) {
		core = func(text string) string { return " " + text + " |" }
	}
	fmt.Fprintf(b, "| harm | rps | lives |%s held | the design's | rolled back | the design's | p90 |\n|---|---|---|%s---|---|---|---|---|\n",
		core("plain evidence"), strings.ReplaceAll(core("---"), " ", ""))
	for _, r := range rows {
		s, m := r.sum(r.Suspect), sum(r.Rollback)
		fmt.Fprintf(b, "| %s | %g | %d |%s %s | %s | **%s** | %s | %s |\n", r.Model, r.Rate, len(r.Rollback), core(r.ifApart(r.Core, median)),
			span(s.Median), spanOf(r.WantSuspect), span(m.Median), spanOf(r.WantRollback), span(m.P90))
	}
}

func writeBlips(b *strings.Builder, rows []row) {
	b.WriteString("| blip | lives | held | rolled back | after |\n|---|---|---|---|---|\n")
	for _, r := range rows {
		m := sum(r.Rollback)
		fmt.Fprintf(b, "| %s | %d | %s | %s | %s |\n", r.Model, len(r.Rollback), often(r.sum(r.Suspect)), within(m), span(m.Median))
	}
}

func writeClumps(b *strings.Builder, rows []row) {
	if !apart(rows) {
		writeOldClumps(b, rows)
		return
	}
	b.WriteString("| model | rung | lives | suspected | rolled back | after | placebo alarmed |\n|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		rung, m := "chosen", sum(r.Rollback)
		if r.Stay || !r.Subjects {
			rung = "plain, forced"
		}
		fmt.Fprintf(b, "| %s | %s | %d | %s | %s | %s | %s |\n", r.Model, rung, len(r.Rollback),
			r.ifApart(r.Suspect, often), within(m), span(m.Median), r.ifApart(r.Placebo, often))
	}
}

func writeOldClumps(b *strings.Builder, rows []row) {
	b.WriteString("| model | dependence | lives | held | rolled back | after |\n|---|---|---|---|---|---|\n")
	for _, r := range rows {
		seen, m := "not seen", sum(r.Rollback)
		if r.Subjects {
			seen = "measured"
		}
		fmt.Fprintf(b, "| %s | %s | %d | %s | %s | %s |\n", r.Model, seen, len(r.Rollback), often(r.sum(r.Suspect)), within(m), span(m.Median))
	}
}

// writeSignals writes false alarms and delays of what is looked at besides
// failures and latency.
func writeSignals(b *strings.Builder, rows []row) {
	b.WriteString("| model | lives | suspected | after | p90 | split alarm | after | placebo alarmed | rolled back |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		s, split := r.sum(r.Suspect), r.sum(r.Split)
		fmt.Fprintf(b, "| %s | %d | %s | %s | %s | %s | %s | %s | %s |\n", r.Model, len(r.Rollback),
			within(s), span(s.Median), span(s.P90), often(split), span(split.Median), often(r.sum(r.Placebo)), often(sum(r.Rollback)))
	}
}

// names lists what pick finds, in order of appearance.
func names(rows []row, pick func(row) string) []string {
	var out []string
	for _, r := range rows {
		if name := pick(r); !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// writeGrid writes a line for each judge and a column for each name that pick
// finds.
func writeGrid(b *strings.Builder, rows []row, pick, show func(row) string) {
	columns := names(rows, pick)
	fmt.Fprintf(b, "| who | %s |\n|---%s|\n", strings.Join(columns, " | "), strings.Repeat("|---", len(columns)))
	for _, by := range names(rows, func(r row) string { return r.By }) {
		fmt.Fprintf(b, "| %s ", by)
		for _, column := range columns {
			text := "-"
			if i := slices.IndexFunc(rows, func(r row) bool { return r.By == by && pick(r) == column }); i >= 0 {
				text = show(rows[i])
			}
			fmt.Fprintf(b, "| %s ", text)
		}
		b.WriteString("|\n")
	}
}

func writePeers(b *strings.Builder, rows []row) {
	writeGrid(b, rows, func(r row) string {
		if r.Model == "healthy" {
			return load(r)
		}
		return r.Model
	}, func(r row) string { return percent(sum(r.Rollback).Share()) })
}

func writePeersAt(b *strings.Builder, rows []row) {
	writeGrid(b, rows, func(r row) string { return r.Model }, func(r row) string {
		m := sum(r.Rollback)
		if m.Share() == 1 {
			return span(m.Median)
		}
		return fmt.Sprintf("%s (%s)", span(m.Median), percent(m.Share()))
	})
}
