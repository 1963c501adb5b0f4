package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// kepts reads all results that are kept.
func kepts(t *testing.T) report {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("results", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := readAll(files)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestTheDocumentTellsTheResults holds the tables and the plots that people see
// against what was measured.
func TestTheDocumentTellsTheResults(t *testing.T) {
	const document = "../../docs/statistics.md"
	r, dir := kepts(t), t.TempDir()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	want, err := filled(string(text), r)
	if err != nil {
		t.Fatal(err)
	}
	const how = "go run ./bench/judge -plot docs/images -write docs/statistics.md bench/judge/results/*.json"
	if want != string(text) {
		t.Errorf("the tables of %s are not those of the results; %s", document, how)
	}
	for _, v := range views {
		if _, known := v.table(r); known && !strings.Contains(want, "<!-- table "+v.name+" -->\n|") {
			t.Errorf("%s lacks the table %s", document, v.name)
		}
	}
	if err := drawAll(r, dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"false-alarms.svg", "delay.svg", "evidence.svg"} {
		drawn, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		shown, err := os.ReadFile(filepath.Join("..", "..", "docs", "images", name))
		if err != nil {
			t.Fatal(err)
		}
		if string(drawn) != string(shown) {
			t.Errorf("docs/images/%s is not what the results draw; %s", name, how)
		}
	}
}

func TestResultsAreReadAsTheyWereWritten(t *testing.T) {
	first := report{Date: "2026-01-02", Note: "one", Rows: []row{
		{Section: sectionNull, By: ours, Model: "healthy", Rate: 100, Share: 0.05, Seed: 1, Suspect: []int{-1, 5}, Rollback: []int{-1, -1}},
		{Section: sectionDelay, By: ours, Model: "errors=1%", Rate: 100, Share: 0.05, Seed: 1, Suspect: []int{3}, Rollback: []int{9}},
	}}
	second := report{Date: "2026-01-03", Note: "two", Rows: []row{first.Rows[0]}}
	second.Rows[0].Rollback = []int{7}
	dir := t.TempDir()
	files := []string{filepath.Join(dir, "new", "a.json"), filepath.Join(dir, "b.json")}
	for i, r := range []report{first, second} {
		if err := r.save(files[i]); err != nil {
			t.Fatal(err)
		}
	}
	got, err := readAll(files)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Rows) != 2 || got.Rows[0].Rollback[0] != 7 || got.Rows[1].Rollback[0] != 9 || got.Note != "two" {
		t.Errorf("got %+v", got)
	}
	if _, err := readAll(nil); err == nil {
		t.Error("nothing was read without an error")
	}
	if _, err := readAll([]string{"results"}); err == nil {
		t.Error("a directory was read without an error")
	}
}

func TestWordsForNumbers(t *testing.T) {
	for s, want := range map[float64]string{0: "-", 0.3: "<1 s", 1: "1 s", 9.94: "9.9 s", 33.4: "33 s", 99.6: "1.7 min", 5399: "90.0 min", 5400: "1.5 h"} {
		if got := spanOf(s); got != want {
			t.Errorf("%g s is written %q, want %q", s, got, want)
		}
	}
	for share, want := range map[float64]string{0: "0", 0.0005: "0.05%", 0.013: "1.3%", 0.34: "34%", 1: "100%"} {
		if got := percent(share); got != want {
			t.Errorf("%g is written %q, want %q", share, got, want)
		}
	}
}

func TestUnknownSectionsAreRefused(t *testing.T) {
	if _, err := cellsOf("null,bogus"); err == nil || !strings.Contains(err.Error(), `no section "bogus"; there are null, robust`) {
		t.Errorf("got %v", err)
	}
	cells, err := cellsOf("blips")
	if err != nil || len(cells) != 3 {
		t.Errorf("%d cells, %v", len(cells), err)
	}
	for _, c := range allCells(t) {
		if tr, err := c.trial(); err != nil || tr.Refused() != nil {
			t.Errorf("%s cannot be simulated: %v, %v", c.model, err, tr.Refused())
		}
	}
}

func allCells(t *testing.T) []cell {
	t.Helper()
	all, err := cellsOf("")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestNewResultsTellMore writes every table of rows that tell a suspected
// candidate from what both versions suffer, and holds a line of each.
func TestNewResultsTellMore(t *testing.T) {
	made := func(section, model string, change func(*row)) row {
		r := row{
			Section: section, By: ours, Model: model, Rate: 1000, Share: 0.05, Apart: true, Seed: 1, Limit: 10, WantRollback: 40,
			Suspect: []int{20, 20}, Core: []int{15, 15}, Rollback: []int{40, 40},
		}
		change(&r)
		return r
	}
	r := report{Rows: []row{
		made(sectionNull, "healthy", func(r *row) { r.Suspect, r.Core, r.Rollback = []int{-1, 7}, nil, []int{-1, -1} }),
		made(sectionRobust, "incident", func(r *row) { r.Suspect, r.Core, r.Shared, r.Rollback = nil, nil, []int{9, 8}, []int{-1, -1} }),
		made(sectionDelay, "p99=20%", func(*row) {}),
		made(sectionLate, "late", func(*row) {}),
		made(sectionClumps, "pods", func(r *row) { r.Stay, r.Subjects, r.Placebo = true, true, []int{-1, 3} }),
		made(sectionSignals, "split", func(r *row) { r.Suspect, r.Split, r.Rollback = nil, []int{70, 70}, []int{-1, -1} }),
	}}
	var b strings.Builder
	if err := writeMarkdown(&b, r); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"| healthy | 1k × 5% | 2 | 50% (0.25% to 100%) | 0 | 0 | 0 (0 to 93%) | 0 (0 to 93%) |",
		"| incident | 1k × 5% | 2 | 0 (0 to 93%) | 100% | 0 | 0 (0 to 93%) | 0 (0 to 93%) |",
		"| p99=20% | 1000 | 2 | 10 s / 15 s / 20 s / **40 s** (1.00) |",
		"| p99=20% | 4 | 1.50 / 2.00 / **4.00** |",
		"| late | 1000 | 2 | 15 s | 20 s | - | **40 s** | 40 s | 40 s |",
		"| pods | plain, forced | 2 | 100% | 100% (7.1% to 100%) | 40 s | 50% |",
		"| split | 2 | 0 (0 to 93%) | never | never | 100% | 70 s | 0 | 0 |",
	} {
		if !strings.Contains(b.String(), line+"\n") {
			t.Errorf("there is no line\n%s\nin\n%s", line, &b)
		}
	}
}

// TestARunGoesOnWhereItEnded asks for cells that are there, and for those that
// are not, are fewer or began with another seed.
func TestARunGoesOnWhereItEnded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "results.json")
	c := blipCells()[0]
	known := row{
		Section: c.section, By: ours, Model: c.model, Rate: c.rate, Share: c.share, Harm: c.harm, Seed: 1, Apart: true, Rollback: []int{-1, -1, -1},
	}
	if err := (report{Rows: []row{known}}).save(file); err != nil {
		t.Fatal(err)
	}
	rows, err := keptRows(file)
	if err != nil {
		t.Fatal(err)
	}
	r := report{Rows: rows}
	for name, ask := range map[string]struct {
		cell cell
		o    options
		want bool
	}{
		"as many":        {c, options{runs: 3, seed: 1}, true},
		"fewer":          {c, options{runs: 2, seed: 1}, true},
		"more":           {c, options{runs: 4, seed: 1}, false},
		"another seed":   {c, options{runs: 3, seed: 2}, false},
		"another cell":   {blipCells()[1], options{runs: 3, seed: 1}, false},
		"peers are many": {peerCells()[0], options{runs: 3, seed: 1}, false},
	} {
		if got := r.has(ask.cell, ask.o); got != ask.want {
			t.Errorf("%s: known is %t", name, got)
		}
	}
	if rows, err := keptRows(file + ".new"); err != nil || rows != nil {
		t.Errorf("a file that is not there has %d rows, %v", len(rows), err)
	}
	for args, want := range map[string]string{"-resume": "name it with -out", "-runs 0": "write 1 or more", "-delays -1": "a third of -runs"} {
		if _, err := parse(strings.Fields(args), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", args, err, want)
		}
	}
	if o, err := parse([]string{"-runs", "90"}, io.Discard); err != nil || o.delays != 30 {
		t.Errorf("delays have %d lives, %v", o.delays, err)
	}
}
