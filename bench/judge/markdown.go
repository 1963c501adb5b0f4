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
	{"delay", "Delay: limit / held / rolled back, medians; (over the design's)", sectionDelay, writeDelays},
	{"ratios", "Delay over the limit, at 1k requests per second: held / rolled back", sectionDelay, writeRatios},
	{"late", "Intermittent and late harm, 5% candidate", sectionLate, writeLate},
	{"blips", "Blips of half of all requests, 1k × 5%", sectionBlips, writeBlips},
	{"usual", "Delay with the tolerances of plans that say nothing, 1k × 5%", sectionUsual, writeLate},
	{"clumps", "Requests that depend on each other, 1k × 5%", sectionClumps, writeClumps},
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

func writeNull(b *strings.Builder, rows []row) {
	b.WriteString("| model | rps × candidate | lives | held, at most 5% | rolled back, at most 1% |\n|---|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(b, "| %s | %s | %d | %s | %s |\n", r.Model, load(r), len(r.Rollback), within(sum(r.Suspect)), within(sum(r.Rollback)))
	}
}

// writeDelays writes a line for each model and rate, and a column for each share.
func writeDelays(b *strings.Builder, rows []row) {
	b.WriteString("| harm | rps | lives | 1% candidate | 5% candidate | 25% candidate |\n|---|---|---|---|---|---|\n")
	last := ""
	for _, r := range rows {
		if line := fmt.Sprintf("| %s | %g ", r.Model, r.Rate); line != last {
			if last != "" {
				b.WriteString("|\n")
			}
			fmt.Fprintf(b, "%s| %d ", line, len(r.Rollback))
			last = line
		}
		s, m := sum(r.Suspect), sum(r.Rollback)
		fmt.Fprintf(b, "| %s / %s / **%s** (%s) ", spanOf(r.Limit), span(s.Median), span(m.Median), times(m.Median.Seconds(), r.WantRollback))
	}
	b.WriteString("|\n")
}

// writeRatios writes how far delays are from the limit.
func writeRatios(b *strings.Builder, rows []row) {
	b.WriteString("| harm | 1% candidate | 5% candidate | 25% candidate |\n|---|---|---|---|\n")
	last := ""
	for _, r := range rows {
		if r.Rate != 1000 || r.Model == "errors=50%" {
			continue // there a look each second is what limits
		}
		if r.Model != last {
			if last != "" {
				b.WriteString("|\n")
			}
			fmt.Fprintf(b, "| %s ", r.Model)
			last = r.Model
		}
		fmt.Fprintf(b, "| %s / **%s** ", times(sum(r.Suspect).Median.Seconds(), r.Limit), times(sum(r.Rollback).Median.Seconds(), r.Limit))
	}
	b.WriteString("|\n")
}

// times is how many times one is the other.
func times(a, of float64) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", a/of)
}

func writeLate(b *strings.Builder, rows []row) {
	b.WriteString("| harm | rps | lives | held | the design's | rolled back | the design's | p90 |\n|---|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		s, m := sum(r.Suspect), sum(r.Rollback)
		fmt.Fprintf(b, "| %s | %g | %d | %s | %s | **%s** | %s | %s |\n", r.Model, r.Rate, len(r.Rollback),
			span(s.Median), spanOf(r.WantSuspect), span(m.Median), spanOf(r.WantRollback), span(m.P90))
	}
}

func writeBlips(b *strings.Builder, rows []row) {
	b.WriteString("| blip | lives | held | rolled back | after |\n|---|---|---|---|---|\n")
	for _, r := range rows {
		m := sum(r.Rollback)
		fmt.Fprintf(b, "| %s | %d | %s | %s | %s |\n", r.Model, len(r.Rollback), percent(sum(r.Suspect).Share()), within(m), span(m.Median))
	}
}

func writeClumps(b *strings.Builder, rows []row) {
	b.WriteString("| model | dependence | lives | held | rolled back | after |\n|---|---|---|---|---|---|\n")
	for _, r := range rows {
		seen, m := "not seen", sum(r.Rollback)
		if r.Subjects {
			seen = "measured"
		}
		fmt.Fprintf(b, "| %s | %s | %d | %s | %s | %s |\n", r.Model, seen, len(r.Rollback), percent(sum(r.Suspect).Share()), within(m), span(m.Median))
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
